"""Who is in which meeting of one backend: rooms with their peers, one connection a person."""

from __future__ import annotations

from dataclasses import dataclass, field

ROOM_MAX = 12
"""More than these do not get into one room: everybody sends to everybody."""


class Full(Exception):
    """A room has as many peers as it may have."""


@dataclass
class Rooms:
    """Rooms by id, each with its people and the connection (`sid`) by which each is there."""

    rooms: dict[str, dict[str, str]] = field(default_factory=dict)

    def join(self, room: str, person: str, sid: str) -> str:
        """Let somebody in; the connection that this one takes over from, or "". Raises Full."""
        peers = self.rooms.setdefault(room, {})
        before = peers.get(person, "")
        if not before and len(peers) >= ROOM_MAX:
            raise Full(room)
        peers[person] = sid
        return "" if before == sid else before

    def leave(self, room: str, person: str, sid: str) -> bool:
        """Let somebody out, whose connection still is this one; whether it was."""
        peers = self.rooms.get(room, {})
        if peers.get(person) != sid:
            return False
        del peers[person]
        if not peers:
            del self.rooms[room]
        return True

    def of(self, sid: str) -> list[str]:
        """The rooms that a connection is in."""
        return [room for room, peers in self.rooms.items() if sid in peers.values()]

    def others(self, room: str, sid: str) -> list[str]:
        """The people of a room but the one behind `sid`."""
        return [who for who, its in self.rooms.get(room, {}).items() if its != sid]

    def counts(self) -> dict[str, int]:
        """How many rooms and peers there are."""
        return {"rooms": len(self.rooms), "peers": sum(map(len, self.rooms.values()))}
