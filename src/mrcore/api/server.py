"""The server: sockets of our own, a stop that does not wait for streams."""

from __future__ import annotations

import asyncio
import contextlib
import grp
import ipaddress
import os
import socket
import ssl
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from mrcore import errors
from mrcore.api import peer

SOCKET_PATH_MAX = 103  # sun_path is 104 bytes on macOS, with its closing zero
TLS_S = 10.0
TLS_CLOSE_S = 2.0
KEEP_ALIVE_S = 75
"""Longer than any client of ours keeps an idle connection: the one that ends it must be the one
that asks, or a request meets a connection that is being closed."""
_BACKLOG = 128
_ANSWER_S = 2.0


class Server(uvicorn.Server):
    """uvicorn, told by us when to stop.

    `listening` is called when it accepts; `quiet` ends the open streams before uvicorn waits for
    them. Signals are its owner's: set `should_exit`. With `tls` its TCP sockets speak only that.
    """

    def __init__(
        self,
        app: FastAPI,
        *,
        listening: Callable[[], None],
        quiet: Callable[[], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
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
                proxy_headers=False,  # else X-Forwarded-For of a local client would be believed
                timeout_graceful_shutdown=1,
                timeout_keep_alive=KEEP_ALIVE_S,
                backlog=_BACKLOG,
            )
        )
        self._listening = listening
        self._quiet = quiet
        self._tls = tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        secured = [s for s in sockets or () if self._tls and s.family != socket.AF_UNIX]
        await super().startup([s for s in sockets or () if s not in secured])
        loop = asyncio.get_running_loop()
        for listener in secured:  # uvicorn would secure all of its sockets, or none
            self.servers.append(
                await loop.create_server(
                    lambda: peer.PeerProtocol(self.config, self.server_state, self.lifespan.state),
                    sock=listener,
                    ssl=self._tls,
                    ssl_handshake_timeout=TLS_S,
                    ssl_shutdown_timeout=TLS_CLOSE_S,
                )
            )
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._quiet()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind_unix(path: Path, group: str = "") -> socket.socket:
    """Listen on a unix socket that only its owner may open, or also the users of `group`.

    uvicorn would make it 0666. Nobody can connect before it listens, so it has its group by then,
    and nothing is changed by its path, where a link could be put meanwhile.
    Raises SettingsError for a group that cannot be given it; StackError when the path is too long,
    somebody answers there already, others may write into its folder, or it cannot be made.
    """
    owner = gid_of(group)
    if len(os.fsencode(path)) > SOCKET_PATH_MAX:
        raise errors.StackError(
            f"The socket's path {path} is longer than {SOCKET_PATH_MAX} bytes.",
            fix="Set XDG_RUNTIME_DIR to a short folder.",
        )
    _check_folder(path.parent)
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177 if owner is None else 0o117)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise errors.StackError(f"The socket {path} cannot be made: {error.strerror}.") from error
    finally:
        os.umask(mask)
    if owner is not None:
        try:
            os.chown(path, -1, owner, follow_symlinks=False)
        except OSError as error:
            listener.close()
            path.unlink()
            raise errors.SettingsError(
                f"The socket cannot be given to the group {group}: {error.strerror}.",
                fix=f"Add the user that this core runs as to {group}.",
            ) from error
    listener.listen(_BACKLOG)
    return listener


def identity(path: Path) -> tuple[int, int] | None:
    """What tells one file from another that took its path; None where there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _check_folder(folder: Path) -> None:
    """Raise StackError for a folder in which others could put a socket of theirs instead."""
    try:
        found = folder.stat()
    except OSError as error:
        raise errors.StackError(f"The folder {folder} cannot be used: {error.strerror}.") from error
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise errors.StackError(
            f"Others may write into {folder}, and put a socket of theirs there.",
            fix=f"chmod go-w {folder}, or name another with `socket`.",
        )
    if found.st_uid not in (0, os.getuid()):
        raise errors.StackError(f"{folder} belongs to another user.", fix="Name another folder.")


def _clear(path: Path) -> None:
    """Remove a socket at which nobody answers any more.

    Raises StackError where somebody does: a core of another state folder may have the same one.
    """
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(_ANSWER_S)
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:
            raise errors.StackError(
                f"Whether somebody answers at {path} cannot be known: {error}.",
                fix="Remove it, or name another with `socket`.",
            ) from error
    raise errors.StackError(
        f"Somebody answers at {path} already: another core has this socket.",
        fix="Stop that one, or name another with `socket`.",
    )


def bind_tcp(listen: str, *, secured: bool = False) -> socket.socket:
    """Listen on `address:port`, without TLS only of this machine; port 0 takes a free one.

    Raises SettingsError when it is not loopback and not secured, StackError when it cannot be had.
    """
    host, _, port = listen.rpartition(":")
    address = address_of(host)
    if address is None or not (port.isascii() and port.isdigit() and int(port) < 65_536):
        raise errors.SettingsError(
            f"listen is {listen!r}, which is no address and port.",
            fix='For example listen = "127.0.0.1:8137".',
        )
    if not (address.is_loopback or secured):
        raise errors.SettingsError(
            f"listen is {listen!r}; without TLS it may only be a port of this machine.",
            fix="Set tls_certificate and tls_key; or listen on 127.0.0.1, with an SSH tunnel "
            "from elsewhere.",
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


def url_of(listener: socket.socket, *, name: str = "", secured: bool = False) -> str:
    """The URL of a TCP socket, by `name` where its certificate has one."""
    host, port = listener.getsockname()[:2]
    host, scheme = name or host, "https" if secured else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host in `listen` stands for, None when it is none."""
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def gid_of(name: str) -> int | None:
    """The number of a group, None for no name. Raises SettingsError when there is no such group."""
    if not name:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise errors.SettingsError(
            f"socket_group is {name!r}, and this host has no such group.",
            fix=f"Make it (groupadd {name}), or name another.",
        ) from None
