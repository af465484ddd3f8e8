"""What becomes of a dead man's switch when it is pinged, and when it is not. Pure.

As Healthchecks has it: a start without an end within the grace time is missed, as is an end that
does not come; a failure is told at once. An end with the id of another run ends no run that began
later, one without an id ends any.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from mrcore import alert_settings, ticks
from mrcore.model import alert, base, ref
from mrcore.model.base import Frozen, Instant

Signal = Literal["success", "start", "fail"]


class Beat(Frozen):
    """Everything that is remembered of one, also over a restart."""

    run: str = ""
    started_at: Instant | None = None
    succeeded_at: Instant | None = None
    failed_at: Instant | None = None
    exit_code: int | None = None
    took_s: float | None = None

    @property
    def ended_at(self) -> datetime | None:
        """When it ended last, however that was."""
        ends = [at for at in (self.succeeded_at, self.failed_at) if at]
        return max(ends, default=None)


def pinged(
    beat: Beat, signal: Signal, run: str, now: datetime, exit_code: int | None = None
) -> Beat:
    """What becomes of it by a ping; `run` is empty where it named none."""
    if signal == "start":
        return beat.model_copy(update={"run": run, "started_at": now})
    ended: dict[str, object] = {"exit_code": exit_code, "took_s": None}
    ended["succeeded_at" if signal == "success" else "failed_at"] = now
    if beat.started_at and beat.run == run:
        ended |= {"took_s": (now - beat.started_at).total_seconds()}
    if beat.started_at and (beat.run == run or signal == "fail" or not run):
        ended |= {"started_at": None, "run": ""}
    return beat.model_copy(update=ended)


class Stand(NamedTuple):
    """How one is now."""

    state: Literal["new", "started", "up", "grace", "down"]
    code: str = ""
    due_at: datetime | None = None
    late_at: datetime | None = None


def stand(own: alert_settings.HeartbeatSettings, beat: Beat, now: datetime) -> Stand:
    """How it is: the grace time is added in UTC, where no hour is missing or comes twice."""
    grace = timedelta(seconds=own.grace_s)
    ended = beat.ended_at
    due = _following(own, ended) if ended else None
    late = due + grace if due else None
    if beat.started_at:
        late = min(late or beat.started_at + grace, beat.started_at + grace)
        if now > beat.started_at + grace:
            return Stand("down", "overran", due, late)
    if ended is None or due is None:
        return Stand("started" if beat.started_at else "new", "", due, late)
    if beat.failed_at == ended:
        return Stand("down", "failed", due, late)
    if now > due + grace:
        return Stand("down", "missed", due, late)
    if beat.started_at:
        return Stand("started", "", due, late)
    return Stand("up" if now <= due else "grace", "", due, late)


def _following(own: alert_settings.HeartbeatSettings, at: datetime) -> datetime:
    if own.every_s is not None:
        return at + timedelta(seconds=own.every_s)
    return ticks.following(own.cron, own.tz, at)


def entity(
    name: str, own: alert_settings.HeartbeatSettings, beat: Beat, now: datetime
) -> alert.Heartbeat:
    """A switch as it is shown."""
    found = stand(own, beat, now)
    return alert.Heartbeat(
        ref=ref.make("core", "heartbeat", name),
        verdict=_verdict(found, own, beat),
        name=name,
        state=found.state,
        declared=words(own),
        schedule=own.schedule,
        run=beat.run,
        started_at=beat.started_at,
        succeeded_at=beat.succeeded_at,
        failed_at=beat.failed_at,
        exit_code=beat.exit_code,
        took_s=beat.took_s,
        due_at=found.due_at,
        late_at=found.late_at,
    )


def words(own: alert_settings.HeartbeatSettings) -> str:
    """When it is due, as a person reads it."""
    return f"{own.cron} {own.tz}" if own.every_s is None else f"every {own.every_s:g} s"


def _verdict(found: Stand, own: alert_settings.HeartbeatSettings, beat: Beat) -> base.Verdict:
    if found.code == "failed":
        code = "" if beat.exit_code is None else f" with exit code {beat.exit_code}"
        why = f"It failed{code} at {beat.failed_at:%Y-%m-%d %H:%M} UTC."
        return base.Verdict(level=base.Level.BAD, code="failed", why=why)
    if found.code == "overran":
        why = f"It began at {beat.started_at:%Y-%m-%d %H:%M} UTC and has not ended."
        return base.Verdict(level=base.Level.BAD, code="overran", why=why)
    if found.state in ("down", "grace"):
        level = base.Level.BAD if found.state == "down" else base.Level.WARN
        code = "missed" if found.state == "down" else "late"
        why = f"It was due at {found.due_at:%Y-%m-%d %H:%M} UTC ({words(own)})."
        return base.Verdict(level=level, code=code, why=why)
    return base.OK
