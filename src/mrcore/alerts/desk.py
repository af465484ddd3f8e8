"""Everything of alerts in one core: what is observed, who is told, and what has to be heard of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from datetime import datetime
from typing import Any

from mrcore import alert_settings, errors, settings
from mrcore import hub as hubs
from mrcore.alerts import book, heartbeats, notify, windows
from mrcore.alerts import rule as rules
from mrcore.alerts.notify import channel, notifier, pinging, resending, routing, sealing, telltale
from mrcore.model import backend, base, wire
from mrcore.store import database

SOURCE = "core"


class Desk:
    """The Book with all that hangs on it. Raises SettingsError, RuleError."""

    def __init__(
        self,
        own: settings.Settings,
        ledger: database.Database,
        hub: hubs.Hub,
        *,
        runbooks: Collection[str],
        view: book.View,
        now: Callable[[], datetime],
        jitter: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        alerts = own.alerts.scaled(own.time_scale)
        known = rules.load(rules.shipped(), alerts.rules, own.time_scale, runbooks=runbooks)
        self.book = book.Book(known, ledger, view=view, now=now, changed=changed)
        self.book.windows = windows.Windows(alerts.windows)
        self.heartbeats = heartbeats.Heartbeats(
            alerts.heartbeats, ledger, hub, now=now, changed=changed
        )
        self._ledger = ledger
        self._channels = notify.load(alerts, now)
        to = routes(alerts, self._channels)
        diagnosed = sealing.Diagnoses(hub, SOURCE).of
        sealer = sealing.Sealer(own.environment, self.book, diagnosed, alerts.diagnosis_wait_s)
        self._notifier = notifier.Notifier(
            ledger,
            self._channels,
            to,
            sealer,
            ready=self.book.ready,
            now=now,
            jitter=jitter,
            touched=hub.touched,
        )
        self.book.told = self._notifier.heard
        self._pinger = _pinger(alerts, self.book, now)
        self._resenders = {
            name: resending.Resender(
                name, each.channel, ledger, to, sealer, alerts=self.book.entities, now=now
            )
            for name, each in self._channels.items()
            if isinstance(each.channel, channel.Resending)
        }
        hub.listen(self.book.heard)

    def begin(self) -> list[asyncio.Task[None]]:
        """What goes on until it is cancelled."""
        work: dict[str, Coroutine[Any, Any, None]] = {
            "alerts": self.book.run(),
            "heartbeats": self._load(),
            "ping": self._pinger.run(),
            **{f"resend {name}": each.run() for name, each in self._resenders.items()},
        }
        if self._channels:
            work["notify"] = self._notifier.run()
        return [asyncio.create_task(each, name=name) for name, each in work.items()]

    async def _load(self) -> None:
        """Read what is remembered of heartbeats, as soon as the ledger can be read."""
        while True:
            try:
                return await self.heartbeats.ready()
            except errors.StoreError:  # which the ledger's own check says
                await asyncio.sleep(notifier.RETRY_S)

    def entities(self) -> list[base.Entity]:
        """Alerts, silences, and what has to be heard of."""
        return [*self.book.entities(), *self.heartbeats.entities()]

    def checks(self) -> list[backend.Check]:
        """Whether everybody can be told."""
        found = [*self._notifier.checks(), *self._pinger.checks()]
        return [self._with_resends(each) for each in found]

    def _with_resends(self, check: backend.Check) -> backend.Check:
        resender = self._resenders.get(check.name.removeprefix("channel "))
        if resender is None or not resender.why or check.verdict.code:
            return check
        verdict = base.Verdict(level=base.Level.BAD, code="not_told", why=resender.why)
        return check.model_copy(update={"verdict": verdict})

    async def told(self, ref: base.Ref) -> wire.Section:
        """What was told of an alert: when, where, why, and what failed."""
        return await telltale.section(self._ledger, ref)


def routes(own: alert_settings.AlertSettings, channels: dict[str, notify.Opened]) -> routing.Routes:
    """To whom what goes, by the settings."""
    return routing.Routes(
        severities={name: frozenset(each.settings.severities) for name, each in channels.items()},
        escalate_to=own.escalate_to,
        group_wait_s=own.group_wait_s,
        group_interval_s=own.group_interval_s,
    )


def _pinger(
    own: alert_settings.AlertSettings, kept: book.Book, now: Callable[[], datetime]
) -> pinging.Pinger:
    try:
        return pinging.Pinger(
            own.ping_url, own.ping_every_s, looked=lambda: kept.looked_at, now=now
        )
    except ValueError as error:
        raise errors.SettingsError(f"Settings in alerts.ping_url are wrong: {error}.") from None
