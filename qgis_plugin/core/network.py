# SPDX-License-Identifier: GPL-2.0-or-later
"""What servers answer while a layer is drawn, which drawing itself keeps quiet about: it leaves empty ground."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from qgis.core import QgsNetworkAccessManager, QgsNetworkReplyContent
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

ABSENT = (204, 404, 410)
"""What servers of tiles say where they have none."""
FAULTS = (b"ServiceException", b"ExceptionReport", b'"error"')
"""What is in a server's words where a picture should be."""


class Network:
    """What servers have answered to the requests of a thread."""

    def __init__(self) -> None:
        self.failure = ""
        """Of the latest request that failed; whoever looks at it empties it."""
        self.absent = ""
        """Whether there was no picture to be had, in words."""

    def hear(self, reply: QgsNetworkReplyContent) -> None:
        """An answer has come."""
        status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
        if status in ABSENT:
            self.absent = QCoreApplication.translate("Network", "its server answers {}").format(status)
        elif reply.error() == QNetworkReply.NetworkError.NoError:
            words = bytes(reply.content())[:2000]
            if any(fault in words for fault in FAULTS):
                self.failure = words.decode(errors="replace")
        else:
            self.failure = reply.errorString()


@contextlib.contextmanager
def network_watched() -> Iterator[Network]:
    """Hear what servers answer to this thread; drawing tells nothing of it, it leaves empty ground."""
    network, manager = Network(), QgsNetworkAccessManager.instance()
    finished = manager.finished["QgsNetworkReplyContent"]
    finished.connect(network.hear)
    try:
        yield network
    finally:
        finished.disconnect(network.hear)
