"""Ages and instants in a sentence. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta


def age(seconds: float) -> str:
    """A length of time as one says it: `40 s`, `6 min`, `3 h`, `2 days`."""
    seconds = max(0.0, seconds)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:,.0f} days"


def clock(at: datetime, now: datetime) -> str:
    """An instant as one says it now: `13:56 UTC`, with its day where that is not today's."""
    recent = timedelta(0) <= now - at < timedelta(hours=20) or at.date() == now.date()
    return f"{at:%H:%M} UTC" if recent else f"{at:%Y-%m-%d %H:%M} UTC"


def some(count: int, one: str = "job", many: str = "") -> str:
    """`1 job`, `1,204 jobs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def released(came_from: str, attempts: int | None) -> str:
    """What becomes of a quarantined job that is released: `runs again now (attempt 12 → 13)`."""
    if came_from in ("delayed", "scheduled"):
        return "due as before"
    if came_from != "failed":
        return "waits again"
    return "runs again now" + (f" (attempt {attempts} → {attempts + 1})" if attempts else "")
