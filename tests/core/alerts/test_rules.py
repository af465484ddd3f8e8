"""Every rule that ships fires on a series where it should, and stays quiet on one like it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mrcore.alerts import finding, rule, telling
from mrcore.alerts import state as states
from mrcore.model import stack
from tests.core.alerts import cases, things
from tests.core.expr import recorded

EVERY_S = 5.0


def play(
    known: rule.Rule, case: things.Case, *, for_s: float
) -> tuple[set[states.Phase], list[str]]:
    """Every phase that is reached within `for_s`, and what is said when it fires."""
    finder, tracks, phases, said = finding.Finder(known), {}, set[states.Phase](), []
    clock = recorded.T0
    while clock <= recorded.T0 + timedelta(seconds=for_s):
        there = [thing.at(clock) for thing in case.things]
        view = things.Seen(there, things.history(case), {"backend": "backend"}, clock)
        for found in finder.find(view, tracks):
            state = tracks.get(found.key, states.NEW)
            new, told = telling.step(state, found.signal, known.timing, telling.Around(), clock)
            tracks[found.key] = new
            phases.add(new.phase)
            said += [known.say(view, found.entity) for each in told if each.kind == "fired"]
        clock += timedelta(seconds=EVERY_S)
    return phases, said


@pytest.mark.parametrize(("canary_ms", "fires"), [(290.0, False), (2.0, True)])
def test_postgres_is_slow_where_redis_is_not(canary_ms: float, fires: bool) -> None:
    redis = things.Thing("node", ref="redis/node/main")
    times = {"pg.round_trip_ms": [300.0] * 240, "redis.canary_ms": [canary_ms] * 240}
    known = cases.RULES["pg_slow"]
    phases, _ = play(
        known, things.Case((things.Thing("postgres"), redis), times), for_s=known.timing.for_s
    )
    assert (states.Phase.FIRING in phases) is fires


def test_what_begins_anew_after_it_has_ended_by_itself_is_down_until_it_is_ready() -> None:
    def reached(**facts: object) -> set[states.Phase]:
        return play(known, things.one("process", **facts), for_s=known.timing.for_s)[0]

    known = cases.RULES["process_down"]
    assert states.Phase.FIRING in reached(state="starting", restarts=1)
    assert reached(state="starting") <= {states.Phase.INACTIVE}
    wished = reached(state="starting", restarts=1, last_exit=f"{stack.RESTARTED} ana")
    assert wished <= {states.Phase.INACTIVE}
    stopped = reached(state="stopped", restarts=1, last_exit=f"{stack.STOPPED} ana")
    assert stopped <= {states.Phase.INACTIVE}


def test_a_captured_payment_without_its_grant_is_as_bad_as_one_without_its_invoice() -> None:
    known = cases.RULES["payment_without_invoice"]
    phases, said = play(known, things.one("payment", without_grant=1), for_s=known.timing.for_s)
    assert states.Phase.FIRING in phases
    assert said == ["0 captured payments have no invoice, 1 no grant"]


def test_every_rule_that_ships_has_its_two_series() -> None:
    assert cases.CASES.keys() == cases.RULES.keys()


@pytest.mark.parametrize("name", cases.CASES)
def test_a_rule_fires_when_it_should_and_not_before_its_time(name: str) -> None:
    known, case = cases.RULES[name], cases.CASES[name][0]
    for_s = known.timing.for_s
    phases, said = play(known, case, for_s=for_s)
    assert states.Phase.FIRING in phases
    assert len(said) == 1
    assert "?" not in said[0]
    if for_s:
        assert states.Phase.FIRING not in play(known, case, for_s=for_s - 1)[0]


@pytest.mark.parametrize("name", cases.CASES)
def test_a_rule_stays_quiet_on_what_only_looks_like_it(name: str) -> None:
    known = cases.RULES[name]
    phases, _ = play(known, cases.CASES[name][1], for_s=known.timing.for_s + 60)
    assert phases <= {states.Phase.INACTIVE}


@pytest.mark.parametrize("name", cases.RULES)
def test_a_rule_has_a_runbook_of_the_playbook_and_wakes_somebody_only_for_p1(name: str) -> None:
    known = cases.RULES[name]
    assert known.runbook in {"", *"ABCDEFGHIJK"}
    assert not known.timing.escalate_s or known.severity.value == "P1"
