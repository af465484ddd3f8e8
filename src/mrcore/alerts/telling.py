"""Of what somebody is told, and when: once a firing, and of what becomes of it. Pure.

A silence, a maintenance window or an alert that this one depends on hide what would be told, never
what is observed, and never the end of what was told before.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from mrcore.alerts import state as states
from mrcore.model import alert


class Kind(StrEnum):
    """What a notification is of."""

    FIRED = "fired"
    STILL = "still"
    ESCALATED = "escalated"
    FLAPPING = "flapping"
    RESOLVED = "resolved"


class Notice(NamedTuple):
    """Something to be told, and why it is told now."""

    kind: Kind
    why: str = ""


class Around(NamedTuple):
    """What hides it now: the ref of a silence, or of an alert that it depends on."""

    silenced_by: str = ""
    suppressed_by: str = ""

    @property
    def hidden(self) -> str:
        """Which of both, in a word."""
        return "silenced" if self.silenced_by else "suppressed" if self.suppressed_by else ""


Told = tuple[states.State, tuple[Notice, ...]]

NOTHING: tuple[Notice, ...] = ()


def step(
    state: states.State,
    signal: states.Signal,
    timing: states.Timing,
    around: Around,
    now: datetime,
    gone: str = "",
) -> Told:
    """What becomes of it, and what is told of that; `gone` is why there is nothing to see."""
    if state is states.NEW and signal is not states.Signal.TRUE:
        return state, NOTHING
    told, notices = tell(states.advance(state, signal, timing, now), timing, around, now)
    return told, tuple(n._replace(why=gone) if n.kind is Kind.RESOLVED else n for n in notices)


def tell(state: states.State, timing: states.Timing, around: Around, now: datetime) -> Told:
    """What is told of a state as it is now; the state that comes back knows that it was."""
    state = _flap(state, now)
    if state.phase in (alert.Phase.RESOLVED, alert.Phase.INACTIVE):
        return _ended(state)
    if state.phase is not alert.Phase.FIRING:
        return state, NOTHING
    state = _expire(state, now)
    if around.hidden:
        same = state.hidden == around.hidden and state.lifted_at is None
        return state if same else state.but(hidden=around.hidden, lifted_at=None), NOTHING
    if state.hidden == "suppressed" and state.told_at is None:
        state = state if state.lifted_at else state.but(lifted_at=now)
        if not _settled(state, timing, now):
            return state, NOTHING
    was, state = state.hidden, state.but(hidden="", lifted_at=None) if state.hidden else state
    if state.flapping_at and not state.flapping_told:
        return _flapping(state, timing, now)
    if state.told_at is None and not state.flapping_at:
        return _say(state, Kind.FIRED, _LIFTED.get(was, ""), now)
    if was == "silenced":
        return _say(state, Kind.STILL, _LIFTED[was], now)
    if state.lapsed:
        why = f"{state.lapsed}'s acknowledgement has expired, and it still fires"
        return _say(state, Kind.STILL, why, now)
    return _escalate(state, timing, now)


def _settled(state: states.State, timing: states.Timing, now: datetime) -> bool:
    """Whether it had the time to recover with what it depends on."""
    lifted = min(state.lifted_at or now, now)
    return (now - lifted).total_seconds() >= max(timing.settle_s, timing.for_s)


_LIFTED = {
    "silenced": "its silence has expired, and it still fires",
    "suppressed": "what it depends on is well again, and it still fires",
}


def _say(state: states.State, kind: Kind, why: str, now: datetime) -> Told:
    told = state.but(told_at=now, told_why=why or kind.value, owed=True)
    return told.but(asked_at=now, escalated_at=None, lapsed=""), (Notice(kind, why),)


def _flap(state: states.State, now: datetime) -> states.State:
    """Whether it goes to and fro."""
    flaps = len(state.turns) >= states.FLAPS
    if flaps and not state.flapping_at:
        return state.but(flapping_at=now, flapping_told=False)
    if not flaps and state.flapping_at:
        # What was told then was of the flapping: what is so now is told as new.
        return state.but(flapping_at=None, flapping_told=False, told_at=None)
    return state


def _flapping(state: states.State, timing: states.Timing, now: datetime) -> Told:
    """Said once; single firings are told again when it has calmed down."""
    within = f"{timing.flapping_s / 60:g} min"
    turns = f"it fired and resolved {len(state.turns)} times in {within}"
    why = f"{turns}; single firings are not told until it is calm"
    said, notices = _say(state, Kind.FLAPPING, why, now)
    return said.but(flapping_told=True), notices


def _ended(state: states.State) -> Told:
    """Its end, where its beginning was told; while it flaps, after that."""
    if state.flapping_at or not state.owed:
        return state, NOTHING
    return state.but(owed=False, told_why=Kind.RESOLVED.value), (Notice(Kind.RESOLVED),)


def _expire(state: states.State, now: datetime) -> states.State:
    """Without the acknowledgement whose time has passed, which is still to be said."""
    if state.ack is None or state.ack.until > now:
        return state
    return state.but(ack=None, lapsed=state.ack.login)


def _escalate(state: states.State, timing: states.Timing, now: datetime) -> Told:
    """Once a telling that nobody has acknowledged for too long."""
    asked = state.asked_at
    if not timing.escalate_s or state.ack or state.escalated_at or asked is None:
        return state, NOTHING
    if (now - asked).total_seconds() < timing.escalate_s:
        return state, NOTHING
    minutes = timing.escalate_s / 60
    why = f"nobody has acknowledged it for {minutes:.0f} min"
    changed = state.but(escalated_at=now, told_at=now, told_why=why)
    return changed, (Notice(Kind.ESCALATED, why),)
