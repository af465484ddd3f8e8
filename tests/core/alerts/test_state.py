"""What becomes of an alert, and what is told: for any course of signals, silences and restarts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import hypothesis
import pytest
from hypothesis import strategies

from mrcore.alerts import state as states
from mrcore.alerts import telling
from mrcore.model import alert

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TRUE, FALSE, UNKNOWN = states.Signal.TRUE, states.Signal.FALSE, states.Signal.UNKNOWN
Kind, Phase = telling.Kind, alert.Phase
SILENCED = telling.Around(silenced_by="core/silence/1")
SUPPRESSED = telling.Around(suppressed_by="core/alert/redis")
OPEN_AIR = telling.Around()


class Look(NamedTuple):
    """One evaluation: so many seconds after the one before."""

    after_s: float
    signal: states.Signal
    around: telling.Around = OPEN_AIR


class Told(NamedTuple):
    """What was told, of which firing, and at which second."""

    at_s: float
    kind: telling.Kind
    fired_at: datetime | None


def play(
    looks: Sequence[Look],
    timing: states.Timing,
    *,
    begin: states.State = states.NEW,
    restarts: bool = False,
) -> tuple[list[states.State], list[Told]]:
    """Every state and everything told; `restarts`: only what is written survives each step."""
    state, now, course, told = begin, T0, [], []
    for look in looks:
        now += timedelta(seconds=look.after_s)
        state, notices = telling.step(state, look.signal, timing, look.around, now)
        at_s = (now - T0).total_seconds()
        told += [Told(at_s, notice.kind, state.fired_at) for notice in notices]
        if restarts:
            state = states.State.model_validate_json(state.model_dump_json())
        course.append(state)
    return course, told


def phases(*looks: Look, for_s: float = 0, keep_s: float = 0) -> list[str]:
    course, _ = play(looks, states.Timing(for_s=for_s, keep_s=keep_s))
    return [state.phase.value for state in course]


def kinds(
    *looks: Look, for_s: float = 0, keep_s: float = 0, escalate_s: float = 0
) -> list[tuple[float, str]]:
    timing = states.Timing(for_s=for_s, keep_s=keep_s, escalate_s=escalate_s)
    return [(told.at_s, told.kind.value) for told in play(looks, timing)[1]]


def test_it_waits_for_its_time_and_forgets_what_did_not_last() -> None:
    looks = (Look(0, TRUE), Look(20, TRUE), Look(1, FALSE), Look(1, TRUE), Look(30, TRUE))
    assert phases(*looks, for_s=30) == ["pending", "pending", "inactive", "pending", "firing"]


def test_without_a_wait_it_fires_at_once() -> None:
    assert phases(Look(0, FALSE), Look(1, TRUE)) == ["inactive", "firing"]


def test_it_recovers_before_it_has_resolved() -> None:
    looks = (Look(0, TRUE), Look(1, FALSE), Look(5, TRUE), Look(1, FALSE), Look(10, FALSE))
    found = phases(*looks, keep_s=10)
    assert found == ["firing", "recovering", "firing", "recovering", "resolved"]
    assert kinds(*looks, keep_s=10) == [(0, "fired"), (17, "resolved")]


def test_no_data_ends_no_wait_and_resolves_nothing() -> None:
    waiting = (Look(0, TRUE), Look(40, UNKNOWN), Look(1, TRUE))
    assert phases(*waiting, for_s=30) == ["pending", "pending", "firing"]
    calm = (Look(0, TRUE), Look(1, FALSE), Look(50, UNKNOWN), Look(1, FALSE), Look(10, FALSE))
    found = phases(*calm, keep_s=10)
    assert found == ["firing", "recovering", "recovering", "recovering", "resolved"]


def test_what_has_resolved_is_shown_for_an_hour() -> None:
    looks = (Look(0, TRUE), Look(1, FALSE), Look(3599, FALSE), Look(1, FALSE))
    assert phases(*looks) == ["firing", "resolved", "resolved", "inactive"]


def test_a_clock_set_back_makes_nothing_wait_for_longer_than_its_time() -> None:
    looks = (Look(0, TRUE), Look(-7200, TRUE), Look(30, TRUE))
    assert phases(*looks, for_s=30) == ["pending", "pending", "firing"]


@pytest.mark.parametrize("around", [SILENCED, SUPPRESSED])
def test_what_is_hidden_is_observed_and_told_when_that_has_passed(around: telling.Around) -> None:
    looks = (Look(0, TRUE, around), Look(5, TRUE, around), Look(1, TRUE), Look(30, TRUE))
    assert phases(*looks) == ["firing"] * 4
    assert kinds(*looks) == [(6 if around is SILENCED else 36, "fired")]
    over = (Look(0, TRUE, around), Look(5, FALSE, around), Look(1, FALSE))
    assert phases(*over) == ["firing", "resolved", "resolved"]
    assert kinds(*over) == []


def test_the_end_of_what_was_told_is_told_also_beneath_a_silence() -> None:
    looks = (Look(0, TRUE), Look(5, TRUE, SILENCED), Look(1, FALSE, SILENCED))
    assert kinds(*looks) == [(0, "fired"), (6, "resolved")]


def test_what_recovers_with_what_it_depends_on_is_never_told() -> None:
    looks = (Look(0, TRUE, SUPPRESSED), Look(9, TRUE), Look(59, TRUE), Look(0, FALSE))
    assert kinds(*looks, for_s=0) == [(68, "fired"), (68, "resolved")]
    slow = (Look(0, TRUE, SUPPRESSED), Look(60, TRUE, SUPPRESSED), *looks[1:])
    assert kinds(*slow, for_s=60) == []


def test_a_silence_that_expires_over_what_still_fires_says_so_once() -> None:
    looks = (Look(0, TRUE), Look(5, TRUE, SILENCED), Look(1, TRUE), Look(1, TRUE))
    assert kinds(*looks) == [(0, "fired"), (6, "still")]
    after_a_suppression = (Look(0, TRUE), Look(5, TRUE, SUPPRESSED), Look(1, TRUE))
    assert kinds(*after_a_suppression) == [(0, "fired")]


def test_it_escalates_once_when_nobody_acknowledges() -> None:
    looks = (Look(0, TRUE), Look(899, TRUE), Look(1, TRUE), Look(2000, TRUE))
    assert kinds(*looks, escalate_s=900) == [(0, "fired"), (900, "escalated")]


def test_an_acknowledgement_holds_until_it_expires() -> None:
    timing = states.Timing(escalate_s=900)
    fired = play([Look(0, TRUE)], timing)[0][0]
    ack = states.Ack(login="anna", at=T0, until=T0 + timedelta(minutes=30))
    looks = [Look(1000, TRUE), Look(800, TRUE), Look(899, TRUE), Look(1, TRUE)]
    course, told = play(looks, timing, begin=fired.but(ack=ack))
    assert [(t.at_s, t.kind) for t in told] == [(1800, Kind.STILL), (2700, Kind.ESCALATED)]
    assert [state.ack for state in course] == [ack, None, None, None]
    assert "anna's acknowledgement has expired" in course[1].told_why


def test_an_acknowledgement_that_expires_unseen_is_told_when_it_can_be() -> None:
    fired = play([Look(0, TRUE)], states.Timing())[0][0]
    ack = states.Ack(login="anna", at=T0, until=T0 + timedelta(minutes=30))
    beneath = [Look(1700, TRUE, SUPPRESSED), Look(200, TRUE, SUPPRESSED)]
    looks = [*beneath, Look(1, TRUE), Look(899, TRUE)]
    timing = states.Timing(escalate_s=900)
    course, told = play(looks, timing, begin=fired.but(ack=ack))
    assert [(t.at_s, t.kind) for t in told] == [(1901, Kind.STILL)]
    assert [state.ack for state in course] == [ack, None, None, None]
    assert course[-1].told_why == "anna's acknowledgement has expired, and it still fires"


def test_a_new_firing_is_nobodys_yet() -> None:
    fired = play([Look(0, TRUE)], states.Timing())[0][0]
    ack = states.Ack(login="anna", at=T0, until=T0 + timedelta(hours=9))
    course, _ = play([Look(1, FALSE), Look(1, TRUE)], states.Timing(), begin=fired.but(ack=ack))
    assert course[-1].ack is None


def test_what_goes_to_and_fro_is_told_once_and_again_when_it_is_calm() -> None:
    to_and_fro = [Look(60, TRUE), Look(60, FALSE)] * 5
    told = kinds(*to_and_fro, Look(60, TRUE), Look(2000, TRUE), Look(5, FALSE))
    assert [kind for _, kind in told] == [
        "fired",
        "resolved",
        "fired",
        "flapping",
        "fired",
        "resolved",
    ]
    ends = kinds(*to_and_fro, Look(2000, FALSE), Look(1, FALSE))
    assert [kind for _, kind in ends] == ["fired", "resolved", "fired", "flapping", "resolved"]


FLAPS = [Look(60, TRUE), Look(60, FALSE)] * 30


def test_what_goes_to_and_fro_escalates_too_once_and_while_it_fires() -> None:
    told = kinds(*FLAPS, escalate_s=900)
    assert told[3:] == [(300, "flapping"), (1260, "escalated")]


def test_what_goes_to_and_fro_is_acknowledged_as_one() -> None:
    timing = states.Timing(escalate_s=900)
    flapping = play(FLAPS[:5], timing)[0][-1]
    assert flapping.flapping_told
    ack = states.Ack(login="anna", at=T0, until=T0 + timedelta(minutes=30))
    looks = [Look(360, FALSE), *FLAPS]
    _, told = play(looks, timing, begin=flapping.but(ack=ack))
    assert [(t.at_s, t.kind) for t in told] == [(1860, Kind.STILL), (2820, Kind.ESCALATED)]


def test_what_goes_to_and_fro_says_that_its_silence_has_expired() -> None:
    told = kinds(*FLAPS[:5], Look(1, TRUE, SILENCED), Look(1, TRUE), Look(1, TRUE))
    assert told[3:] == [(300, "flapping"), (302, "still")]


LOOKS = strategies.lists(
    strategies.builds(
        Look,
        strategies.sampled_from([0.0, 1.0, 20.0, 400.0, 4000.0]),
        strategies.sampled_from(list(states.Signal)),
        strategies.sampled_from([OPEN_AIR, OPEN_AIR, SILENCED, SUPPRESSED]),
    ),
    max_size=40,
)
TIMINGS = strategies.builds(
    states.Timing,
    for_s=strategies.sampled_from([0.0, 30.0]),
    keep_s=strategies.sampled_from([0.0, 60.0]),
    escalate_s=strategies.sampled_from([0.0, 900.0]),
)


@hypothesis.given(LOOKS, TIMINGS)
def test_one_firing_is_told_once_and_its_end_once(looks: list[Look], timing: states.Timing) -> None:
    _, told = play(looks, timing)
    calm = [t for t in told if t.kind is Kind.FIRED]
    began = [t for t in told if t.kind is not Kind.RESOLVED]
    ended = [t for t in told if t.kind is Kind.RESOLVED]
    flapped = any(t.kind is Kind.FLAPPING for t in told)
    assert flapped or len({t.fired_at for t in calm}) == len(calm)
    assert len({t.fired_at for t in ended}) == len(ended)
    for end in ended:
        assert any(t.at_s <= end.at_s for t in began)


@hypothesis.given(LOOKS, TIMINGS)
def test_a_restart_changes_nothing(looks: list[Look], timing: states.Timing) -> None:
    assert play(looks, timing) == play(looks, timing, restarts=True)


@hypothesis.given(LOOKS, TIMINGS, strategies.integers(1, 5))
def test_a_core_that_knows_nothing_yet_neither_tells_nor_forgets(
    looks: list[Look], timing: states.Timing, blind: int
) -> None:
    course, _ = play(looks, timing)
    hypothesis.assume(bool(course))
    last = course[-1]
    hypothesis.assume(not last.hidden)
    now = T0 + timedelta(seconds=sum(look.after_s for look in looks))
    state = last
    for _ in range(blind):
        state, notices = telling.step(state, UNKNOWN, timing, OPEN_AIR, now)
        assert not notices
    assert (state.phase, state.pending_at, state.fired_at) == (
        last.phase,
        last.pending_at,
        last.fired_at,
    )


@hypothesis.given(LOOKS, TIMINGS)
def test_what_hides_it_never_changes_what_is_observed(
    looks: list[Look], timing: states.Timing
) -> None:
    hidden, _ = play(looks, timing)
    seen, _ = play([look._replace(around=OPEN_AIR) for look in looks], timing)
    assert [s.phase for s in hidden] == [s.phase for s in seen]
    assert [s.fired_at for s in hidden] == [s.fired_at for s in seen]


@hypothesis.given(LOOKS, TIMINGS)
def test_beneath_a_silence_only_ends_are_told(looks: list[Look], timing: states.Timing) -> None:
    state, now = states.NEW, T0
    for look in looks:
        now += timedelta(seconds=look.after_s)
        state, notices = telling.step(state, look.signal, timing, look.around, now)
        if look.around.hidden:
            assert {notice.kind for notice in notices} <= {Kind.RESOLVED}
        assert len(notices) <= 1


@hypothesis.given(LOOKS, TIMINGS)
def test_it_fires_on_what_is_true_and_resolves_on_what_is_false(
    looks: list[Look], timing: states.Timing
) -> None:
    course, _ = play(looks, timing)
    for look, before, after in zip(looks, [states.NEW, *course], course, strict=False):
        if not before.open and after.phase is Phase.FIRING:
            assert look.signal is TRUE
            assert after.pending_at is not None
            assert after.fired_at is not None
            waited = after.fired_at - after.pending_at
            assert waited.total_seconds() >= timing.for_s
        if before.open and not after.open:
            assert look.signal is FALSE
