"""The source `meetings`: logs read on, handshakes and relays asked beside it, never waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import httpx

from mrcore import authorities, errors, redact
from mrcore.model import base, meeting, ref, wire
from mrcore.sources import base as sources
from mrcore.sources.meetings import handshake, relay, settings, signals, tail

WAIT_S = 0.1
_STUCK = {
    "no_answer": "{} peers joined, and there is no offer with its answer since",
    "no_ice": "offer and answer were exchanged, and no ICE candidate was",
}
_NOT_YET = base.Verdict(level=base.Level.UNKNOWN, code="no_answer", why="not asked yet")

Probe = meeting.Origin | meeting.Turn


@dataclass
class _Log:
    """One backend's log: where it is read, and what it has told."""

    path: Path
    tail: tail.Tail
    told: signals.Signals = field(default_factory=signals.Signals)
    trouble: str = ""


@dataclass
class _Asked:
    """One thing that is asked again and again: the question under way, and its last answer."""

    entity: Probe
    ask: Callable[[Probe], Awaitable[Probe]]
    due: datetime | None = None
    asking: asyncio.Task[None] | None = None


class Meetings(sources.SourceBase):
    """Rooms by their logs; what a browser needs, by asking for it as one does."""

    def __init__(self, name: str, wanted: settings.Settings, *, now: sources.Now) -> None:
        super().__init__(name, now=now)
        self._stuck = timedelta(seconds=wanted.stuck_s)
        self._every = timedelta(seconds=wanted.probe_s)
        self._client: httpx.AsyncClient | None = None
        self._logs = {backend: _Log(path, tail.Tail(path)) for backend, path in wanted.logs.items()}
        self._asked = [*self._origins(wanted), *self._turns(wanted)]

    async def __aenter__(self) -> Self:
        # Each handshake has one deadline for everything; no proxy of the environment answers it.
        known = authorities.known()
        self._client = httpx.AsyncClient(timeout=None, trust_env=False, verify=known)  # noqa: S113
        return self

    async def __aexit__(self, *exc: object) -> None:
        tasks = [each.asking for each in self._asked if each.asking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def describe(self) -> wire.Description:
        told = (meeting.Meeting.KIND, meeting.Signalling.KIND) if self._logs else ()
        asked = dict.fromkeys(each.entity.kind for each in self._asked)
        return wire.Description(kinds=(*told, *asked))

    async def sample(self) -> wire.Sample:
        """Every room, every backend's sockets, and the last answer of what is asked."""
        begun = [task for each in self._asked if (task := self._begin(each))]
        now = self.now()
        await asyncio.to_thread(self._read, now)
        if begun:
            await asyncio.wait(begun, timeout=WAIT_S)
        rows: list[base.Entity] = []
        points: list[wire.Point] = []
        for backend, log in self._logs.items():
            rooms = [self._room(backend, n, room, now) for n, room in log.told.rooms.items()]
            about = self._signalling(backend, log)
            rows += [about, *rooms]
            points += [] if log.trouble else _points(about.ref, rooms, now)
        return wire.Sample(
            at=now, entities=(*rows, *(each.entity for each in self._asked)), points=tuple(points)
        )

    async def probes(self) -> list[Probe]:
        """Ask everything once, and wait for it."""
        await asyncio.gather(*(self._hear(each) for each in self._asked))
        return [each.entity for each in self._asked]

    async def detail(self, ref: base.Ref) -> wire.Detail:
        """One room, backend, origin or relay with everything that is known of it."""
        sample = await self.sample()
        found = next((each for each in sample.entities if each.ref == ref), None)
        if found is None:
            raise errors.NotFound(f"There is no {ref}.")
        facts = wire.Section(id="facts", title=found.kind, fields=_fields(found))
        return wire.Detail(at=sample.at, entity=found, sections=(facts,))

    def _begin(self, each: _Asked) -> asyncio.Task[None] | None:
        """The question that is due, or still under way: one is never put twice at once."""
        if each.asking is not None and not each.asking.done():
            return each.asking
        now = self.now()
        if each.due is not None and each.due - self._every <= now < each.due:
            return None
        each.due = now + self._every
        each.asking = asyncio.create_task(self._hear(each))
        return each.asking

    async def _hear(self, each: _Asked) -> None:
        try:
            each.entity = await each.ask(each.entity)
        except Exception as error:  # whatever it is, an ok from before must not stay
            why = f"asking it broke with {type(error).__name__}"
            broken = base.Verdict(level=base.Level.UNKNOWN, code="defect", why=why)
            each.entity = each.entity.model_copy(update={"ok": None, "verdict": broken})

    def _read(self, now: datetime) -> None:
        for log in self._logs.values():
            try:
                log.told.take(log.tail.read(), now)
                log.trouble = ""
            except OSError as error:
                log.trouble = f"{log.path} cannot be read: {error.strerror or error}"

    def _room(self, backend: str, name: str, room: signals.Room, now: datetime) -> meeting.Meeting:
        since = room.state_since or room.opened_at
        verdict = base.OK
        if room.state in _STUCK and now - since >= self._stuck:
            why = _STUCK[room.state].format(len(room.peers))
            verdict = base.Verdict(level=base.Level.BAD, code=room.state, why=why)
        return meeting.Meeting(
            ref=ref.make(self.name, meeting.Meeting.KIND, backend, name),
            name=redact.text(name),
            backend=backend,
            state=room.state,
            state_since=since,
            opened_at=room.opened_at,
            peers=len(room.peers),
            offers=room.offers,
            answers=room.answers,
            candidates=room.candidates,
            takeovers=room.takeovers,
            paired_at=room.paired_at,
            recording=room.recording,
            verdict=verdict,
        )

    def _signalling(self, backend: str, log: _Log) -> meeting.Signalling:
        verdict = base.OK
        if log.trouble:
            why = redact.text(log.trouble)
            verdict = base.Verdict(level=base.Level.UNKNOWN, code="no_log", why=why)
        told = log.told
        return meeting.Signalling(
            ref=ref.make(self.name, meeting.Signalling.KIND, backend),
            name=backend,
            log=str(log.path),
            refused=len(told.refused),
            refused_origin=redact.text(told.refused[-1][1]) if told.refused else "",
            takeovers=len(told.takeovers),
            paired_at=told.paired_at,
            last_event_at=told.last_at,
            verdict=verdict,
        )

    def _origins(self, wanted: settings.Settings) -> Iterable[_Asked]:
        url = wanted.url.rstrip("/")
        for origin in wanted.origins if url else ():
            entity = meeting.Origin(
                ref=ref.make(self.name, meeting.Origin.KIND, origin),
                name=origin,
                target=redact.text(url + handshake.PATH),
                verdict=_NOT_YET,
            )

            async def ask(before: Probe, origin: str = origin) -> Probe:
                assert isinstance(before, meeting.Origin)
                assert self._client is not None
                return await handshake.shake(self._client, url, before, origin)

            yield _Asked(entity, ask)

    def _turns(self, wanted: settings.Settings) -> Iterable[_Asked]:
        for name, about in wanted.turn.items():
            entity = meeting.Turn(
                ref=ref.make(self.name, meeting.Turn.KIND, name),
                name=name,
                target=redact.text(about.url),
                verdict=_NOT_YET,
            )

            async def ask(before: Probe, about: settings.TurnSettings = about) -> Probe:
                return await _turn(before, about)

            yield _Asked(entity, ask)


async def _turn(before: Probe, about: settings.TurnSettings) -> Probe:
    """What a STUN or TURN server says to a browser of ours."""
    try:
        if about.url.startswith("stun:"):
            says = await relay.bind(about.url)
        else:
            says = await relay.allocate(about.url, about.user, about.password)
    except relay.Refused as error:
        why = redact.text(str(error))
        bad = base.Verdict(level=base.Level.BAD, code="turn_bad", why=why)
        return before.model_copy(update={"ok": False, "says": why, "verdict": bad})
    return before.model_copy(update={"ok": True, "says": says, "verdict": base.OK})


def _points(
    about: base.Ref, rooms: Iterable[meeting.Meeting], now: datetime
) -> tuple[wire.Point, ...]:
    known = list(rooms)
    stuck = sum(room.verdict.level is base.Level.BAD for room in known)
    values = {
        "meeting.rooms": len(known),
        "meeting.stuck": stuck,
        "meeting.peers": sum(room.peers for room in known),
    }
    return tuple(
        wire.Point(metric=metric, ref=about, at=now, value=float(value))
        for metric, value in values.items()
    )


def _fields(entity: base.Entity) -> tuple[wire.Field, ...]:
    facts = entity.model_dump(exclude={"ref", "kind", "verdict", "actions"})
    return tuple(
        wire.Field(name=name.replace("_", " "), at=value)
        if isinstance(value, datetime)
        else wire.Field(name=name.replace("_", " "), value=value)
        for name, value in facts.items()
    )
