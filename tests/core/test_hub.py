"""The Hub: no gap after the snapshot, one event a sample, the latest wins, nothing overflows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from mrcore import hub
from mrcore.model import backend, base, wire

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def new_hub() -> hub.Hub:
    return hub.Hub("test", "0.1.0", now=lambda: T0)


def check(number: int, says: str = "") -> backend.Check:
    return backend.Check(ref=f"a/check/{number}", name=str(number), says=says)


def sample(at_s: float, *entities: base.Entity, points: tuple[wire.Point, ...] = ()) -> wire.Sample:
    return wire.Sample(at=T0 + timedelta(seconds=at_s), entities=entities, points=points)


def point(ref: str, at_s: float, value: float, metric: str = "check.latency_ms") -> wire.Point:
    return wire.Point(metric=metric, ref=ref, at=T0 + timedelta(seconds=at_s), value=value)


def test_the_first_event_is_a_snapshot_and_the_next_sample_follows_it() -> None:
    here = new_hub()
    here.publish("a", sample(0, check(1)))
    subscriber = here.subscribe()
    here.publish("a", sample(1, check(1), check(2)))
    (snapshot,) = subscriber.take()
    here.publish("a", sample(2, check(2)))
    (changed,) = subscriber.take()
    assert isinstance(snapshot, wire.Snapshot)
    assert [e.ref for e in snapshot.sources[0].upserts] == ["a/check/1", "a/check/2"]
    assert isinstance(changed, wire.Changed)
    assert (changed.upserts, changed.removes) == ((), ("a/check/1",))


def test_a_sample_that_changes_nothing_renews_the_age() -> None:
    here = new_hub()
    subscriber = here.subscribe()
    here.publish("a", sample(0, check(1)))
    subscriber.take()
    here.publish("a", sample(1, check(1)))
    (changed,) = subscriber.take()
    assert changed == wire.Changed(source="a", at=T0 + timedelta(seconds=1))
    assert subscriber.take() == []


def test_a_slow_subscriber_gets_the_latest_of_each_ref_in_one_event() -> None:
    here = new_hub()
    subscriber = here.subscribe()
    subscriber.take()
    for at_s in range(1_000):
        here.publish("a", sample(at_s, check(1, str(at_s)), check(2)))
    (changed,) = subscriber.take()
    assert isinstance(changed, wire.Changed)
    assert changed.upserts == (check(1, "999"), check(2))


def test_the_latest_point_of_each_metric_and_ref_is_kept_until_its_ref_goes() -> None:
    here = new_hub()
    here.publish("a", sample(0, check(1), check(2), points=(point("a/check/1", 0, 5.0),)))
    here.publish("a", sample(1, check(1), check(2), points=(point("a/check/2", 1, 6.0),)))
    assert [p.value for p in here.snapshot().sources[0].points] == [5.0, 6.0]
    here.publish("a", sample(2, check(2)))
    assert [p.value for p in here.snapshot().sources[0].points] == [6.0]


def test_a_ref_that_only_has_points_is_removed_with_them() -> None:
    here = new_hub()
    here.publish("a", sample(0, points=(point("a/a/self", 0, 1.0),)))
    subscriber = here.subscribe()
    subscriber.take()
    here.publish("a", sample(1))
    (changed,) = subscriber.take()
    assert isinstance(changed, wire.Changed)
    assert changed.removes == ("a/a/self",)


def test_touched_comes_after_the_change_that_it_is_about_and_is_bounded() -> None:
    here = new_hub()
    subscriber = here.subscribe()
    subscriber.take()
    here.publish("a", sample(0, check(1)))
    here.touched(f"a/check/{n}" for n in range(7_000))
    changed, touched = subscriber.take()
    assert isinstance(changed, wire.Changed)
    assert isinstance(touched, wire.Touched)
    assert len(touched.refs) == 5_000
    assert touched.refs[-1] == "a/check/6999"


async def test_closing_ends_every_stream() -> None:
    here = new_hub()
    subscribers = [here.subscribe() for _ in range(3)]

    async def read(subscriber: hub.Subscriber) -> int:
        return len([event async for event in subscriber.events()])

    readers = [asyncio.create_task(read(subscriber)) for subscriber in subscribers]
    await asyncio.sleep(0)
    here.publish("a", sample(0, check(1)))
    await asyncio.sleep(0)
    here.close()
    assert await asyncio.gather(*readers) == [2, 2, 2]


# A sample of one of two sources (each entity present with a value, or absent), or a look by one
# of three subscribers, of which the third comes late.
SAMPLES = st.tuples(
    st.just("sample"),
    st.sampled_from("ab"),
    st.dictionaries(st.integers(0, 5), st.integers(0, 2), max_size=6),
)
LOOKS = st.tuples(st.just("look"), st.integers(0, 2), st.none())


@settings(deadline=None)
@given(st.lists(st.one_of(SAMPLES, LOOKS), max_size=40))
def test_whatever_the_order_a_replayed_stream_leads_to_what_the_hub_has(
    steps: list[tuple[str, str | int, dict[int, int] | None]],
) -> None:
    here = new_hub()
    subscribers: dict[int, hub.Subscriber] = {n: here.subscribe() for n in (0, 1)}
    seen: dict[int, list[hub.Event]] = {0: [], 1: [], 2: []}

    def look(who: int) -> None:
        if who not in subscribers:
            subscribers[who] = here.subscribe()
        seen[who] += subscribers[who].take()

    for at_s, (what, who, values) in enumerate(steps):
        if what == "look":
            look(int(who))
            continue
        refs = {f"{who}/check/{n}": v for n, v in (values or {}).items()}
        entities = [backend.Check(ref=r, name=r, says=str(v)) for r, v in refs.items()]
        points = tuple(point(r, at_s, float(v)) for r, v in refs.items() if v)
        here.publish(str(who), sample(at_s, *entities, points=points))
    for who in seen:
        look(who)
        _same_as_hub(here, seen[who])


def _same_as_hub(here: hub.Hub, events: list[hub.Event]) -> None:
    live: dict[str, base.Entity] = {}
    points: dict[tuple[str, str], wire.Point] = {}
    ages: dict[str, datetime] = {}
    for event in events:
        if isinstance(event, wire.Touched):
            continue
        changes = event.sources if isinstance(event, wire.Snapshot) else (event,)
        for changed in changes:
            assert not {e.ref for e in changed.upserts} & set(changed.removes)
            ages[changed.source] = changed.at
            for gone in changed.removes:
                live.pop(gone, None)
                points = {key: p for key, p in points.items() if key[1] != gone}
            live.update({e.ref: e for e in changed.upserts})
            points.update({(p.metric, p.ref): p for p in changed.points})
    now = here.snapshot().sources
    assert live == {e.ref: e for source in now for e in source.upserts}
    assert ages == {source.source: source.at for source in now}
    latest = {(p.metric, p.ref): p for source in now for p in source.points}
    assert latest.items() <= points.items()
