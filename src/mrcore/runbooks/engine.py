"""Every run of a core: begun by alerts or persons, moved on as sources are sampled.

A run lives in the ledger: what it has come to is written before it is shown, and the next core
goes on with it, with the runbook's text as it was when the run began.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime

from mrcore import errors
from mrcore.expr import views
from mrcore.model import alert, base, plans, run
from mrcore.runbooks import asking, book, progress, record, shelf
from mrcore.store import database, operations
from mrcore.store import runbooks as store
from mrcore.trust import auth

BY_ITSELF_MAX = 100
"""So many runs at a time begin by themselves, at most: more than anybody could look at."""

GATHER_S = 0.2
"""After a look, what is sampled within this time is looked at together."""

Plan = Callable[[auth.Login, plans.PlanRequest], Awaitable[plans.Plan]]

log = logging.getLogger(__name__)


class Engine:
    """The runs; `alerts` are what fires now, `plan` makes a plan for a login."""

    def __init__(
        self,
        known: Mapping[str, book.Runbook],
        ledger: database.Database,
        *,
        view: Callable[[datetime], views.View],
        alerts: Callable[[], Sequence[base.Entity]],
        plan: Plan,
        now: Callable[[], datetime],
        changed: Callable[[], None],
        time_scale: float = 1.0,
    ) -> None:
        self.runbooks = known
        self.lock = asyncio.Lock()
        self.plan = plan
        self.now = now
        self._ledger = ledger
        self._view = view
        self._alerts = alerts
        self._changed = changed
        self._shelf = shelf.Shelf(known, time_scale)
        self._fired: set[tuple[str, str]] = set()
        self._news = asyncio.Event()
        self._loading = asyncio.Lock()
        self._loaded = False

    # What goes on

    def heard(self, source: str) -> None:
        """A source was sampled: the runs are looked at soon."""
        self._news.set()

    async def run(self) -> None:
        """Look whenever something was heard, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.ready()
                await self.look()
            except errors.StoreError as error:
                log.warning("%s", error)
            await asyncio.sleep(GATHER_S)

    async def ready(self) -> None:
        """Read the runs that the last core had under way, once. Raises StoreError."""
        async with self._loading:
            if self._loaded:
                return
            active, ended, fired, recovered = await self._ledger.read(
                lambda c: (
                    store.active(c),
                    store.newest(c, shelf.SHOWN_MAX),
                    store.of_alerts(c),
                    store.recovered(c),
                )
            )
            bodies = [each.body for each in active], [each.body for each in ended]
            for each in self._shelf.put_all(*bodies, self.now()):
                await self._ledger.run(functools.partial(store.keep, run=each))
            self._fired |= fired
            self._shelf.recovered = recovered
            self._loaded = True

    async def look(self) -> None:
        """Begin runs for what fires, and take every step that can be taken now.

        Raises StoreError when what has changed could not be written; it is tried again.
        """
        async with self.lock:
            view = self._view(self.now())
            alerts = [each for each in self._alerts() if isinstance(each, alert.Alert)]
            fires = [each for each in alerts if each.phase is alert.Phase.FIRING]
            await self._begin_for_alerts(view, fires)
            done, firing = await self._operations(), frozenset(each.ref for each in fires)
            for known in list(self._shelf.active.values()):
                await self._move(known, view, done, firing)

    async def _move(
        self,
        known: record.Record,
        view: views.View,
        done: record.Operations,
        firing: frozenset[base.Ref],
    ) -> None:
        """Take the steps of one run; a defect in one keeps no other from going on."""
        going = progress.Progress(self._shelf.runbook_of(known), known, view, done, firing)
        try:
            after = going.go()
        except Exception:
            log.exception("Run %s cannot go on.", known.id)
            return
        if after != known:
            await self.write(after, going.events)
        for other, about in going.leads_to.items():
            await self._lead(known, other, about)

    async def _operations(self) -> record.Operations:
        """The operations of plans that fixes wait for, by plan."""
        wanted = self._shelf.waited_for()
        if not wanted:
            return {}
        return await self._ledger.read(lambda c: operations.of_plans(c, wanted))

    async def _begin_for_alerts(self, view: views.View, fires: Sequence[alert.Alert]) -> None:
        for each in fires:
            firing, known = firing_of(each), self._untold(each.runbook)
            wanted = each.about == "condition" and each.severity is not alert.Severity.INFO
            if known is None or not wanted or firing in self._fired:
                continue
            subject = asking.subject_of(view, each.subject, known.about)
            if (running := self.active(known.id, subject)) is not None:
                await self._join(running, *firing)
            elif len(self._shelf.active) < BY_ITSELF_MAX:
                await self.begin(known, subject, known.usual, "", alert_=firing)

    async def _join(self, running: record.Record, ref: base.Ref, fired: str) -> None:
        """An alert for which a run is under way already."""
        alerts = tuple(dict.fromkeys((*running.alerts, ref)))
        event = record.Event(at=self.now(), what="alert", text=ref)
        await self.write(running.but(alerts=alerts), [event], alert_=(ref, fired))

    async def _lead(self, known: record.Record, other: str, about: base.Ref) -> None:
        """Begin the runbook that a run leads to, unless it is under way."""
        if (found := self._untold(other)) is None:
            return
        view = self.view()
        subjects = (asking.subject_of(view, each, found.about) for each in (about, known.subject))
        subject = next(filter(None, subjects), "")
        if self.active(other, subject) is None:
            await self.begin(found, subject, found.usual, "", why=f"led to by run {known.id}")

    def _untold(self, name: str) -> book.Runbook | None:
        """A runbook that can begin by itself: of others only a person can say for what."""
        found = self.runbooks.get(name)
        return None if found is None or any(p.required for p in found.params) else found

    # What is written

    async def begin(
        self,
        runbook: book.Runbook,
        subject: base.Ref,
        params: dict[str, str],
        login: str,
        *,
        alert_: tuple[base.Ref, str] | None = None,
        why: str = "",
    ) -> record.Record | None:
        """Begin a run; None where one is active on the same. The lock is held.

        Raises StoreError.
        """
        now = self.now()
        new = record.Record(
            runbook=runbook.id,
            title=runbook.title,
            text=runbook.text,
            where=runbook.where,
            subject=subject,
            params=params,
            began_by=login,
            login=login,
            alerts=(alert_[0],) if alert_ else (),
            began_at=now,
        )
        said = why or (alert_[0] if alert_ else "")
        event = record.Event(at=now, what="began", text=said, login=login)

        def write(connection: sqlite3.Connection) -> int | None:
            number = store.begin(connection, shelf.kept(new))
            if number is not None:
                store.keep(connection, shelf.kept(new.but(id=number)))
                store.tell(connection, number, [event.model_dump_json()])
                if alert_:
                    store.note_alert(connection, *alert_, number)
            return number

        number = await self._ledger.run(write)
        if number is None:
            return None
        if alert_:
            self._fired.add(alert_)
        made = new.but(id=number)
        self._shelf.put(made)
        self._changed()
        self._news.set()
        return made

    async def write(
        self,
        known: record.Record,
        events: Iterable[record.Event],
        *,
        alert_: tuple[base.Ref, str] | None = None,
    ) -> None:
        """Keep what has become of a run, then let it be so. The lock is held.

        Raises StoreError; then nothing has changed.
        """
        bodies = [event.model_dump_json() for event in events]

        def write(connection: sqlite3.Connection) -> None:
            store.keep(connection, shelf.kept(known))
            store.tell(connection, known.id, bodies)
            if alert_:
                store.note_alert(connection, *alert_, known.id)

        await self._ledger.run(write)
        if alert_:
            self._fired.add(alert_)
        self._shelf.put(known)
        if known.state is run.RunState.RECOVERED and known.ended_at and known.acted:
            self._shelf.recovered[known.runbook] = known.ended_at
        self._changed()
        self._news.set()

    # What is shown and asked

    def active(self, runbook: str, subject: base.Ref) -> record.Record | None:
        """The run of a runbook that is under way on a subject."""
        return self._shelf.on(runbook, subject)

    def firing(self, ref: base.Ref) -> alert.Alert | None:
        """An alert by its ref, while it is one."""
        alerts = (each for each in self._alerts() if isinstance(each, alert.Alert))
        return next((each for each in alerts if each.ref == ref), None)

    async def timeline(self, number: int) -> list[record.Event]:
        """What happened in a run, oldest first. Raises StoreError."""
        bodies = await self._ledger.look(lambda c: store.timeline(c, number))
        return [record.Event.model_validate_json(body) for body in bodies]

    def find(self, ref: base.Ref) -> tuple[book.Runbook, record.Record] | None:
        """A run under way, with its runbook as it was when that began."""
        return self._shelf.find(ref)

    async def applied(self, plan_id: str) -> bool:
        """Whether a plan was applied, which a look notices only later. Raises StoreError."""
        return bool(await self._ledger.read(lambda c: operations.of_plans(c, {plan_id})))

    def view(self) -> views.View:
        """What is known now."""
        return self._view(self.now())

    def entities(self) -> list[base.Entity]:
        """Runs under way, the newest first, then those that have ended; every runbook."""
        return self._shelf.entities(self.now())


def firing_of(found: alert.Alert) -> tuple[base.Ref, str]:
    """What tells one firing of an alert from the next."""
    return found.ref, found.fired_at.isoformat() if found.fired_at else ""
