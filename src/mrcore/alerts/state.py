"""What becomes of an alert: inactive, pending, firing, recovering, resolved. Pure.

```
inactive ──true──▶ pending ──`for`, and still true──▶ firing ──false──▶ recovering
   ▲                 │false                             ▲                │    │
   └─────────────────┘                                  └─────true───────┘    │ false for `keep`
   └──────── after an hour ──── resolved ◀─────────────────────────────────────┘
```
Time in which nobody looked brings nothing nearer (`later`).
No data changes nothing: it neither ends a wait, nor fires, nor resolves. What is held, by a rule's
`until`, goes on where it fires and begins nowhere. What may be told of it is
in `telling`; it never has a part in what is observed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from mrcore.model import alert
from mrcore.model.base import Frozen, Instant

Phase = alert.Phase

FLAPS = 4
"""So many firings and resolutions within `Timing.flapping_s` are flapping."""

SHOWN = timedelta(hours=1)
"""For how long what has resolved is shown."""

OPEN = (Phase.FIRING, Phase.RECOVERING)


class Signal(StrEnum):
    """What the rule says now; `HELD`: it is not true, and what ends it is not either."""

    TRUE = "true"
    HELD = "held"
    FALSE = "false"
    UNKNOWN = "unknown"


class Timing(Frozen):
    """How long it has to be true before it fires, and false before it has resolved.

    What was suppressed is not told before `settle_s`, nor before `for_s`, has passed again: what
    is measured over a while remembers what it depends on for as long. `flapping_s` is in how long
    it is flapping.
    """

    for_s: float = 0.0
    keep_s: float = 0.0
    escalate_s: float = 0.0
    settle_s: float = 30.0
    flapping_s: float = 1_800.0


class Ack(Frozen):
    """Somebody is at it until `until`."""

    login: str
    note: str = ""
    at: Instant
    until: Instant
    operation: int = 0


class State(Frozen):
    """Everything that is remembered of an alert, also over a restart.

    `calm_at` is since when a recovering one has been false without a gap; `turns` are the firings
    and resolutions of `Timing.flapping_s`. `told_at` is when this firing was told, `asked_at` since
    when somebody should acknowledge it, `hidden` why it is not told now; the end of what was told
    is `owed`. `lifted_at` is when what suppressed it was well again. `lapsed` is whose
    acknowledgement has expired where that was not told yet.
    """

    phase: Phase = Phase.INACTIVE
    pending_at: Instant | None = None
    fired_at: Instant | None = None
    calm_at: Instant | None = None
    resolved_at: Instant | None = None
    turns: tuple[Instant, ...] = ()
    told_at: Instant | None = None
    told_why: str = ""
    asked_at: Instant | None = None
    escalated_at: Instant | None = None
    owed: bool = False
    flapping_at: Instant | None = None
    flapping_told: bool = False
    hidden: str = ""
    lifted_at: Instant | None = None
    ack: Ack | None = None
    lapsed: str = ""

    def but(self, **changes: Any) -> State:
        """The same, but for these."""
        return self.model_copy(update=changes)

    @property
    def open(self) -> bool:
        """Whether it fires, or recovers from that."""
        return self.phase in OPEN


NEW = State()


def waits(state: State) -> bool:
    """Whether time has to pass over what is seen of it before it goes on."""
    return state.phase is Phase.PENDING or bool(state.calm_at or state.lifted_at)


def later(state: State, by: timedelta) -> State:
    """The same, where nobody looked for so long: what it waits for is no nearer.

    What people wait for is: an acknowledgement ends, and nobody's comes too late, by the clock.
    So do turns grow old, or what fires after a night would be kept quiet as flapping.
    """

    def put_off(at: datetime | None) -> datetime | None:
        return at + by if at else None

    return state.but(
        pending_at=put_off(state.pending_at) if state.phase is Phase.PENDING else state.pending_at,
        calm_at=put_off(state.calm_at),
        lifted_at=put_off(state.lifted_at),
    )


def advance(state: State, signal: Signal, timing: Timing, now: datetime) -> State:
    """What becomes of it now."""
    state = _later(state, timing, now)
    return _NEXT[state.phase](state, signal, timing, now)


def _later(state: State, timing: Timing, now: datetime) -> State:
    """Forget what is long ago; a clock that was set back begins its waits anew."""
    lately = timedelta(seconds=timing.flapping_s)
    turns = tuple(at for at in state.turns if now - at < lately)
    if len(turns) != len(state.turns):
        state = state.but(turns=turns)
    if state.pending_at and state.pending_at > now:
        state = state.but(pending_at=now)
    if state.calm_at and state.calm_at > now:
        state = state.but(calm_at=now)
    return state


def _at_rest(state: State, signal: Signal, timing: Timing, now: datetime) -> State:
    if signal is Signal.TRUE:
        waiting = state.but(phase=Phase.PENDING, pending_at=now)
        return _pending(waiting, signal, timing, now)
    if state.resolved_at and now - state.resolved_at < SHOWN:
        return state
    if state.owed or state.turns:
        return State(turns=state.turns, flapping_at=state.flapping_at, owed=state.owed)
    return NEW


def _pending(state: State, signal: Signal, timing: Timing, now: datetime) -> State:
    assert state.pending_at is not None
    if signal in (Signal.FALSE, Signal.HELD):
        return state.but(phase=_before(state), pending_at=None)
    if signal is Signal.TRUE and (now - state.pending_at).total_seconds() >= timing.for_s:
        return _fire(state, now)
    return state


def _before(state: State) -> Phase:
    """What it was before it was pending."""
    return Phase.RESOLVED if state.resolved_at else Phase.INACTIVE


def _fire(state: State, now: datetime) -> State:
    """A new firing: nothing of it was told, nobody has acknowledged it.

    While it flaps it is told as one, and so it is asked and acknowledged as one.
    """
    new = State(
        phase=Phase.FIRING,
        pending_at=state.pending_at,
        fired_at=now,
        turns=(*state.turns, now)[-2 * FLAPS :],
        flapping_at=state.flapping_at,
        flapping_told=state.flapping_told,
        owed=state.owed,
    )
    if not new.flapping_at or len(new.turns) < FLAPS:
        return new
    return new.but(
        asked_at=state.asked_at,
        escalated_at=state.escalated_at,
        ack=state.ack,
        lapsed=state.lapsed,
    )


def _firing(state: State, signal: Signal, timing: Timing, now: datetime) -> State:
    if signal is not Signal.FALSE:
        return state
    return _recovering(state.but(phase=Phase.RECOVERING, calm_at=now), signal, timing, now)


def _recovering(state: State, signal: Signal, timing: Timing, now: datetime) -> State:
    if signal in (Signal.TRUE, Signal.HELD):
        return state.but(phase=Phase.FIRING, calm_at=None)
    if signal is Signal.UNKNOWN:
        return state.but(calm_at=None) if state.calm_at else state
    if state.calm_at is None:
        state = state.but(calm_at=now)
    assert state.calm_at is not None
    if (now - state.calm_at).total_seconds() < timing.keep_s:
        return state
    return state.but(
        phase=Phase.RESOLVED,
        calm_at=None,
        resolved_at=now,
        turns=(*state.turns, now)[-2 * FLAPS :],
    )


_NEXT: dict[Phase, Callable[[State, Signal, Timing, datetime], State]] = {
    Phase.INACTIVE: _at_rest,
    Phase.RESOLVED: _at_rest,
    Phase.PENDING: _pending,
    Phase.FIRING: _firing,
    Phase.RECOVERING: _recovering,
}
