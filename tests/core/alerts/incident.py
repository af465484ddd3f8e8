"""A game day as it was recorded, played to the rules that ship, as at its time scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from mrcore.alerts import finding, rule
from mrcore.expr import views
from mrcore.gameday import faults, scenario
from mrcore.model import alert, base, wire
from tests.core.alerts import quiet, recording

FOLDER = Path(__file__).parent / "incidents"
WAKES = (alert.Severity.P1, alert.Severity.P2)
SCENARIOS = scenario.shipped(faults.KINDS, rule.read(rule.shipped(), "rules.toml"))
OPEN = (alert.Phase.PENDING, alert.Phase.FIRING, alert.Phase.RECOVERING)


class Fired(NamedTuple):
    """An alert that fired, when, and whether somebody was told."""

    rule: str
    subject: base.Ref
    about: alert.About
    severity: str
    at_s: float
    told: bool

    @property
    def ref(self) -> base.Ref:
        """The alert's."""
        return finding.Key(self.rule, self.about, self.subject).ref


Key = tuple[str, base.Ref]
"""A rule, and on what."""


class Course(NamedTuple):
    """What came of a recording: what fired, what had to by conditions and `for`, what goes on.

    What stood when it began is none of it.
    """

    fired: list[Fired]
    due: dict[Key, list[float]]
    open: list[str]


class Incident:
    """A recording of a game day."""

    def __init__(self, path: Path) -> None:
        self.head: Mapping[str, Any] = recording.head(path)
        self.frames = list(recording.frames(path))
        self.scenario = SCENARIOS[self.head["scenario"]]
        self.begin = datetime.fromisoformat(self.head["at"])
        self.fault_at = self.begin + timedelta(seconds=self.head["fault_s"])

    def before(self) -> list[recording.Frame]:
        """What was before the fault."""
        return [each for each in self.frames if each.at_s < self.fault_at.timestamp()]

    def in_core(self) -> list[Fired]:
        """What fired in the core itself when it was recorded, and had not stood before."""
        fired = [Fired(**each) for each in self.head["fired"]]
        return [each for each in fired if each.ref not in self.head["stood"]]

    async def play(self, frames: Iterable[recording.Frame], state: Path) -> Course:
        """What these frames lead to; the times are in s since the beginning."""
        state.mkdir(exist_ok=True)
        async with quiet.opened(state, self.head["time_scale"]) as replay:
            replay.series.record(self._remembered())
            fired: dict[tuple[base.Ref, datetime], Fired] = {}
            stood, due = set(self.head["stood"]), Due(replay.book.rules)
            for frame in frames:
                await replay.show(frame)
                now_s = (replay.at - self.begin).total_seconds()
                due.look(replay.view(replay.at), now_s)
                alerts = [each for each in replay.alerts() if each.ref not in stood]
                for each in alerts:
                    if each.fired_at is not None:
                        fired[each.ref, each.fired_at] = self._fired(each, each.fired_at)
            still = [a.rule for a in alerts if a.severity in WAKES and a.phase in OPEN]
            return Course(list(fired.values()), due.found, still)

    def _fired(self, of: alert.Alert, at: datetime) -> Fired:
        at_s = (at - self.begin).total_seconds()
        told = of.told_at is not None
        return Fired(of.rule, of.subject, of.about, of.severity, at_s, told)

    def _remembered(self) -> list[wire.Point]:
        """What the windows of rules knew when the recording began."""
        return [
            wire.Point(
                metric=key.split(" ")[0],
                ref=key.split(" ")[1],
                at=self.begin + timedelta(seconds=at_s),
                value=value,
            )
            for key, points in self.head["before"].items()
            for at_s, value in points
        ]

    def unrelated(self, fired: Iterable[Fired]) -> list[Fired]:
        """What would have woken somebody, and is not what the game day expects."""
        expected = {each.rule for each in self.scenario.alerts} | set(self.scenario.also)
        return [
            each
            for each in fired
            if each.told
            and each.severity in WAKES
            and not (each.rule in expected and each.about == "condition")
        ]


class Due:
    """When each alert has to fire: once its condition was true for its `for`, without a gap."""

    def __init__(self, known: Mapping[str, rule.Rule]) -> None:
        self.found: dict[Key, list[float]] = {}
        self._known = known
        self._since: dict[Key, float] = {}

    def look(self, view: views.View, now_s: float) -> None:
        """What is so at that second."""
        for known in self._known.values():
            for subject in known.expr.subjects(view):
                key = known.id, subject.ref if subject else finding.SELF
                value = known.expr.ask(view, subject).value
                if value is False:
                    self._since.pop(key, None)
                elif value is True:
                    since_s = self._since.setdefault(key, now_s)
                    if round(now_s - since_s, 3) >= known.timing.for_s:
                        self.found.setdefault(key, []).append(now_s)
                        self._since[key] = math.inf  # until it was false


def is_of(wanted: scenario.Expected, fired: Fired) -> bool:
    """Whether it is what a game day wants."""
    right = fired.rule == wanted.rule and fired.about == "condition"
    return right and wanted.subject in ("", fired.subject)
