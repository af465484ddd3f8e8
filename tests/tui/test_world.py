"""World: applied events leave exactly what the sources last said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mrcore.model import alert, backend, base, core, queue, wire
from mrtui import world

AT = datetime(2026, 3, 12, 14, 2, 11, tzinfo=UTC)


def a_queue(source: str, name: str, failed: int = 0, level: str = "ok") -> queue.Queue:
    return queue.Queue(
        ref=f"{source}/queue/{name}",
        engine="huey",
        name=name,
        counts=queue.Counts(failed=failed),
        verdict=base.Verdict(level=base.Level(level)),
    )


def a_status(name: str, level: str = "ok", why: str = "") -> core.SourceStatus:
    return core.SourceStatus(
        ref=f"core/source/{name}",
        name=name,
        source_kind=name,
        interval_s=1,
        deadline_s=2,
        verdict=base.Verdict(level=base.Level(level), code="unreachable" if why else "", why=why),
    )


def changed(source: str, *entities: base.Entity, at: datetime = AT, **more: object) -> wire.Changed:
    return wire.Changed.model_validate(
        {"source": source, "at": at, "upserts": entities, **more}, strict=False
    )


def snapshot(*sources: wire.Changed, at: datetime = AT) -> wire.Snapshot:
    return wire.Snapshot(at=at, environment="local", core_version="0.1.0", sources=sources)


def point(metric: str, ref: str, value: float, at: datetime = AT) -> wire.Point:
    return wire.Point(metric=metric, ref=ref, at=at, value=value)


_states = st.dictionaries(
    st.sampled_from("abcd"),
    st.tuples(st.integers(0, 3), st.sampled_from(["queue", "check"])),
    max_size=4,
)


def _entities(source: str, state: dict[str, tuple[int, str]]) -> dict[str, base.Entity]:
    made: dict[str, base.Entity] = {}
    for name, (number, kind) in state.items():
        ref = f"{source}/x/{name}"
        made[ref] = (
            a_queue(source, name, number).model_copy(update={"ref": ref})
            if kind == "queue"
            else backend.Check(ref=ref, name=name, status_code=number)
        )
    return made


@given(st.lists(st.tuples(st.sampled_from(["pg", "huey", "logs"]), _states), max_size=20))
def test_any_interleaving_of_changes_leaves_the_last_state_of_every_source(
    history: list[tuple[str, dict[str, tuple[int, str]]]],
) -> None:
    known = world.World()
    now: dict[str, dict[str, base.Entity]] = {}
    for tick, (source, state) in enumerate(history):
        new, old = _entities(source, state), now.get(source, {})
        known.apply(
            wire.Changed(
                source=source,
                at=AT + timedelta(seconds=tick),
                upserts=tuple(e for ref, e in new.items() if old.get(ref) != e),
                removes=tuple(set(old) - set(new)),
            )
        )
        now[source] = new
    fresh = world.World()
    fresh.apply(snapshot(*(changed(name, *state.values()) for name, state in now.items())))
    shown = {ref: e for table in known.tables.values() for ref, e in table.items()}
    assert shown == {ref: e for state in now.values() for ref, e in state.items()}
    assert shown == {ref: e for table in fresh.tables.values() for ref, e in table.items()}
    assert all(e.kind == kind for kind, table in known.tables.items() for e in table.values())


def test_a_snapshot_replaces_everything_also_a_source_that_is_no_more() -> None:
    known = world.World()
    known.apply(snapshot(changed("huey", a_queue("huey", "a")), changed("rq", a_queue("rq", "b"))))
    difference = known.apply(snapshot(changed("huey", a_queue("huey", "c"))))
    assert set(known.table("queue")) == {"huey/queue/c"}
    assert "rq" not in known.sampled_at
    assert {"huey/queue/a", "rq/queue/b", "huey/queue/c"} <= difference.refs


def test_points_keep_a_ring_that_ends_with_its_entity() -> None:
    known = world.World()
    known.apply(changed("huey", a_queue("huey", "a")))
    for tick in range(world.RING + 5):
        at = AT + timedelta(seconds=tick)
        points = (point("queue.waiting", "huey/queue/a", tick, at),)
        known.apply(changed("huey", at=at, points=points))
        known.apply(changed("huey", at=at, points=points))
    assert known.latest("queue.waiting", "huey/queue/a") == world.RING + 4
    assert known.recent("queue.waiting", "huey/queue/a")[0] == 5
    assert len(known.recent("queue.waiting", "huey/queue/a")) == world.RING
    known.apply(changed("huey", removes=("huey/queue/a",)))
    assert known.latest("queue.waiting", "huey/queue/a") is None


def test_totals_are_aligned_at_the_newest_point() -> None:
    known = world.World()
    for tick, refs in enumerate([["a"], ["a", "b"]]):
        at = AT + timedelta(seconds=tick)
        points = tuple(point("log.line_rate", f"logs/stream/{r}", tick + 1, at) for r in refs)
        known.apply(changed("logs", at=at, points=points))
    assert known.total("log.line_rate") == 4
    assert known.recent_total("log.line_rate") == [1, 4]
    assert known.total("pg.tps") is None


def test_an_entity_is_unknown_when_its_source_is() -> None:
    known, row = world.World(), a_queue("huey", "a", level="ok")
    known.apply(changed("core", a_status("huey", "unknown", "no answer in 2 s")))
    known.apply(changed("huey", row))
    verdict = known.verdict(row, AT)
    assert (verdict.level, verdict.why) == (base.Level.UNKNOWN, "no answer in 2 s")


def test_an_entity_is_unknown_when_its_source_is_stale_and_well_again_after_an_empty_sample() -> (
    None
):
    known, row = world.World(), a_queue("huey", "a")
    known.apply(changed("core", a_status("huey")))
    known.apply(changed("huey", row))
    assert known.verdict(row, AT + timedelta(seconds=5)) == base.OK
    stale = known.verdict(row, AT + timedelta(seconds=6))
    assert (stale.level, stale.code, stale.why) == (
        base.Level.UNKNOWN,
        "source.stale",
        "no sample for 6 s",
    )
    known.apply(changed("huey", at=AT + timedelta(seconds=6)))
    assert known.verdict(row, AT + timedelta(seconds=6)) == base.OK


def test_trouble_is_sorted_and_an_absent_source_is_one_line() -> None:
    known = world.World()
    known.apply(
        snapshot(
            changed("core", a_status("huey"), a_status("pg", "unknown", "no answer")),
            changed("huey", a_queue("huey", "w", level="warn"), a_queue("huey", "b", level="bad")),
            changed("pg", a_queue("pg", "x", level="bad"), a_queue("pg", "y")),
        )
    )
    found = [(t.level.value, t.entity.ref) for t in known.troubles(AT)]
    assert found == [
        ("bad", "huey/queue/b"),
        ("warn", "huey/queue/w"),
        ("unknown", "core/source/pg"),
    ]
    assert known.level(AT) is base.Level.BAD


def test_alerts_of_a_level_stand_as_in_their_own_list() -> None:
    def fired(
        rule: str, severity: str, ago_s: float, phase: str = "firing", hidden: str = ""
    ) -> alert.Alert:
        at = AT - timedelta(seconds=ago_s)
        return alert.Alert(
            ref=f"core/alert/{rule}",
            verdict=base.Verdict(level=base.Level.WARN, code=rule),
            rule=rule,
            name="",
            severity=alert.Severity(severity),
            phase=alert.Phase(phase),
            subject="",
            summary="",
            since=at,
            fired_at=at,
            hidden=hidden,
        )

    known = world.World()
    over, week = fired("a", "P2", 1, "recovering"), fired("b", "P3", 1)
    old, new = fired("c", "P2", 60), fired("d", "P2", 2)
    comes = fired("e", "P1", 1, hidden="suppressed")
    known.apply(changed("core", over, week, old, new, comes))
    assert [t.entity.ref[-1] for t in known.troubles(AT)] == ["d", "c", "b", "e", "a"]


def test_nothing_known_is_unknown_and_so_is_a_lost_core() -> None:
    known = world.World()
    assert known.level(AT) is base.Level.UNKNOWN
    known.apply(snapshot(changed("huey", a_queue("huey", "a"))))
    assert known.level(AT) is base.Level.OK
    known.lost(AT, "gone", AT + timedelta(seconds=3))
    known.lost(AT + timedelta(seconds=3), "gone", None)
    assert known.level(AT) is base.Level.UNKNOWN
    assert known.lost_at == AT
    known.apply(snapshot())
    assert (known.connected, known.lost_at) == (True, None)


def test_touched_refs_come_through_and_change_nothing() -> None:
    known = world.World()
    difference = known.apply(wire.Touched(refs=("huey/job/a/1",)))
    assert difference.touched == {"huey/job/a/1"}
    assert known.tables == {}


def test_nothing_is_well_while_the_core_is_lost_and_all_is_again_with_it() -> None:
    known, row = world.World(), a_queue("huey", "a")
    known.apply(snapshot(changed("core", a_status("huey")), changed("huey", row)))
    assert known.verdict(row, AT) == base.OK
    known.lost(AT, "it was killed", AT)
    assert known.verdict(row, AT) == world.LOST
    assert known.level(AT) is base.Level.UNKNOWN
    known.apply(snapshot(changed("core", a_status("huey")), changed("huey", row)))
    assert known.verdict(row, AT) == base.OK


def test_the_sources_of_a_kind_are_known_before_their_first_sample() -> None:
    known = world.World()
    starting = a_status("main", "unknown", "refused").model_copy(update={"source_kind": "pg"})
    known.apply(changed("core", starting))
    assert known.sources_of("postgres") == known.sources_of("session") == {"main"}
    assert known.sources_of("queue") == frozenset()
    known.apply(changed("jobs", a_queue("jobs", "a")))
    assert known.sources_of("queue") == {"jobs"}
