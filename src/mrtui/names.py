"""Whether a host's name is known, found out beside everything else.

Resolving a name cannot be cancelled. asyncio does it in a handful of threads that it shares, and
waits for at the end: a few names that nobody answers for would hold up every other name, and
leaving. Here each name has a thread of its own, and one at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from mrcore import errors

Resolve = Callable[[str, int], object]


def _resolve(host: str, port: int) -> object:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Name:
    """The host's name in a URL; a number, a socket and a folder need no resolving."""

    def __init__(self, url: str, resolve: Resolve = _resolve) -> None:
        self._resolve = resolve
        self._asked: asyncio.Future[str] | None = None
        with contextlib.suppress(ValueError):  # what is wrong with a URL is said by its client
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port or 0
            return
        self._host, self._port = "", 0

    async def known(self) -> None:
        """Return when the name is known.

        Raises CoreUnreachable when it is not. Whoever stops waiting leaves the question open, and
        the next one waits for the same answer.
        """
        if not self._host or _is_number(self._host):
            return
        if self._asked is None:
            self._asked = self._ask(asyncio.get_running_loop())
        asked = self._asked
        why = await asyncio.shield(asked)
        if self._asked is asked:
            self._asked = None
        if why:
            raise errors.CoreUnreachable(f"The name {self._host} is not known: {why}.")

    def _ask(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[str]:
        answer: asyncio.Future[str] = loop.create_future()

        def settle(why: str) -> None:
            if not answer.done():
                answer.set_result(why)

        def ask() -> None:
            why = ""
            try:
                self._resolve(self._host, self._port)
            except (OSError, UnicodeError) as error:
                why = str(getattr(error, "strerror", "") or error).rstrip(".")
            with contextlib.suppress(RuntimeError):  # the screen has been left meanwhile
                loop.call_soon_threadsafe(settle, why)

        threading.Thread(target=ask, name=f"resolve {self._host}", daemon=True).start()
        return answer


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
