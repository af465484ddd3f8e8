"""Recorded game days fire what they are expected to, when they have to, and nothing else."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from mrcore.model import base
from tests.core.alerts import incident

PATHS = {path.name.split(".")[0]: path for path in sorted(incident.FOLDER.glob("*.jsonl.gz"))}
NOT_RECORDED: dict[str, str] = {}
"""The game days of which there is no recording, and why."""

TWINS = "ADFJ"
"""These are played with every change, all of them with the proofs."""

WITHIN_S = 1.0
"""A line of a recording before and one after: the core looked somewhere between them."""

EVERY = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in TWINS else pytest.mark.proof) for name in PATHS],
)

Key = tuple[str, base.Ref, str]


@functools.cache
def known(name: str) -> incident.Incident:
    return incident.Incident(PATHS[name])


def first(fired: Iterable[incident.Fired]) -> dict[Key, incident.Fired]:
    """The first firing of each alert."""
    ordered = sorted(fired, key=lambda each: -each.at_s)
    return {(each.rule, each.subject, each.about): each for each in ordered}


def waking(found: Mapping[Key, incident.Fired]) -> set[Key]:
    """Those that would wake somebody, were they not hidden."""
    return {key for key, each in found.items() if each.severity in incident.WAKES}


@EVERY
async def test_a_recorded_incident_fires_what_it_has_to_and_ends(name: str, tmp_path: Path) -> None:
    recorded = known(name)
    course = await recorded.play(recorded.frames, tmp_path)
    found, in_core = first(course.fired), first(recorded.in_core())
    for wanted in recorded.scenario.alerts:
        assert [each for each in found.values() if incident.is_of(wanted, each)], wanted
    for key, each in found.items():
        assert each.at_s == course.due[each.rule, each.subject][0], key
    for key, each in in_core.items():
        assert abs(found[key].at_s - each.at_s) <= WITHIN_S, key
        assert found[key].told == each.told, key
    assert waking(found) == waking(in_core)
    assert recorded.unrelated(course.fired) == []
    assert course.open == []


@EVERY
async def test_before_its_fault_nothing_fires(name: str, tmp_path: Path) -> None:
    before = known(name).before()
    assert len(before) > 10
    course = await known(name).play(before, tmp_path)
    assert waking(first(course.fired)) == set()
    assert course.open == []


def test_every_game_day_is_recorded_or_it_is_said_why_not() -> None:
    assert PATHS.keys() | NOT_RECORDED.keys() == incident.SCENARIOS.keys()
    assert PATHS.keys() & NOT_RECORDED.keys() == set()
    for name in PATHS:
        assert known(name).scenario.id == name
