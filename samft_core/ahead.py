"""Work done some items ahead of who takes the results."""

from __future__ import annotations

import collections
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 4
"""How many results may wait to be taken."""


def ahead(make: Callable[[Item], Result], items: Iterable[Item], *, threads: int = 1) -> Generator[Result]:
    """Make a result of each item, on threads of their own; the results come in the order of the items."""
    maker = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ahead")
    waiting: collections.deque[Future[Result]] = collections.deque()
    try:
        for item in items:
            waiting.append(maker.submit(make, item))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        maker.shutdown(wait=True, cancel_futures=True)
