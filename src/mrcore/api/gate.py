"""What every request passes first: no other site's page may ask, bodies are bounded."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mrcore.api import problem

OWN_HOSTS = frozenset({"mrcore", "localhost", "127.0.0.1", "::1"})
OWN_SITES = frozenset({"same-origin", "none"})
BODY_BYTES = 1 << 20
DRAIN_BYTES = 16 << 20
BODY_S = 10.0

log = logging.getLogger(__name__)

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_TOO_LARGE = f"The body is larger than {BODY_BYTES:,} bytes."


class Clients:
    """Requests that are being answered (a screen's stream is one), and when the last one ended."""

    def __init__(self) -> None:
        self._active = 0
        self._last_s = time.monotonic()

    def came(self) -> None:
        """A request begins."""
        self._active += 1

    def went(self) -> None:
        """A request has ended."""
        self._active -= 1
        self._last_s = time.monotonic()

    @property
    def idle_s(self) -> float:
        """Seconds since the last request ended, 0 while there is one."""
        return 0.0 if self._active else time.monotonic() - self._last_s


class Refused(Exception):
    """A request that does not get further: the status, the code and the sentence of its problem."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence


class Gate:
    """ASGI middleware (a class of its own because Starlette's would buffer streams).

    A browser sends Host, Origin and Sec-Fetch-Site: a foreign Host is DNS rebinding, a foreign
    Origin or site is another site's page. Bodies are JSON, bounded in size and in time, and here
    before the app begins. Probes and scrapes at the root do not count as clients.
    """

    def __init__(self, app: ASGIApp, clients: Clients, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._clients = clients
        self._hosts = OWN_HOSTS | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        counted = scope["path"].startswith("/api/")
        try:
            refuse_foreign(headers, scope["scheme"], self._hosts)
            receive = await _with_body(headers, scope["method"], receive)
        except Refused as refused:
            said = problem.made(refused.status, refused.code, refused.sentence)
            await problem.response(said)(scope, receive, send)
            return
        if counted:
            self._clients.came()
        try:
            await self._answer(scope, receive, send)
        finally:
            if counted:
                self._clients.went()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer; a defect is a problem and a line in the log.

        Starlette would raise it on, and uvicorn then close the connection under the next request.
        """
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if started:
                raise
            log.exception("%s %r broke.", scope["method"], scope["path"])
            await problem.response(problem.of(error))(scope, receive, send)


def refuse_foreign(headers: Headers, scheme: str, hosts: Collection[str]) -> None:
    """Raise Refused when a request is another site's."""
    host = headers.get("host", "")
    if (_split(f"//{host}").hostname or "") not in hosts:
        raise Refused(403, "foreign", "This Host is not the core's: ask it as localhost.")
    for origin in headers.getlist("origin"):
        if origin.lower() != f"{scheme}://{host}".lower():
            raise Refused(403, "foreign", "Another site's page may not ask the core.")
    for site in headers.getlist("sec-fetch-site"):
        if site.strip().lower() not in OWN_SITES:
            raise Refused(403, "foreign", "Another site's page may not ask the core.")


async def _with_body(headers: Headers, method: str, receive: Receive) -> Receive:
    """What the app receives: the whole body in one message, then what comes.

    Raises Refused for a body that is no JSON or no text, over 1 MiB, or not here within 10 s.
    """
    length = headers.get("content-length", "0")
    if length == "0" and "transfer-encoding" not in headers:
        return receive
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method == "POST" and kind != "application/json":  # what a form or a plain page cannot send
        raise Refused(415, "not_json", "The body's Content-Type has to be application/json.")
    if length.isdigit() and int(length) > DRAIN_BYTES:
        raise Refused(413, "too_large", _TOO_LARGE)
    try:
        async with asyncio.timeout(BODY_S):
            body = await _read(receive)
    except TimeoutError:
        raise Refused(408, "too_slow", f"The body was not here within {BODY_S:g} s.") from None
    if body and method == "POST":
        refuse_no_text(body)
    messages: list[Message] = []
    if body is not None:
        messages.append({"type": "http.request", "body": body, "more_body": False})

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def refuse_no_text(body: bytes) -> None:
    """Raise Refused for a body that is not UTF-8, or holds half a surrogate pair.

    Python's JSON takes both, RFC 8259 does not; and nothing that holds such a half could be
    written or answered afterwards. What is no JSON at all is refused by the app.
    """
    try:
        text = body.decode()
        if _SURROGATE.search(text):
            json.dumps(json.loads(text), ensure_ascii=False).encode()
        wrong = "\0" in text  # by which Python's JSON would take it for UTF-16
    except UnicodeError:
        wrong = True
    except (ValueError, RecursionError):
        wrong = False
    if wrong:
        raise Refused(422, "validation", "The body holds what is no Unicode text in UTF-8.")


async def _read(receive: Receive) -> bytes | None:
    """The body, None when the client has gone.

    What is too large is read on for a while: a client that is cut off sees no answer.
    Raises Refused.
    """
    kept = bytearray()
    seen, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        seen += len(chunk)
        if seen <= BODY_BYTES:
            kept += chunk
        more = message.get("more_body", False) and seen <= DRAIN_BYTES
    if seen > BODY_BYTES:
        raise Refused(413, "too_large", _TOO_LARGE)
    return bytes(kept)


def _split(url: str) -> SplitResult:
    """A URL taken apart; what is none has no host."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")
