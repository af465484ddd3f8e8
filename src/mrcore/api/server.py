"""The server: sockets of our own, a stop that does not wait for streams."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from mrcore import errors
from mrcore.api import peer

SOCKET_PATH_MAX = 103  # sun_path is 104 bytes on macOS, with its closing zero
_BACKLOG = 128


class Server(uvicorn.Server):
    """uvicorn, told by us when to stop.

    `listening` is called when it accepts; `quiet` ends the open streams before uvicorn waits for
    them. Signals are its owner's: set `should_exit`.
    """

    def __init__(self, app: FastAPI, *, listening: Callable[[], None], quiet: Callable[[], None]):
        super().__init__(
            uvicorn.Config(
                app,
                http=peer.PeerProtocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
                backlog=_BACKLOG,
            )
        )
        self._listening = listening
        self._quiet = quiet

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._quiet()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind_unix(path: Path) -> socket.socket:
    """Listen on a unix socket that only its owner may open.

    uvicorn would make it 0666. The caller holds the folder's lock, so what is there is a leftover.
    Raises StackError when the path is too long or the socket cannot be made.
    """
    if len(os.fsencode(path)) > SOCKET_PATH_MAX:
        raise errors.StackError(
            f"The socket's path {path} is longer than {SOCKET_PATH_MAX} bytes.",
            fix="Set XDG_RUNTIME_DIR to a short folder.",
        )
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise errors.StackError(f"The socket {path} cannot be made: {error.strerror}.") from error
    finally:
        os.umask(mask)
    listener.listen(_BACKLOG)
    return listener


def bind_tcp(listen: str) -> socket.socket:
    """Listen on `host:port` of this machine; port 0 takes a free one.

    Raises SettingsError when it is not loopback, StackError when it cannot be had.
    """
    host, _, port = listen.rpartition(":")
    address = _loopback(host.strip("[]"))
    if address is None or not (port.isascii() and port.isdigit() and int(port) < 65_536):
        raise errors.SettingsError(
            f"listen is {listen!r}; without TLS it may only be a port of this machine.",
            fix='For example listen = "127.0.0.1:8137", and an SSH tunnel from elsewhere.',
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # With protocol 0 asyncio would not set TCP_NODELAY, and an answer in two writes waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(address), int(port)))
    except OSError as error:
        listener.close()
        raise errors.StackError(f"{listen} cannot be listened on: {error.strerror}.") from error
    listener.listen(_BACKLOG)
    return listener


def url_of(listener: socket.socket) -> str:
    """The URL of a TCP socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _loopback(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if host == "localhost":
        host = "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return address if address.is_loopback else None
