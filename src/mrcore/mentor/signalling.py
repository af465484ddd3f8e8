"""Socket.IO of the meetings, on the backend's own HTTP server: who joins, and what is passed on.

Media never comes here: peers tell each other how to connect (offer, answer, ice-candidate), and
each such event is a line of JSON with room, event, peer and correlation id, and beside it the line
of free text that production prints.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import socketio
from starlette import datastructures, types

from mrcore.mentor import identity, jwt, links, meetings, trace

LOG = logging.getLogger("socket")

PATH = "/socket.io"
RELAYED = ("offer", "answer", "ice-candidate", "recording", "presence")
"""Events that the others of a room get as they came."""

STATES = ("on", "off", "online", "away")
"""What `recording` and `presence` say; other words are passed on and not logged."""

_MOST_CHARS = 100
_MESSAGE_BYTES = 256 * 1024

Sent = dict[str, Any]


@dataclass(frozen=True)
class Guest:
    """Who is behind a connection."""

    person: str
    trace: trace.Trace


class Signalling:
    """The meetings of one backend; tokens are those of its logins."""

    def __init__(self, people: identity.Identity, origins: frozenset[str]) -> None:
        self.rooms = meetings.Rooms()
        self._people = people
        self._origins = origins
        self._guests: dict[str, Guest] = {}
        self._closed = False
        # In the order in which they came: an answer is not passed on before its offer.
        self._server = socketio.AsyncServer(
            async_mode="asgi",
            async_handlers=False,
            cors_allowed_origins=list(origins),
            max_http_buffer_size=_MESSAGE_BYTES,
        )
        self._app = socketio.ASGIApp(self._server, socketio_path=PATH)
        on = self._server.on
        on("connect", self._connect)
        on("disconnect", self._disconnect)
        on("join-room", self._join)
        on("takeover-connection", self._join)
        on("leave-room", self._leave)
        for event in RELAYED:
            on(event, self._relay(event))

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        origin = datastructures.Headers(scope=scope).get("origin", "")
        if origin and origin not in self._origins:
            shown = origin[:_MOST_CHARS]
            _say("origin-refused", "", "", logging.WARNING, origin=shown)
        await self._app(scope, receive, send)

    def begin(self) -> None:
        """Say that whoever was connected before is not any more."""
        _say("sockets-ready", "", "")

    async def close(self) -> None:
        """End every connection: nobody waits for an answer any more; once is enough."""
        if self._closed:  # engineio awaits its service task a second time, which is None then
            return
        self._closed = True
        for sid in list(self._guests):
            await self._server.disconnect(sid)
        await self._server.shutdown()

    async def _connect(self, sid: str, environ: Sent, auth: Any = None) -> None:
        token = auth.get("token") if isinstance(auth, dict) else None
        if not isinstance(token, str) or not token:
            raise socketio.exceptions.ConnectionRefusedError("Authentication required")
        try:
            claims = await self._people.who(token.removeprefix("Bearer ").strip())
        except jwt.Refused as error:
            raise socketio.exceptions.ConnectionRefusedError(str(error)) from None
        except links.LOST:
            raise socketio.exceptions.ConnectionRefusedError("Try again") from None
        said = {
            "correlationId": environ.get("HTTP_X_CORRELATION_ID"),
            "platform": environ.get("HTTP_X_PLATFORM"),
        }
        self._guests[sid] = Guest(str(claims.user), trace.read(said))

    async def _disconnect(self, sid: str, reason: str = "") -> None:
        for room in self.rooms.of(sid):
            await self._out(sid, room, "disconnect")
        self._guests.pop(sid, None)

    async def _join(self, sid: str, data: Any = None, *_: Any) -> Sent:
        """Into a room; a second tab of the same person takes the first one's place."""
        guest, room = self._guests[sid], _room(data)
        if not room:
            return {"success": False, "message": "roomId is required"}
        with trace.within(guest.trace):
            try:
                before = self.rooms.join(room, guest.person, sid)
            except meetings.Full:
                return {"success": False, "message": "The room is full"}
            if before:
                _say("takeover-connection", room, guest.person)
                await self._server.emit("takeover-connection", {"roomId": room}, to=before)
                await self._server.leave_room(before, room)
            await self._server.enter_room(sid, room)
            _say("join-room", room, guest.person)
        told = {"roomId": room, "userId": guest.person}
        await self._server.emit("user-joined", told, room=room, skip_sid=sid)
        return {"success": True, "peers": self.rooms.others(room, sid)}

    async def _leave(self, sid: str, data: Any = None, *_: Any) -> Sent:
        return {"success": await self._out(sid, _room(data), "leave-room")}

    async def _out(self, sid: str, room: str, event: str) -> bool:
        guest = self._guests[sid]
        if not self.rooms.leave(room, guest.person, sid):
            return False
        with trace.within(guest.trace):
            _say(event, room, guest.person)
        await self._server.leave_room(sid, room)
        told = {"roomId": room, "userId": guest.person}
        await self._server.emit("user-left", told, room=room)
        return True

    def _relay(self, event: str) -> Callable[..., Awaitable[Sent]]:
        async def relay(sid: str, data: Any = None, *_: Any) -> Sent:
            guest, room = self._guests[sid], _room(data)
            if room not in self.rooms.of(sid):
                return {"success": False, "message": "Join the room first"}
            with trace.within(guest.trace):
                more = {"state": data["state"]} if _is_state(event, data) else {}
                _say(event, room, guest.person, **more)
            sent = {**data, "userId": guest.person}
            to = self.rooms.rooms[room].get(str(data.get("to", "")), room)
            await self._server.emit(event, sent, to=to, skip_sid=sid)
            return {"success": True}

        return relay


def _is_state(event: str, data: Sent) -> bool:
    return event in ("recording", "presence") and data.get("state") in STATES


def _room(data: Any) -> str:
    """The room that an event names: in an object, or alone as older clients have it."""
    found = data.get("roomId") if isinstance(data, dict) else data
    known = isinstance(found, str) and 0 < len(found) <= _MOST_CHARS and found.isprintable()
    return found if known and isinstance(found, str) and " " not in found else ""


def _say(event: str, room: str, peer: str, level: int = logging.INFO, **more: str) -> None:
    """The line of JSON, and after it the one that production prints."""
    about = {"room": room, "peer": peer} if room else {}
    words = " ".join(f"{name}={value}" for name, value in {**about, **more}.items())
    trace.tell(LOG, level, f"socket {event}", event=event, **about, **more)
    LOG.log(level, "Socket event: %s %s", event, words)
