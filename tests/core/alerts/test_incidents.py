"""Recorded game days fire what they are expected to, when they have to, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.alerts import incident

PATHS = sorted(incident.FOLDER.glob("*.jsonl.gz"))
TWINS = {*"ABCDEFGHIJ"}
"""One of each runbook is played with every change, all of them with the proofs."""

WITHIN_S = 1.5
"""Two lines of a recording, and what the core gathers before it looks: it looked between them."""

EVERY = [
    pytest.param(path, marks=() if path.name.split(".")[0] in TWINS else pytest.mark.proof)
    for path in PATHS
]
NAMES = [path.name.split(".")[0] for path in PATHS]


@pytest.mark.parametrize("path", EVERY, ids=NAMES)
async def test_a_recorded_incident_fires_what_it_has_to_and_ends(
    path: Path, tmp_path: Path
) -> None:
    known = incident.Incident(path)
    course = await known.play(known.frames, tmp_path)
    for wanted in known.scenario.alerts:
        fired = incident.of(wanted, course.fired)
        assert fired, wanted
        for each in fired[:1]:
            assert each.at_s == course.due[each.rule, each.subject][0]
            assert abs(each.at_s - incident.of(wanted, known.in_core())[0].at_s) <= WITHIN_S
    assert known.unrelated(course.fired) == []
    assert course.open == []


@pytest.mark.parametrize("path", EVERY, ids=NAMES)
async def test_before_its_fault_nothing_fires(path: Path, tmp_path: Path) -> None:
    known = incident.Incident(path)
    before = known.before()
    assert len(before) > 10
    course = await known.play(before, tmp_path)
    assert [each for each in course.fired if each.severity in incident.WAKES] == []
