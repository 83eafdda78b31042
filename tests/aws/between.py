"""A proxy before the server of AWS, for what moto does not do: jobs that fail, last, stop; broken downloads."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Between:
    """What is changed on the way."""

    endpoint: str
    """The proxy's own address."""
    jobs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What DescribeTrainingJob is made to say of a job, one answer after the other; the last one stays."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes each of the next answers to GET is cut off; 0 for none at all."""


@contextlib.contextmanager
def between(upstream: str) -> Iterator[Between]:
    """Start it on a free port, in a thread."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    found = Between(endpoint=f"http://127.0.0.1:{server.server_address[1]}")
    server.upstream, server.between = upstream.removeprefix("http://"), found  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        upstream = http.client.HTTPConnection(self.server.upstream)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in {"expect", "connection"}}
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        content, status = answer.read(), answer.status
        asked = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if asked == "DescribeTrainingJob" and status == 200:
            content = self._changed(json.loads(content))
        if asked == "StopTrainingJob":  # which moto does not know
            content, status = b"", 200
        self.send_response(status)
        for name, value in answer.getheaders():
            if name.lower() not in {"content-length", "transfer-encoding", "connection", "server", "date"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        cuts = self.server.between.cuts
        if self.command == "GET" and cuts:
            content, self.close_connection = content[: cuts.pop(0)], True
        self.wfile.write(content)
        upstream.close()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815

    def _changed(self, job: dict[str, Any]) -> bytes:
        answers = self.server.between.jobs.get(job["TrainingJobName"], [{}])
        return json.dumps(job | (answers.pop(0) if len(answers) > 1 else answers[0])).encode()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
