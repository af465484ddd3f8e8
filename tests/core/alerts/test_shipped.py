"""What each rule that ships says of its end and of what it depends on is what becomes of it.

What is expected is read from the file itself, by no code of the rules.
"""

from __future__ import annotations

import re
import tomllib
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from mrcore.alerts import finding, hiding, rule, telling, track
from mrcore.alerts import state as states
from mrcore.model import alert, base
from mrcore.model import ref as refs
from tests.core.alerts import cases, things
from tests.core.expr import recorded

WRITTEN = {entry["id"]: entry for entry in tomllib.loads(rule.shipped())["rule"]}
SECONDS = {"s": 1, "m": 60, "h": 3_600}
PAIRS = [(name, cause) for name, entry in WRITTEN.items() for cause in entry.get("depends-on", ())]
FIRING, RECOVERING, RESOLVED = alert.Phase.FIRING, alert.Phase.RECOVERING, alert.Phase.RESOLVED
NOTHING = things.Case(())


def written_s(name: str, key: str) -> float:
    """A time of a rule as it is written, in s; 0 where it is not."""
    said = re.fullmatch(r"(\d+)([smh])", WRITTEN[name].get(key, "0s"))
    assert said is not None
    return int(said[1]) * SECONDS[said[2]]


class Look(NamedTuple):
    """What was so at one look: where the alert is, and what was told then."""

    phase: alert.Phase
    told: list[str]


class Course:
    """One rule's alert on the series on which it fires, under a clock that a test moves."""

    def __init__(self, name: str) -> None:
        self.rule = cases.RULES[name]
        self.fires, quiet = cases.CASES[name]
        self.after = NOTHING if self.rule.expr.kind else quiet
        """What is there when the symptom went; a thing that is named by the rule is still there."""
        self._finder = finding.Finder(self.rule)
        self._states: dict[finding.Key, states.State] = {}
        self.told: list[str] = []
        (found,) = finding.Finder(self.rule).find(self._seen(self.fires, recorded.T0), {})
        self.subject = found.key.subject

    def _seen(self, case: things.Case, now: datetime) -> things.Seen:
        there = [thing.at(now) for thing in case.things]
        return things.Seen(there, things.history(case), {"backend": "backend"}, now)

    def look(self, second: float, case: things.Case, causes: hiding.Tracks) -> Look:
        """What becomes of it at that second."""
        now = recorded.T0 + timedelta(seconds=second)
        (found,) = self._finder.find(self._seen(case, now), self._states)
        around = hiding.around(found.key, now, (), causes, cases.RULES)
        old = self._states.get(found.key, states.NEW)
        new, told = telling.step(old, found.signal, self.rule.timing, around, now)
        self._states[found.key] = new
        kinds = [notice.kind.value for notice in told]
        self.told += kinds
        return Look(new.phase, kinds)

    def fired(self, causes: hiding.Tracks) -> Look:
        """After its `for`, from the beginning on."""
        self.look(0, self.fires, causes)
        return self.look(written_s(self.rule.id, "for"), self.fires, causes)


def cause(name: str, subject: base.Ref) -> dict[finding.Key, track.Track]:
    """An alert of another rule that fires."""
    made = track.Track(
        rule=name,
        about="condition",
        subject=subject,
        severity=cases.RULES[name].severity,
        state=states.State(phase=FIRING),
    )
    return {made.key: made}


def subject_of(written: str, own: base.Ref) -> base.Ref:
    """What an alert on `own` comes from: of a rule on anything, or on what is named behind an @."""
    name, _, of = written.partition("@")
    first = cases.CASES[name][0].things[0].at(recorded.T0).ref
    if not of:
        return first
    return (
        first.rsplit("/", 1)[0] + "/" + of.replace("{name}", refs.parse(own).id).replace("*", "x")
    )


@pytest.mark.parametrize("name", WRITTEN)
def test_it_is_held_for_its_time_after_the_symptom_went_and_no_longer(name: str) -> None:
    course, keep_s = Course(name), written_s(name, "keep_firing_for")
    assert course.fired({}).phase is FIRING
    gone_s = written_s(name, "for") + 5
    if keep_s:
        assert course.look(gone_s, course.after, {}) == (RECOVERING, [])
        assert course.look(gone_s + keep_s - 1, course.after, {}) == (RECOVERING, [])
        assert course.look(gone_s + keep_s - 0.5, course.fires, {}) == (FIRING, [])
        gone_s += keep_s
        assert course.look(gone_s, course.after, {}) == (RECOVERING, [])
    assert course.look(gone_s + keep_s, course.after, {}) == (RESOLVED, ["resolved"])


@pytest.mark.parametrize(("name", "written"), PAIRS)
def test_what_it_depends_on_hides_what_is_told_and_never_the_alert(name: str, written: str) -> None:
    course, for_s = Course(name), written_s(name, "for")
    causes = cause(written.partition("@")[0], subject_of(written, course.subject))
    assert course.fired(causes) == (FIRING, [])
    lifted_s = for_s + 3_600
    assert course.look(lifted_s - 1, course.fires, causes) == (FIRING, [])
    settle_s = max(course.rule.timing.settle_s, for_s)
    assert course.look(lifted_s, course.fires, {}) == (FIRING, [])
    assert course.look(lifted_s + settle_s - 1, course.fires, {}) == (FIRING, [])
    assert course.look(lifted_s + settle_s, course.fires, {}) == (FIRING, ["fired"])


@pytest.mark.parametrize("name", WRITTEN)
def test_nothing_else_hides_it(name: str) -> None:
    course = Course(name)
    own = {name, *(written.partition("@")[0] for written in WRITTEN[name].get("depends-on", ()))}
    others = dict[finding.Key, track.Track]()
    for other in WRITTEN.keys() - own:
        others |= cause(other, subject_of(other, course.subject))
    assert len(others) > 50
    course.fired(others)
    assert course.told == ["fired"]
