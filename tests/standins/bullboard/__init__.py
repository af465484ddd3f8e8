"""A recorded Bull Board: answers of 9.10.2 as received, cut down to what 5, 7 and 8 answer.

What each version lacks was found by comparing its routes.js and queues.js.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

FOLDER = Path(__file__).parent
_LATER = ("supportsGlobalRateLimit", "activeRateLimitTtl")
LACKS: dict[str, tuple[str, ...]] = {
    "9.10": (),
    "8.6": _LATER,
    "7.2": (*_LATER, "hasWorkers", "jobSchedulerCount"),
    "6.17": (*_LATER, "hasWorkers", "jobSchedulerCount"),
    "5.23": (*_LATER, "hasWorkers", "jobSchedulerCount", "globalConcurrency", "delimiter"),
}
"""Fields of a queue that a version does not have."""

JOB = "/queues/emails/3"


class Asked(NamedTuple):
    """A request as it came, and how it was answered; the names of `headers` in lower case."""

    method: str
    path: str
    body: Any
    status: int
    headers: Mapping[str, str]


class Board(ThreadingHTTPServer):
    """One board of a version; `gate` holds back its overview while it is cleared.

    `pages` is how many pages of jobs it shows, None for all; `wants` the headers without which it
    answers 401, which says what was sent instead.
    """

    daemon_threads = True

    def __init__(self, version: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.version = version
        self.asked: list[Asked] = []
        self.answers: dict[str, tuple[int, Any]] = {}
        self.queue: dict[str, Any] = {}
        self.pages: int | None = None
        self.wants: dict[str, str] = {}
        self.gate = threading.Event()
        self.gate.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/admin/queues"

    def paths(self, method: str) -> list[str]:
        """What was asked with that method."""
        return [one.path for one in self.asked if one.method == method]

    def answer(self, method: str, path: str, query: str) -> tuple[int, Any]:
        """Status and body; a text is HTML."""
        if path in self.answers:
            return self.answers[path]
        if path == "/queues":
            page = int(parse_qs(query).get("page", ["1"])[0])
            if self.pages is not None and page > self.pages:
                key = {"key": "ERRORS.INVALID_REQUEST"}
                return 400, {"error": key, "message": f"The board goes {self.pages} pages deep."}
            name = "03-queues-emails-failed" if "status=failed" in query else "02-queues-overview"
            return 200, {"queues": [self._cut(one) for one in _read(name)["queues"]]}
        old = self.version == "5.23"
        known: dict[str, tuple[int, Any]] = {
            JOB: (200, self._job(_read("04-job-failed"))),
            f"{JOB}/logs": (200, _read("05-job-logs")),
            f"{JOB}/clean": (204, None),
            f"{JOB}/retry/failed": (204, None) if self.version in ("5.23", "6.17") else _missing(),
            f"{JOB}/retry": _missing() if self.version in ("5.23", "6.17") else (204, None),
            f"{JOB}/flow": _missing() if old else (200, _read("06-job-flow-root")),
        }
        if self.version in ("9.10", "8.6"):
            known["/job-schedulers"] = (200, _read("12-job-schedulers"))
            known["/queues/emails/workers"] = (200, _read("08-workers"))
        if path.startswith("/queues/emails/") and path.count("/") == 3 and path not in known:
            gone = {"error": {"key": "ERRORS.JOB_NOT_FOUND"}}
            return 404, gone if self.version in ("9.10", "8.6") else {"error": "Job not found"}
        return known.get(path, _missing())

    def _cut(self, app: dict[str, Any]) -> dict[str, Any]:
        kept = {k: v for k, v in app.items() if k not in LACKS[self.version]}
        return {**kept, **(self.queue if app["name"] == "emails" else {})}

    def _job(self, body: dict[str, Any]) -> dict[str, Any]:
        traces = ["Error: the newest\n    at b (/app/b.js:1:1)", "Error: the oldest"]
        body["job"]["stacktrace"] = traces[::-1] if self.version == "5.23" else traces
        return body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Board

    def _serve(self) -> None:
        whole = urlsplit(self.path)
        length = int(self.headers.get("content-length", 0))
        sent = json.loads(self.rfile.read(length)) if length else None
        path = whole.path.removeprefix("/admin/queues/api")
        if path == "/queues":
            self.server.gate.wait(20)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.server.wants.items() <= headers.items():
            status, body = self.server.answer(self.command, path, whole.query)
        else:
            status, body = 401, {"error": f"No such login: {headers}"}
        html = isinstance(body, str)
        raw = b"" if body is None else (body if html else json.dumps(body)).encode()
        etag = f'W/"{hashlib.sha256(raw).hexdigest()[:16]}"'
        if self.headers.get("if-none-match") == etag:
            status, raw = 304, b""
        asked = f"{path}?{whole.query}" if whole.query else path
        self.server.asked.append(Asked(self.command, asked, sent, status, headers))
        self.send_response(status)
        self.send_header("content-type", "text/html" if html else "application/json")
        self.send_header("etag", etag)
        if status == 302:
            self.send_header("location", "/sign-in?next=board")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        with contextlib.suppress(OSError):  # who asked has gone
            self.wfile.write(raw)

    do_GET = do_PUT = do_POST = do_PATCH = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing to the terminal."""


@contextlib.contextmanager
def running(version: str) -> Iterator[Board]:
    """The recorded board for the time of the block."""
    board = Board(version)
    thread = threading.Thread(target=board.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield board
    finally:
        board.gate.set()
        board.shutdown()
        thread.join(10)
        board.server_close()


def _read(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def _missing() -> tuple[int, str]:
    """As Express answers where there is no route."""
    return 404, "<!DOCTYPE html><pre>Cannot do that</pre>"
