"""What every request passes first: no other site's page may ask, and clients are counted."""

from __future__ import annotations

import time
from urllib.parse import SplitResult, urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from mrcore.api import problem

OWN_HOSTS = frozenset({"mrcore", "localhost", "127.0.0.1", "::1"})


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


class Gate:
    """ASGI middleware (a class of its own because Starlette's would buffer streams).

    A browser sends Host and Origin: a foreign Host is DNS rebinding, a foreign Origin is another
    site's page. Probes and scrapes at the root do not count as clients.
    """

    def __init__(self, app: ASGIApp, clients: Clients) -> None:
        self._app = app
        self._clients = clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if sentence := foreign(headers.get(b"host", ""), headers.get(b"origin")):
            await problem.response(403, "foreign", sentence)(scope, receive, send)
            return
        counted = scope["path"].startswith("/api/")
        if counted:
            self._clients.came()
        try:
            await self._app(scope, receive, send)
        finally:
            if counted:
                self._clients.went()


def foreign(host: str, origin: str | None) -> str:
    """Why a request is another site's, or an empty string."""
    if (_split(f"//{host}").hostname or "") not in OWN_HOSTS:
        return "This Host is not the core's: ask it as localhost."
    if origin is not None and _split(origin).netloc != host:
        return "Another site's page may not ask the core."
    return ""


def _split(url: str) -> SplitResult:
    """A URL taken apart; what is none has no host."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")
