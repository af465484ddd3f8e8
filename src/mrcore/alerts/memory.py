"""What a core has written down of its alerts, and what it still has to write.

What could not be written is held, and tried again with what comes next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from mrcore.alerts import track
from mrcore.model import alert, base
from mrcore.store import alerts as store
from mrcore.store import database

HELD_MAX = 10_000

LOOKED_EVERY = timedelta(seconds=1)
"""So often it is written when alerts were looked at: a core that is killed has lost no more."""


class Remembered(NamedTuple):
    """What the last core knew; `looked_at` is when it looked at alerts that wait."""

    tracks: Sequence[track.Track]
    silences: Sequence[alert.Silence]
    looked_at: datetime | None


class Memory:
    """The alerts of one core in its ledger."""

    def __init__(self, ledger: database.Database) -> None:
        self._ledger = ledger
        self._unwritten: dict[base.Ref, str | None] = {}
        self._notices: list[store.Notice] = []
        self._looked_at: datetime | None = None

    async def read(self, now: datetime) -> Remembered:
        """Everything that is not at rest, and silences that have not ended. Raises StoreError."""
        bodies, lasting, looked_at = await self._ledger.read(
            lambda c: (store.remembered(c), store.lasting(c, now), store.looked_at(c))
        )
        tracks = [track.Track.model_validate_json(body) for body in bodies.values()]
        return Remembered(tracks, lasting, looked_at)

    def keep(
        self, new: track.Track, notices: Iterable[store.Notice] = (), *, at_rest: bool = False
    ) -> None:
        """Write it next, or remove it (`at_rest`), with what is to be told of it."""
        self._unwritten[new.key.ref] = None if at_rest else new.model_dump_json()
        self._notices += notices
        del self._notices[:-HELD_MAX]

    async def write(self, now: datetime, *, waits: bool) -> bool:
        """Write what is not written, with when it was looked at; whether there is news to tell.

        Where an alert waits, when it was looked at is written also without anything else.
        Raises StoreError.
        """
        noted = self._looked_at is not None and now - self._looked_at < LOOKED_EVERY
        if not self._unwritten and not self._notices and (noted or not waits):
            return False
        bodies, notices = dict(self._unwritten), list(self._notices)
        await self._ledger.run(lambda c: store.remember(c, bodies.items(), notices, now))
        self._looked_at = now
        for id_, body in bodies.items():
            if self._unwritten.get(id_) == body:
                del self._unwritten[id_]
        del self._notices[: len(notices)]
        return bool(notices)

    async def write_at_once(self, new: track.Track) -> None:
        """Write one now, and nothing else. Raises StoreError."""
        body = new.model_dump_json()
        await self._ledger.run(lambda c: store.remember(c, [(new.key.ref, body)]))
        self._unwritten.pop(new.key.ref, None)
