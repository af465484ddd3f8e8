"""What is recorded is what is read again, and what a recorded incident leads to is seen."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mrcore.model import wire
from tests.core.alerts import incident, record, recording, things
from tests.core.expr import recorded

T0 = recorded.T0
Thing = things.Thing
NODE = Thing("node", ref="redis/node/main")
WEDGED = Thing("node", {"canary_ok": False, "verdict": {"level": "bad", "why": "x"}}, NODE.ref)
SOURCE = Thing("source", {"interval_s": 0.5}, "core/source/redis")


def changed(at: datetime, *things: Thing, removes: tuple[str, ...] = (), **points: float) -> Any:
    """A sample of the source of the first thing."""
    made = [thing.at(at) for thing in things]
    measured = tuple(
        wire.Point(metric=metric.replace("__", "."), ref=made[0].ref, at=at, value=value)
        for metric, value in points.items()
    )
    source = (made[0].ref if made else removes[0]).split("/")[0]
    return wire.Changed(source=source, at=at, upserts=tuple(made), removes=removes, points=measured)


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


def written(folder: Path, frames: list[recording.Frame], **head: Any) -> Path:
    path = folder / "x.jsonl.gz"
    recording.write(path, head, frames)
    return path


def test_what_is_recorded_is_what_is_read_again(tmp_path: Path) -> None:
    recorder = record.Recorder()
    frames = []
    for second, event in enumerate(
        [
            changed(at(0), NODE, redis__used_bytes=12.3456),
            changed(at(1), WEDGED, redis__used_bytes=12.3456),
            changed(at(2), NODE, redis__used_bytes=14),
            changed(at(3), removes=(NODE.ref,)),
            changed(at(4), NODE, redis__used_bytes=14),
            changed(at(20), NODE),
        ]
    ):
        recorder.hear(event)
        frames.append(recorder.frame())
        assert frames[-1].at_s == event.at.timestamp(), second
    found = list(recording.frames(written(tmp_path, frames)))
    assert found == frames
    key = ("redis.used_bytes", NODE.ref)
    assert [each.points.get(key) for each in found] == [12.3, 12.3, 14, None, 14, None]
    canary = [each.rows.get(NODE.ref, {}).get("canary_ok") for each in found[:4]]
    assert canary == [True, False, True, None]
    every_other = list(recording.frames(written(tmp_path, frames), 2))
    assert every_other == frames[::2]


def test_the_same_recording_has_the_same_bytes(tmp_path: Path) -> None:
    frame = recording.Frame(1.0, {"redis": 1.0}, {}, {})
    first = written(tmp_path, [frame]).read_bytes()
    assert written(tmp_path, [frame]).read_bytes() == first


def test_sessions_at_work_and_sentences_are_not_kept() -> None:
    recorder = record.Recorder()
    idle = {"state": "idle in transaction", "state_since": at(0)}
    session = Thing("session", {"verdict": {"level": "bad", "code": "c", "why": "so"}, **idle})
    other = Thing("session", {"state": "active"}, "pg/session/2")
    recorder.hear(changed(at(0), session, other))
    (row,) = recorder.frame().rows.values()
    assert row["verdict"] == {"level": "bad", "code": "c"}


def incident_of(folder: Path, scenario: str, *, fault: Thing, until_s: float) -> incident.Incident:
    """A recording of a Redis that is well for 10 s, has a fault until then, and is well again."""
    recorder = record.Recorder()
    frames = []
    for half in range(int(2 * (until_s + 5))):
        now = at(half / 2)
        recorder.hear(changed(now, fault if 20 <= half < 2 * until_s else NODE))
        recorder.hear(changed(now, SOURCE))
        frames.append(recorder.frame())
    head = {"at": T0.isoformat(), "time_scale": 20, "scenario": scenario, "fault_s": 10}
    return incident.Incident(written(folder, frames, **head, fired=[], stood=[], before={}))


async def test_what_the_game_day_expects_fires_after_its_for(tmp_path: Path) -> None:
    known = incident_of(tmp_path, "J", fault=WEDGED, until_s=16)
    course = await known.play(known.frames, tmp_path / "state")
    (fired,) = course.fired
    assert incident.is_of(known.scenario.alerts[0], fired)
    assert (fired.rule, fired.at_s, fired.told) == ("redis_wedged", 13.0, True)
    assert course.due == {("redis_wedged", NODE.ref): [13.0]}
    assert known.unrelated(course.fired) == []
    assert course.open == []
    before = await known.play(known.before(), tmp_path / "before")
    assert before.fired == []
    assert len(known.before()) == 20


@pytest.mark.parametrize(
    ("until_s", "fired", "still"), [(12, [], []), (100, ["redis_wedged"], ["redis_wedged"])]
)
async def test_what_is_too_short_fires_not_and_what_lasts_does_not_end(
    until_s: float, fired: list[str], still: list[str], tmp_path: Path
) -> None:
    known = incident_of(tmp_path, "J", fault=WEDGED, until_s=until_s)
    course = await known.play(known.frames[:60], tmp_path / "state")
    assert [each.rule for each in course.fired] == fired
    assert course.open == still


async def test_what_the_game_day_does_not_expect_is_unrelated(tmp_path: Path) -> None:
    known = incident_of(tmp_path, "F", fault=WEDGED, until_s=16)
    course = await known.play(known.frames, tmp_path / "state")
    assert [each.rule for each in known.unrelated(course.fired)] == ["redis_wedged"]


async def test_what_stood_before_is_none_of_it(tmp_path: Path) -> None:
    known = incident_of(tmp_path, "F", fault=WEDGED, until_s=16)
    known.head["stood"].append("core/alert/redis_wedged/redis%2Fnode%2Fmain")
    course = await known.play(known.frames, tmp_path / "state")
    assert (course.fired, course.open) == ([], [])


async def test_what_windows_remember_is_there_from_the_beginning(tmp_path: Path) -> None:
    queue = Thing("queue", ref="huey/queue/emailQueue")
    source = Thing("source", {"interval_s": 0.5, "source_kind": "huey"}, "core/source/huey")
    recorder = record.Recorder()
    frames = []
    for half in range(60):
        rate = 1.0 if half >= 20 else 0.0
        recorder.hear(changed(at(half / 2), queue, queue__fail_rate=rate))
        recorder.hear(changed(at(half / 2), source))
        frames.append(recorder.frame())
    head = {"at": T0.isoformat(), "time_scale": 20, "scenario": "A-poison", "fault_s": 10}
    before = {f"queue.fail_rate {queue.ref}": [(-5.0 * n, 0.0) for n in range(36, 0, -1)]}
    for remembered, rules in ((before, {"failure_spike"}), ({}, set())):
        path = written(tmp_path, frames, **head, fired=[], stood=[], before=remembered)
        known = incident.Incident(path)
        state = tmp_path / f"state{len(rules)}"
        course = await known.play(known.frames, state)
        assert {each.rule for each in course.fired} == rules
