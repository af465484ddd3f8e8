"""Maintenance windows that come again: while one goes on, nobody is told of its alerts. Pure.

A window begins at each tick of a cron line in its own time zone, and lasts so many minutes of real
time: one from 1:30 for two hours ends two hours later also in the night when clocks change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from mrcore import alert_settings, ticks
from mrcore.model import alert, ref

LOGIN = "settings"


def going_on(
    windows: Mapping[str, alert_settings.WindowSettings], now: datetime
) -> list[alert.Silence]:
    """Those that have begun and not ended, as silences that nobody has to end."""
    found = (_now(name, own, now) for name, own in windows.items())
    return [silence for silence in found if silence is not None]


def _now(name: str, own: alert_settings.WindowSettings, now: datetime) -> alert.Silence | None:
    begun = ticks.latest(own.cron, own.tz, now)
    ends = begun + timedelta(minutes=own.minutes)
    if now >= ends:
        return None
    return alert.Silence(
        ref=ref.make("core", "silence", f"window {name}"),
        id=0,
        rule=own.rule,
        subject=own.subject,
        login=LOGIN,
        reason=own.reason or f"maintenance window {name}",
        starts_at=begun,
        expires_at=ends,
    )


class Windows:
    """The windows of one core; their ticks are reckoned once a second at most."""

    def __init__(self, own: Mapping[str, alert_settings.WindowSettings]) -> None:
        self._own = own
        self._at: datetime | None = None
        self._found: list[alert.Silence] = []

    def __call__(self, now: datetime) -> Iterable[alert.Silence]:
        """Those that go on now."""
        if self._own and now != self._at:
            self._at, self._found = now, going_on(self._own, now)
        return self._found
