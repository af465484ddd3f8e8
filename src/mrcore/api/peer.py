"""Who is at the other end of a unix socket: ASGI does not carry it, so the protocol class does."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

from uvicorn.protocols.http import h11_impl

from mrcore import auth

STATE_KEY = "peer"

_SOL_LOCAL = 0  # macOS, <sys/un.h>
_LOCAL_PEERCRED = 1
_LOCAL_PEERPID = 2
_XUCRED = struct.Struct("IIh16I")  # struct xucred: version, uid, number of groups, groups
_UCRED = struct.Struct("3i")  # struct ucred of SO_PEERCRED: pid, uid, gid


class PeerProtocol(h11_impl.H11Protocol):
    """uvicorn's pure-Python protocol that puts the peer into `request.state`, None over TCP."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {
            **self.app_state,
            STATE_KEY: of_socket(transport.get_extra_info("socket")),
        }


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
    return auth.Peer(uid=uid, pid=pid)
