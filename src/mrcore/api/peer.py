"""Who is at the other end of a connection: ASGI does not carry it, so the protocol class does."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from pathlib import Path

import h11
from uvicorn.protocols.http import h11_impl

from mrcore.trust import auth

STATE_KEY = "peer"
HEAD_S = 10.0

_SOL_LOCAL = 0  # macOS, <sys/un.h>
_LOCAL_PEERCRED = 1
_LOCAL_PEERPID = 2
_XUCRED = struct.Struct("IIh16I")  # struct xucred: version, uid, number of groups, groups
_ADDRESS_MAX = 64
_UCRED = struct.Struct("3i")  # struct ucred of SO_PEERCRED: pid, uid, gid


class PeerProtocol(h11_impl.H11Protocol):
    """uvicorn's pure-Python protocol that puts the peer into `request.state`, None over TCP.

    A connection that owes the head of a request for 10 s is closed: uvicorn itself would wait
    without an end, but for the pause between two requests.
    """

    _owed: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {
            **self.app_state,
            STATE_KEY: of_socket(transport.get_extra_info("socket")),
        }
        self._owed = self.loop.call_later(HEAD_S, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._settled()
        elif self._owed is None:
            self._owed = self.loop.call_later(HEAD_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._settled()
        super().connection_lost(exc)

    def _settled(self) -> None:
        if self._owed is not None:
            self._owed.cancel()
            self._owed = None


def of_socket(connection: socket.socket) -> auth.Peer | None:
    """The process that connected this unix socket, None for another kind of socket.

    Linux: SO_PEERCRED, unix(7). macOS: LOCAL_PEERCRED and LOCAL_PEERPID, unix(4).
    """
    if connection.family != socket.AF_UNIX:
        return None
    if sys.platform == "darwin":
        credentials = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size)
        pid = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
        return auth.Peer(uid=_XUCRED.unpack(credentials)[1], pid=pid)
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, _ = _UCRED.unpack(credentials)
    return auth.Peer(uid=uid, pid=pid, address=ssh_address(pid))


def ssh_address(pid: int) -> str:
    """The address of the SSH client behind a process, empty where it cannot be known.

    It is what sshd put into SSH_CONNECTION, ssh(1); the process could have changed it, so it is
    for the record only. Linux, and a process whose environment the core may read: of its own
    user, or any when it is root.
    """
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return ""
    for entry in environment.split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name == b"SSH_CONNECTION":
            return value.split(b" ", 1)[0].decode("ascii", "replace")[:_ADDRESS_MAX]
    return ""
