"""Signalling as a log tells it: a state for each room, from join-room to ice-candidate. Pure.

Production prints free text only; lines of JSON, which come with the same words beside them, win
from the first one on.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

ROOMS_MAX = 1_000
SILENT = timedelta(hours=2)
"""A room of which nothing is heard for so long is over: its end was not logged."""

RECENT = timedelta(hours=1)

JOIN, OFFER, ANSWER, CANDIDATE = "join-room", "offer", "answer", "ice-candidate"
TAKEOVER, REFUSED = "takeover-connection", "origin-refused"
_OUT = ("leave-room", "disconnect")
_EVENTS = (JOIN, OFFER, ANSWER, CANDIDATE, TAKEOVER, *_OUT, "recording", REFUSED)
_STARTED = "sockets-ready"

_TEXT = re.compile(
    rf"(?<![\w-])(?P<event>{'|'.join(_EVENTS)}|{_STARTED})(?![\w-])(?P<about>.*)"
)  # fmt: skip
_WORD = re.compile(r"\b(room(?:Id)?|peer|user(?:Id)?|origin|state)\s*[=:]\s*\"?([^\s\",}]{1,100})")
_NAMES = {"roomId": "room", "user": "peer", "userId": "peer"}
_AT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


class Event(NamedTuple):
    """One event of a log; `at` None where the line has no time."""

    name: str
    at: datetime | None
    room: str = ""
    peer: str = ""
    origin: str = ""
    state: str = ""
    structured: bool = False


def read(line: str) -> Event | None:
    """The event that a line tells of, if it does."""
    if not _TEXT.search(line):
        return None
    if line.startswith("{"):
        return _structured(line)
    found = _TEXT.search(line)
    assert found is not None
    words = {_NAMES.get(name, name): value for name, value in _WORD.findall(found["about"])}
    return _event(found["event"], _instant(line[:40]), words)


def _structured(line: str) -> Event | None:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    event = said.get("event") if isinstance(said, dict) else None
    if event not in (*_EVENTS, _STARTED):
        return None
    words = {name: str(said.get(name) or "") for name in ("room", "peer", "origin", "state")}
    found = _event(event, _instant(str(said.get("time"))), words)
    return found._replace(structured=True) if found else None


def _event(name: str, at: datetime | None, words: dict[str, str]) -> Event | None:
    if name not in (REFUSED, _STARTED) and not words.get("room"):
        return None  # the word alone is in many a line
    room, peer, origin, state = (
        words.get(w, "")[:100] for w in ("room", "peer", "origin", "state")
    )
    return Event(name, at, room, peer, origin, state)


def _instant(text: str) -> datetime | None:
    found = _AT.search(text)
    return datetime.fromisoformat(found[0]) if found else None


@dataclass
class Room:
    """What is known of one room; a pair counts when both came after the last who joined."""

    opened_at: datetime
    heard_at: datetime
    peers: dict[str, None] = field(default_factory=dict)
    offers: int = 0
    answers: int = 0
    candidates: int = 0
    takeovers: int = 0
    paired_at: datetime | None = None
    recording: bool = False
    state: str = "no_join"
    state_since: datetime | None = None
    offered: bool = False
    answered: bool = False
    routed: bool = False

    def hear(self, event: Event, at: datetime) -> None:
        """Take in one event of this room."""
        self.heard_at = at
        if event.name in (JOIN, TAKEOVER):
            self.peers[event.peer] = None
            self.takeovers += event.name == TAKEOVER
            self.offered = self.answered = self.routed = False
        elif event.name in _OUT:
            self.peers.pop(event.peer, None)
        elif event.name == OFFER:
            self.offers, self.offered = self.offers + 1, True
        elif event.name == ANSWER:
            self.answers += 1
            if self.offered and not self.answered:
                self.answered, self.paired_at = True, at
        elif event.name == CANDIDATE:
            self.candidates, self.routed = self.candidates + 1, True
        elif event.name == "recording":
            self.recording = event.state != "off"
        state = self._state()
        # Who joins a pair that is waited for makes the wait begin anew.
        if state != self.state or event.name in (JOIN, TAKEOVER) or self.state_since is None:
            self.state, self.state_since = state, at

    def _state(self) -> str:
        if len(self.peers) < 2:
            return "no_join"
        if not self.answered:
            return "no_answer"
        return "signalling_ok" if self.routed else "no_ice"


@dataclass
class Signals:
    """All that one log tells."""

    rooms: dict[str, Room] = field(default_factory=dict)
    refused: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=1_000))
    takeovers: deque[datetime] = field(default_factory=lambda: deque(maxlen=1_000))
    last_at: datetime | None = None
    paired_at: datetime | None = None
    structured: bool = False

    def take(self, lines: Iterable[str], now: datetime) -> None:
        """Take in new lines; one without a time of its own is of now."""
        for line in lines:
            event = read(line)
            if event is None:
                continue
            if event.structured and not self.structured:
                self.structured = True
            elif self.structured and not event.structured:
                continue
            self._hear(event, event.at or now)
        self._forget(now)

    def _hear(self, event: Event, at: datetime) -> None:
        if event.name == _STARTED:
            self.rooms.clear()  # whoever was connected is not any more
            return
        self.last_at = at
        if event.name == REFUSED:
            self.refused.append((at, event.origin))
            return
        if event.name == TAKEOVER:
            self.takeovers.append(at)
        room = self.rooms.get(event.room)
        if room is None:
            if event.name in _OUT or len(self.rooms) >= ROOMS_MAX:
                return
            room = self.rooms[event.room] = Room(at, at)
        room.hear(event, at)
        self.paired_at = max(filter(None, (self.paired_at, room.paired_at)), default=None)
        if not room.peers and event.name in _OUT:
            del self.rooms[event.room]

    def _forget(self, now: datetime) -> None:
        over = [name for name, room in self.rooms.items() if now - room.heard_at > SILENT]
        for name in over:
            del self.rooms[name]
        while self.refused and now - self.refused[0][0] > RECENT:
            self.refused.popleft()
        while self.takeovers and now - self.takeovers[0] > RECENT:
            self.takeovers.popleft()
