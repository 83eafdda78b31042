"""moto's server in this process, with a record of what it was asked and refusals on order.

Run as `python -m tests.aws.server PORT FOLDER`. FOLDER/requests.jsonl gets a line per request. FOLDER/refusals.json,
where it exists, is a list of {"operation", "status", "code", "message"}: such requests are answered so, not passed on.
"""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

RECORD, REFUSALS = "requests.jsonl", "refusals.json"

S3_OPERATIONS = {
    ("PUT", "key", "uploadId"): "UploadPart",
    ("PUT", "key", ""): "PutObject",
    ("POST", "key", "uploads"): "CreateMultipartUpload",
    ("POST", "key", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "key", "uploadId"): "AbortMultipartUpload",
    ("DELETE", "key", ""): "DeleteObject",
    ("GET", "key", "uploadId"): "ListParts",
    ("GET", "key", ""): "GetObject",
    ("HEAD", "key", ""): "HeadObject",
    ("GET", "bucket", "uploads"): "ListMultipartUploads",
    ("GET", "bucket", "location"): "GetBucketLocation",
    ("GET", "bucket", "encryption"): "GetBucketEncryption",
    ("GET", "bucket", "list-type"): "ListObjectsV2",
    ("GET", "bucket", ""): "ListObjects",
    ("HEAD", "bucket", ""): "HeadBucket",
    ("PUT", "bucket", ""): "CreateBucket",
    ("POST", "bucket", "delete"): "DeleteObjects",
    ("GET", "", ""): "ListBuckets",
}
"""An S3 request's operation by its method, what its path names, and the query that tells it from others."""


def operation(environ: dict[str, Any], body: str) -> str:
    """What is asked for, as the API names it."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    if "form" in environ.get("CONTENT_TYPE", "") and "Action=" in body:
        return parse_qs(body)["Action"][0]
    named = [part for part in environ["PATH_INFO"].split("/", 2) if part]
    what = ("", "bucket", "key")[len(named)]
    query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    for (method, names, word), name in S3_OPERATIONS.items():
        if (method, names) == (environ["REQUEST_METHOD"], what) and (not word or word in query):
            return name
    return f"{environ['REQUEST_METHOD']} {what} {sorted(query)}"


class Recorder:
    """A WSGI application in front of another."""

    def __init__(self, inner: Callable[..., Iterable[bytes]], folder: Path) -> None:
        self._inner = inner
        self._folder = folder
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Write the request down, and pass it on or refuse it."""
        if environ["PATH_INFO"].startswith("/moto-api"):
            return self._inner(environ, start_response)
        body = self._body(environ)
        asked = operation(environ, body)
        line = {
            "operation": asked,
            "method": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"],
            "query": environ["QUERY_STRING"],
            "headers": {
                name.removeprefix("HTTP_").replace("_", "-").lower(): value
                for name, value in environ.items()
                if name.startswith("HTTP_")
            },
            "body": json.loads(body) if body.startswith("{") else None,
        }
        with self._lock, (self._folder / RECORD).open("a", encoding="utf-8") as record:
            record.write(json.dumps(line) + "\n")
        for refusal in self._refusals():
            if refusal["operation"] == asked:
                return _refuse(refusal, environ, start_response)
        return self._inner(environ, start_response)

    def _refusals(self) -> list[dict[str, Any]]:
        path = self._folder / REFUSALS
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []

    @staticmethod
    def _body(environ: dict[str, Any]) -> str:
        """The body where it is words, left in place for the next to read."""
        kind = environ.get("CONTENT_TYPE", "")
        if "json" not in kind and "form" not in kind:
            return ""
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(content)
        return str(content.decode())


def _refuse(refusal: dict[str, Any], environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer as AWS does, in JSON or XML."""
    code, message = refusal["code"], refusal["message"]
    if environ.get("HTTP_X_AMZ_TARGET"):
        kind, text = "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message})
    else:
        error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        whole = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
        kind, text = "text/xml", whole if "form" in environ.get("CONTENT_TYPE", "") else error
    content = b"" if environ["REQUEST_METHOD"] == "HEAD" else text.encode()
    start_response(f"{refusal['status']} refused", [("Content-Type", kind), ("Content-Length", str(len(content)))])
    return [content]


def main(port: str, folder: str) -> None:
    """Serve until the process is ended."""
    from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import run_simple

    application = Recorder(DomainDispatcherApplication(create_backend_app), Path(folder))
    run_simple("127.0.0.1", int(port), application, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main(*sys.argv[1:])
