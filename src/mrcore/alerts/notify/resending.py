"""What fires is told again and again to channels that would take it for resolved otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from mrcore import errors
from mrcore.alerts.notify import channel
from mrcore.model import alert

RESOLVED_FOR = timedelta(minutes=15)
"""As Prometheus: the end is said for so long, lest it is lost."""


class Resender:
    """One such channel; `why` is why it could not be told last."""

    def __init__(
        self,
        to: channel.Resending,
        severities: Collection[alert.Severity],
        *,
        alerts: Callable[[], Sequence[object]],
        now: Callable[[], datetime],
    ) -> None:
        self.why = ""
        self._to = to
        self._severities = severities
        self._alerts = alerts
        self._now = now

    async def run(self) -> None:
        """Tell it until cancelled."""
        while True:
            await asyncio.sleep(self._to.resend_s)
            await self.resend()

    async def resend(self) -> None:
        """Tell it once of all that was told and fires, or fired a short time ago."""
        wanted = [each for each in self._alerts() if self._is_wanted(each)]
        try:
            await self._to.resend([each for each in wanted if isinstance(each, alert.Alert)])
            self.why = ""
        except errors.NotSent as error:
            self.why = error.sentence

    def _is_wanted(self, each: object) -> bool:
        if not isinstance(each, alert.Alert) or each.severity not in self._severities:
            return False
        if each.phase in (alert.Phase.FIRING, alert.Phase.RECOVERING):
            return each.told_at is not None
        ended = each.resolved_at if each.phase is alert.Phase.RESOLVED else None
        return ended is not None and self._now() - ended < RESOLVED_FOR and bool(each.told_at)
