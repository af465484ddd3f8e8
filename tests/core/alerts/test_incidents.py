"""Recorded game days fire what they are expected to, when they have to, and nothing else.

What their core fired is in them: whoever changes a rule on purpose records its game days anew.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from mrcore.model import base
from tests.core.alerts import cases, incident

PATHS = {path.name.split(".")[0]: path for path in sorted(incident.FOLDER.glob("*.jsonl.gz"))}

TWINS = "ADFJ"
"""These are played with every change, all of them with the proofs."""

WITHIN_S = 1.0
"""A line of a recording before and one after: the core looked somewhere between them."""

EVERY = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in TWINS else pytest.mark.proof) for name in PATHS],
)

STANDING = {"queue_not_listed", "schedule_wrong"}
"""What is so in every stack from its beginning, and nothing of a game day."""

BRIEF = {("J-oom", "health_503")}
"""What was hidden in the core, and over before the next line of the recording."""

_NO_FAULT = "no game day has such a fault"
_MACHINE = "a game day does not harm the machine that it shares"
_CLOCK = "all of a stack have the clock of one machine"
_NO_TLS = "a stack has no certificate"
_SETTINGS = "it is of what a person sets, and a stack's settings have none"
BY_HAND = {
    "collector_blind": "in no game day such a source is away for long; engine_blind is, its like",
    "audit_broken": "nobody forges the audit of a stack; tests/core/test_audit_tampering.py does",
    "health_slow": _NO_FAULT,
    "redis_evicts": "the Redis of a stack evicts nothing",
    "redis_eviction_policy": "the Redis of a stack evicts nothing",
    "queue_ghost_active": "a worker of a stack that is killed is started anew, and finds them",
    "queue_backlog_growth": _NO_FAULT,
    "kpi_stale_long": "it waits for half an hour, and no game day goes on for as long",
    "kpi_missed": "no game day leaves schedules without their scheduler",
    "schedule_missed": "no game day leaves schedules without their scheduler",
    "schedule_overrun": _NO_FAULT,
    "pg_slow": _NO_FAULT,
    "pg_acquire_wait": _NO_FAULT,
    "retention_about_to_trim": _NO_FAULT,
    "disk_filling": _MACHINE,
    "disk_full": _MACHINE,
    "memory_full": _MACHINE,
    "descriptors_full": _MACHINE,
    "clock_moved": _CLOCK,
    "pg_clock_off": _CLOCK,
    "redis_clock_off": _CLOCK,
    "certificate_expires": _NO_TLS,
    "certificate_expired": _NO_TLS,
    "webhook_unheard": "it wants a thousand webhooks of four weeks",
    "double_grant": "the backend grants once, however often it is told",
    "channel_not_told": _SETTINGS,
    "core_not_pinged": _SETTINGS,
    "deadman_missed": _SETTINGS,
    "deadman_failed": _SETTINGS,
    "fleet_disagree": "it waits for 15 minutes, and no game day leaves the colours so",
}
"""The rules that are only shown on series written by hand, in `cases`, and why."""

Key = tuple[str, base.Ref, str]


@functools.cache
def known(name: str) -> incident.Incident:
    return incident.Incident(PATHS[name])


def first(fired: Iterable[incident.Fired]) -> dict[Key, incident.Fired]:
    """The first firing of each alert."""
    ordered = sorted(fired, key=lambda each: -each.at_s)
    return {(each.rule, each.subject, each.about): each for each in ordered}


def in_core_of(name: str) -> list[incident.Fired]:
    """What fired in the core, and the recording can say."""
    fired = known(name).in_core()
    return [each for each in fired if each.rule not in STANDING and (name, each.rule) not in BRIEF]


def waking(found: Mapping[Key, incident.Fired]) -> set[Key]:
    """Those that would wake somebody, were they not hidden."""
    return {key for key, each in found.items() if each.severity in incident.WAKES}


@EVERY
async def test_a_recorded_incident_fires_what_it_has_to_and_ends(name: str, tmp_path: Path) -> None:
    recorded = known(name)
    course = await recorded.play(recorded.frames, tmp_path)
    found = first(course.fired)
    in_core = first(in_core_of(name))
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


async def test_what_stands_in_every_stack_is_said_from_the_beginning(tmp_path: Path) -> None:
    course = await known("D").play(known("D").frames, tmp_path)
    assert {each.rule for each in course.fired} >= STANDING


def test_every_game_day_is_recorded() -> None:
    assert PATHS.keys() == incident.SCENARIOS.keys()
    for name in PATHS:
        assert known(name).scenario.id == name


def test_every_rule_is_shown_on_what_was_recorded_or_it_is_said_why_not() -> None:
    fired = [each for name in PATHS for each in in_core_of(name)]
    shown = {each.rule for each in fired if each.about == "condition"} | STANDING
    assert shown & BY_HAND.keys() == set()
    assert shown | BY_HAND.keys() == cases.RULES.keys()
