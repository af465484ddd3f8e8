"""What fires is told again and again to channels that would take it for resolved otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from mrcore import errors
from mrcore.alerts import telling
from mrcore.alerts.notify import channel, routing, sealing
from mrcore.model import alert
from mrcore.store import alerts as store
from mrcore.store import database, outbox

RESOLVED_FOR = timedelta(minutes=15)
"""As Prometheus: the end is said for so long, lest it is lost."""


class Resender:
    """The channel `name`; `why` is why it could not be told last."""

    def __init__(
        self,
        name: str,
        to: channel.Resending,
        ledger: database.Database,
        routes: routing.Routes,
        sealer: sealing.Sealer,
        *,
        alerts: Callable[[], Sequence[object]],
        now: Callable[[], datetime],
    ) -> None:
        self.why = ""
        self._name = name
        self._to = to
        self._ledger = ledger
        self._routes = routes
        self._sealer = sealer
        self._alerts = alerts
        self._now = now

    async def run(self) -> None:
        """Tell it until cancelled."""
        while True:
            await asyncio.sleep(self._to.resend_s)
            await self.resend()

    async def resend(self) -> None:
        """Tell it once of all that was told and fires, or fired a short time ago.

        What is told for the first time is left to its message, which may wait for a diagnosis.
        """
        try:
            unsent = await self._ledger.read(lambda c: outbox.unsent(c, self._name))
        except errors.StoreError:  # what is not told again would be taken for resolved
            unsent = set()
        items = [
            self._sealer.item(_notice(each, each.told_at), self._name, self._routes)
            for each in self._alerts()
            if isinstance(each, alert.Alert)
            and each.told_at
            and each.ref not in unsent
            and self._is_wanted(each)
        ]
        try:
            await self._to.resend(items)
            self.why = ""
        except errors.NotSent as error:
            self.why = error.sentence

    def _is_wanted(self, each: alert.Alert) -> bool:
        if each.severity not in self._routes.severities[self._name]:
            return False
        if each.phase in (alert.Phase.FIRING, alert.Phase.RECOVERING):
            return True
        ended = each.resolved_at if each.phase is alert.Phase.RESOLVED else None
        return ended is not None and self._now() - ended < RESOLVED_FOR


def _notice(each: alert.Alert, told_at: datetime) -> store.Notice:
    """What was told of it last, or its end."""
    kind, at, why = telling.Kind.FIRED, told_at, each.told_why
    if each.escalated_at:
        kind = telling.Kind.ESCALATED
    if each.phase is alert.Phase.RESOLVED and each.resolved_at:
        kind, at, why = telling.Kind.RESOLVED, each.resolved_at, ""
    return store.Notice(
        alert=each.ref,
        fired_at=each.fired_at.isoformat() if each.fired_at else "",
        at=at.isoformat(),
        kind=kind.value,
        why="" if why == kind.value else why,
        severity=each.severity.value,
        summary=each.summary,
    )
