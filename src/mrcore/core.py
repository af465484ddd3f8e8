"""The core, put together: what watches, remembers, answers for logins and acts."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Self

from mrcore import (
    deadline,
    errors,
    folder,
    hub,
    monitor,
    runs,
    series,
    settings,
    sources,
    version,
    watched,
)
from mrcore.acting import door
from mrcore.alerts import acking, desk, live, silencing
from mrcore.model import alert, ref, wire
from mrcore.model import base as model
from mrcore.model import core as entities
from mrcore.rights import approval, arming, authority, revoking
from mrcore.runbooks import acts as run_acts
from mrcore.runbooks import engine, library, telling
from mrcore.sources import base
from mrcore.sources import core as core_source
from mrcore.sources import own as own_acts
from mrcore.store import approvals, files
from mrcore.store import arming as armings
from mrcore.trust import anchor, audit, auditing, auth, limits

RESUME_RETRY_S = 1.0
RESUME_RETRY_MAX_S = 60.0
QUESTIONS_MAX = 200
PLANS_MAX = 4
PAGES_MAX = 16

log = logging.getLogger(__name__)


class Core:
    """One core over one state folder; an async context manager that watches while it is open."""

    def __init__(
        self,
        own: settings.Settings,
        state: folder.StateFolder,
        *,
        now: base.Now,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.settings = own
        self.now = now
        self.started_at = now()
        self.pid = os.getpid()
        self.version = version.version()
        self.ledger = files.ledger(state.path)
        self.history = files.history(state.path)
        self.hub = hub.Hub(own.environment, self.version, now=now)
        self.series = series.Series(self.history, now=now)
        self.runs = runs.Runs(
            self.history,
            now=now,
            keep_days=own.keep_runs_days,
            time_scale=own.time_scale,
            keep_failures_days=own.keep_failures_days,
        )
        self.monitor = monitor.Monitor(
            self.hub, self.series, runs=self.runs, now=now, jitter=jitter
        )
        self.auth = auth.Auth(self.ledger, now=now, logins=own.logins, tell=self._note_guesses)
        self.authority = authority.of(own, now)
        self.anchor_path = (own.audit_anchor or anchor.default_path(state.path)).absolute()
        self.auditing = auditing.Auditing(self.ledger, self.anchor_path, began_at=self.started_at)
        self.door = door.Door(self.ledger, self.monitor, self.hub, self.authority, now=now)
        runbooks = library.load(own.runbooks.folder, own.time_scale)
        self.desk = desk.Desk(
            own,
            self.ledger,
            self.hub,
            runbooks=runbooks,
            view=lambda at: live.Live(self.hub, self.series, self.monitor.statuses(), at),
            now=now,
            jitter=jitter,
            changed=lambda: self.monitor.poke(core_source.NAME),
        )
        self.alerts = self.desk.book
        self.engine = engine.Engine(
            runbooks,
            self.ledger,
            view=lambda at: live.Live(self.hub, self.series, self.monitor.statuses(), at),
            alerts=self.alerts.entities,
            plan=self.door.plan,
            now=now,
            changed=lambda: self.monitor.poke(core_source.NAME),
            time_scale=own.time_scale,
        )
        self.plans = limits.AtOnce(PLANS_MAX, "plans in the making")
        self.pages = limits.AtOnce(PAGES_MAX, "pages of the core's own rows in the making")
        self.not_resumed = ""
        self._asks: dict[str, deadline.Caller] = {}
        self._importer = ThreadPoolExecutor(1, thread_name_prefix="import")
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        if core_source.NAME in self.settings.sources:
            raise errors.SettingsError("sources.core is the core itself; give it another name.")
        self.hub.listen(self.engine.heard)
        self.monitor.watch(core_source.NAME, "core", self._open_self)
        for name, table in self.settings.sources.items():
            self.monitor.watch(name, str(table.get("kind", name)), self._opener(name, table))
        self._tasks = [
            asyncio.create_task(self.series.run(), name="series"),
            asyncio.create_task(self.runs.run(), name="runs"),
            asyncio.create_task(self.engine.run(), name="runbooks"),
            asyncio.create_task(self._resume(), name="resume"),
            *self.desk.begin(),
        ]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.quiet()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.door.stop()
        await self.monitor.stop()
        await self.series.flush(everything=True)
        await self.runs.flush()
        await self.ledger.close()
        await self.history.close()
        self._importer.shutdown(wait=False, cancel_futures=True)

    def quiet(self) -> None:
        """End every stream and every question at once, so that the server can stop."""
        self.hub.close()
        for caller in self._asks.values():
            caller.close()

    def asks(self, source: str) -> deadline.Caller:
        """Where questions to one source run, so that one which hangs uses up only its own."""
        return self._asks.setdefault(source, deadline.Caller(most=QUESTIONS_MAX))

    async def armed_until(self, login: str) -> datetime | None:
        """Until when a login may change a protected environment, None when it may not."""
        now = self.now()
        try:
            found = await self.ledger.read(lambda c: armings.find(c, login, now))
        except errors.StoreError:
            return None  # without the ledger nothing is changed
        return found.until if found else None

    async def load(self, module: str) -> None:
        """Import a module off the loop, which an import on it would hold up."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._importer, importlib.import_module, module)

    def _opener(self, name: str, table: dict[str, Any]) -> watched.Opener:
        kind = str(table.get("kind", name))

        async def open_source() -> tuple[base.Source, settings.SourceSettings]:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._importer, sources.load, name, kind)
            scale = self.settings.time_scale
            return sources.build(name, table, now=self.now, time_scale=scale)

        return open_source

    async def _open_self(self) -> tuple[base.Source, settings.SourceSettings]:
        facts = core_source.Facts(
            environment=self._environment(),
            statuses=self.monitor.statuses,
            operations=self.door.operations,
            sample_times=self.monitor.sample_times,
            clients=lambda: self.hub.subscribers,
            audit=self.auditing.verdict,
            not_resumed=lambda: self.not_resumed,
            alerts=self.desk.entities,
            checks=self.desk.checks,
            told=self._told,
            runbooks=self.engine.entities,
        )
        source = core_source.CoreSource(
            facts, self.ledger, self.history, self.runs, self._acts(), now=self.now
        )
        return source, settings.SourceSettings(kind="core").scaled(self.settings.time_scale)

    async def _told(self, entity: model.Entity) -> Sequence[wire.Section]:
        """What there is to say of one of the core's own besides its facts."""
        if isinstance(entity, alert.Alert):
            return (await self.desk.told(entity.ref),)
        return await telling.sections(self.engine, entity)

    def _environment(self) -> entities.Environment:
        own = self.settings
        return entities.Environment(
            ref=ref.make(core_source.NAME, "environment", own.environment),
            actions=("core.arm",) if own.protected and not own.read_only else (),
            name=own.environment,
            protected=own.protected,
            read_only=own.read_only,
        )

    def _acts(self) -> dict[model.ActionId, own_acts.Act]:
        """How each of the core's own actions is done."""
        ledger, now, own = self.ledger, self.now, self.settings
        return {
            "core.arm": arming.Arm(ledger, own.environment, own.protected, now),
            "core.disarm": arming.Disarm(ledger, now),
            "plan.approve": approval.Answer(ledger, approvals.APPROVED, now),
            "plan.refuse": approval.Answer(ledger, approvals.REFUSED, now),
            "token.revoke": revoking.Revoke(ledger, now),
            "alert.ack": acking.Ack(self.alerts, now),
            "alert.unack": acking.Unack(self.alerts, now),
            "alert.silence": silencing.Silence(self.alerts, ledger, now),
            "silence.expire": silencing.Expire(self.alerts, ledger, now),
            **run_acts.of(self.engine),
            **self.door.acts(),
        }

    async def _note_guesses(self, sentence: str) -> None:
        """Put logins that failed in a row into the audit; they are refused without it too."""
        entry = audit.Entry(
            at=self.now(),
            stage="refused",
            login="",
            action="login",
            outcome="refused",
            text=sentence,
        )
        try:
            await self.ledger.run(lambda connection: audit.append(connection, entry))
        except errors.StoreError as error:
            log.warning("%s This could not be written: %s", sentence, error)

    async def _resume(self) -> None:
        """Take up interrupted operations as soon as the ledger can be read, and read the audit.

        A defect in one of them does not keep the other from being done, and is tried again, ever
        more seldom.
        """
        await self._retried(lambda: self.ledger.read(lambda connection: None))
        await asyncio.gather(
            self._retried(self.door.resume, told=self._not_resumed),
            self._retried(self.auditing.verify),
        )

    def _not_resumed(self, why: str) -> None:
        self.not_resumed = why

    async def _retried(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        told: Callable[[str], None] = lambda why: None,
    ) -> None:
        """Do `work` until it succeeds; `told` why it has not, and nothing when it has."""
        pause_s = RESUME_RETRY_S
        while True:
            try:
                await work()
                return told("")
            except errors.StoreError as error:
                log.warning("%s", error)
                told(error.sentence)
                pause_s = RESUME_RETRY_S
            except Exception as error:
                log.exception("The start broke; it is tried again.")
                told(f"{type(error).__name__}, a defect; the core's log has it.")
                pause_s = min(2 * pause_s, RESUME_RETRY_MAX_S)
            await asyncio.sleep(pause_s)
