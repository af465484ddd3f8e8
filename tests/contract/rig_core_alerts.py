"""Alerts and silences of the core, as deeds of its rig."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta

from mrcore import hub, series
from mrcore.alerts import acking, book, live, silencing, telling, track
from mrcore.alerts import state as states
from mrcore.model import alert, base, ref
from mrcore.sources import own
from mrcore.store import alerts as store
from mrcore.store import database
from tests.contract import rig

ACTS = ("alert.ack", "alert.unack", "alert.silence", "silence.expire")

_NUMBERS = itertools.count(100)


class Alerts:
    """What fires here was written into the ledger by a core that has ended."""

    def __init__(
        self, ledger: database.Database, history: database.Database, now: Callable[[], datetime]
    ) -> None:
        self._ledger = ledger
        self._history = history
        self._now = now
        self._made: list[track.Track] = []
        self._kept = self._book()

    def _book(self) -> book.Book:
        seen, points = (
            hub.Hub("test", "1", now=self._now),
            series.Series(self._history, now=self._now),
        )

        def view(now: datetime) -> live.Live:
            return live.Live(seen, points, (), now)

        return book.Book({}, self._ledger, view=view, now=self._now, changed=lambda: None)

    def acts(self) -> dict[base.ActionId, own.Act]:
        """The acts of a core that begins now."""
        self._kept = kept = self._book()
        return {
            "alert.ack": acking.Ack(kept, self._now),
            "alert.unack": acking.Unack(kept, self._now),
            "alert.silence": silencing.Silence(kept, self._ledger, self._now),
            "silence.expire": silencing.Expire(kept, self._ledger, self._now),
        }

    def fire(self, own: database.Database) -> None:
        """Something fires, beneath a silence."""
        each = self._track("r/key/fires", acked=False)
        body, silence = each.model_dump_json(), self._new(each)

        def write(connection: sqlite3.Connection) -> None:
            store.remember(connection, [(each.key.ref, body)])
            store.silence(connection, silence, 1)

        own.run_here(write)

    def entities(self, own: database.Database) -> list[base.Entity]:
        """What is shown of what is in the ledger."""
        bodies = own.run_here(store.remembered).values()
        tracks = [track.Track.model_validate_json(body) for body in bodies]
        alerts = [track.entity(each, telling.Around()) for each in tracks]
        switch = alert.Heartbeat(ref="core/heartbeat/backup", name="backup")
        return [*alerts, switch, *own.run_here(lambda c: store.lasting(c, self._now()))]

    async def deed(self, action: base.ActionId) -> rig.Deed:
        """Three alerts that fire, acknowledged or silenced where that is to be ended.

        Those of the deed before go: a search makes hundreds, and a core that begins reads all.
        """
        await self._ledger.run(self._forget)
        acked = action == "alert.unack"
        self._made = made = [self._track(f"r/key/{next(_NUMBERS)}", acked) for _ in range(3)]
        for each in made:
            await self._write(each)
        refs = tuple(each.key.ref for each in made)
        if action == "silence.expire":
            refs = tuple([await self._silence(each) for each in made])
        await self._reload()
        return rig.Deed(action, refs, moved_on=refs[1])

    def _forget(self, connection: sqlite3.Connection) -> None:
        store.remember(connection, [(each.key.ref, None) for each in self._made])
        subjects = [(each.subject,) for each in self._made]
        connection.executemany("DELETE FROM silence WHERE subject = ?", subjects)

    async def _reload(self) -> None:
        """The core that has begun knows it."""
        self._kept._loaded = False
        await self._kept.ready()

    def _track(self, subject: str, acked: bool) -> track.Track:
        now = self._now()
        ack = states.Ack(login="olga", at=now, until=now + timedelta(hours=9), operation=3)
        state = states.State(
            phase=alert.Phase.FIRING, pending_at=now, fired_at=now, ack=ack if acked else None
        )
        return track.Track(
            rule="r", about="condition", subject=subject, severity=alert.Severity.P1, state=state
        )

    async def _write(self, each: track.Track) -> None:
        body = each.model_dump_json()
        await self._ledger.run(lambda c: store.remember(c, [(each.key.ref, body)]))

    def _new(self, each: track.Track) -> alert.Silence:
        now = self._now()
        return alert.Silence(
            ref=ref.make("core", "silence", 0),
            id=0,
            rule=each.rule,
            subject=each.subject,
            login="olga",
            reason="INC-9",
            starts_at=now,
            expires_at=now + timedelta(hours=9),
        )

    async def _silence(self, each: track.Track) -> base.Ref:
        new, number = self._new(each), next(_NUMBERS)
        return (await self._ledger.run(lambda c: store.silence(c, new, number))).ref

    async def state(self, action: base.ActionId, of: base.Ref) -> Hashable:
        """Who is at it; whether a silence is for it, or until when it lasts."""
        now = self._now()
        if action == "silence.expire":
            found = await self._ledger.read(lambda c: store.find(c, int(ref.parse(of).id)))
            return found and found.expires_at > now and found.expires_at
        if action == "alert.silence":
            subject = self._subject(of)
            lasting = await self._ledger.read(lambda c: store.lasting(c, now))
            return sum(silence.subject == subject for silence in lasting)
        body = (await self._ledger.read(store.remembered)).get(of)
        state = track.Track.model_validate_json(body).state if body else None
        return state and state.fired_at, state and state.ack and state.ack.login

    async def facts(self, action: base.ActionId, of: base.Ref) -> Hashable:
        """What the guard of a target is about."""
        state = await self.state(action, of)
        found = self._kept.find(of)
        return state, found and found.state.fired_at if action != "silence.expire" else None

    def churn(self, action: base.ActionId) -> rig.Churn:
        """What may happen between a plan and its application."""
        if action == "silence.expire":
            return {"ended by another": self._ended}
        if action == "alert.silence":
            return {"silenced by another": self._silenced}
        return {"fires anew": self._fires_anew, "somebody else's": self._turned}

    async def _turned(self, of: base.Ref) -> None:
        found = self._kept.find(of)
        assert found is not None
        now = self._now()
        other = states.Ack(login="ravi", at=now, until=now + timedelta(hours=1), operation=4)
        await self._kept.turn(found, found.state.but(ack=other))

    async def _fires_anew(self, of: base.Ref) -> None:
        found = self._kept.find(of)
        assert found is not None
        fired = self._now() + timedelta(seconds=1)
        await self._kept.turn(found, found.state.but(fired_at=fired))

    async def _silenced(self, of: base.Ref) -> None:
        found = self._kept.find(of)
        assert found is not None
        await self._silence(found)
        await self._reload()

    async def _ended(self, of: base.Ref) -> None:
        number, now = int(ref.parse(of).id), self._now()
        await self._ledger.run(lambda c: store.until(c, number, now))
        await self._reload()

    def _subject(self, of: base.Ref) -> str:
        return ref.parse(of).ids[1].decode()
