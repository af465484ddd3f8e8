"""The Monitor: a source that hangs, errors or lies delays no other, says why, and recovers.

Time is injected where a test is about intervals (harness.InstantLoop), real where it is not.
The sources are simulated upstreams.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mrcore import errors, hub, monitor, settings, watched
from mrcore.model import backend, base, core, ref, wire
from mrcore.sources import base as sources
from tests import waiting
from tests.core import harness

INTERVAL_S = 1.0
DEADLINE_S = 2.0


class Kept:
    """A Series that only remembers what it was given."""

    def __init__(self) -> None:
        self.points: list[wire.Point] = []

    def record(self, points: Iterable[wire.Point]) -> None:
        self.points += points


class Watching:
    """A Monitor with its Hub, over sources of the test."""

    def __init__(self, now: sources.Now) -> None:
        self.hub = hub.Hub("test", "0.1.0", now=now)
        self.series = Kept()
        self.monitor = monitor.Monitor(self.hub, self.series, now=now, jitter=lambda: 1.0)

    def watch(self, source: sources.Source, opener: watched.Opener | None = None) -> None:
        own = settings.SourceSettings(
            kind="simulated", interval_s=INTERVAL_S, deadline_s=DEADLINE_S
        )

        async def opened() -> tuple[sources.Source, settings.SourceSettings]:
            return source, own

        self.monitor.watch(source.name, "simulated", opener or opened)

    def status(self, name: str) -> core.SourceStatus:
        return next(s for s in self.monitor.statuses() if s.name == name)


class Timed(harness.Simulated):
    """Notes on the loop's clock when it was sampled."""

    def __init__(self, name: str, now: sources.Now) -> None:
        super().__init__(name, now=now)
        self.at_s: list[float] = []

    async def sample(self) -> wire.Sample:
        self.at_s.append(asyncio.get_running_loop().time())
        return await super().sample()


class Scripted(harness.Simulated):
    """Does `how` instead of sampling, until `how` is None."""

    def __init__(
        self, now: sources.Now, how: Callable[[], Awaitable[wire.Sample]] | None, name: str = "bad"
    ) -> None:
        super().__init__(name, now=now)
        self.how = how

    async def sample(self) -> wire.Sample:
        return await (self.how() if self.how else super().sample())


async def stubborn(released: asyncio.Event) -> wire.Sample:
    """A call that swallows every cancellation until it is released."""
    while not released.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await released.wait()
    raise errors.Unreachable("late")


async def errs() -> wire.Sample:
    raise errors.NotPermitted("bad may not read: it needs pg_monitor.")


async def breaks() -> wire.Sample:
    raise ZeroDivisionError("secret")


async def hangs() -> wire.Sample:
    await asyncio.Event().wait()
    raise AssertionError


def lies(**what: Any) -> Callable[[], Awaitable[wire.Sample]]:
    async def sample() -> wire.Sample:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, harness.InstantLoop)
        return wire.Sample.model_construct(
            **{"at": loop.now(), "entities": (), "points": (), **what}
        )

    return sample


def row(name: str, says: str = "") -> backend.Check:
    return backend.Check(ref=name, name=name, says=says)


def measured(name: str, value: float, at: datetime | None = None) -> wire.Point:
    at = at or datetime(2026, 1, 1, tzinfo=UTC)
    return wire.Point.model_construct(metric="check.latency_ms", ref=name, at=at, value=value)


FUTURE = datetime(2031, 1, 1, tzinfo=UTC)

BAD: dict[str, tuple[Callable[[], Awaitable[wire.Sample]], str, str]] = {
    "hangs": (hangs, "unreachable", "did not answer within 2 s"),
    "errs": (errs, "not_permitted", "pg_monitor"),
    "breaks": (breaks, "defect", "ZeroDivisionError"),
    "foreign": (lies(entities=(row("good/check/1"),)), "source_lied", "not its own"),
    "lookalike": (lies(entities=(row("bad2/check/1"),)), "source_lied", "not its own"),
    "twice": (lies(entities=(row("bad/check/1"), row("bad/check/1"))), "source_lied", "twice"),
    "too many": (
        lies(entities=tuple(row(f"bad/check/{n}") for n in range(5_001))),
        "source_lied",
        "5,001 entities",
    ),
    "not finite": (lies(points=(measured("bad/a/1", float("nan")),)), "source_lied", "nan"),
    "foreign point": (lies(points=(measured("good/a/1", 1.0),)), "source_lied", "not its own"),
    "late point": (lies(points=(measured("bad/a/1", 1.0, FUTURE),)), "source_lied", "future"),
    "future": (lies(at=FUTURE), "source_lied", "in the future"),
    "naive": (lies(at=datetime(2026, 1, 1)), "source_lied", "without a zone"),  # noqa: DTZ001
    "not text": (
        lies(entities=(row("bad/check/1", "\ud800"),)),
        "source_lied",
        "cannot be written",
    ),
    "no sample": (lambda: _none(), "source_lied", "NoneType instead of a sample"),
}


async def _none() -> Any:
    return None


@pytest.mark.parametrize("how", BAD)
def test_a_bad_source_delays_no_other_and_says_why(how: str) -> None:
    script, code, why = BAD[how]

    async def run(loop: harness.InstantLoop) -> None:
        here = Watching(loop.now)
        good = Timed("good", loop.now)
        here.watch(Scripted(loop.now, script))
        here.watch(good)
        await asyncio.sleep(30.5)
        assert good.at_s == pytest.approx([n * INTERVAL_S for n in range(31)])
        assert here.status("good").verdict == base.OK
        bad = here.status("bad")
        assert (bad.verdict.level, bad.verdict.code) == (base.Level.UNKNOWN, code)
        assert why in bad.verdict.why
        assert "secret" not in bad.verdict.why
        assert bad.state == "failing"
        assert bad.last_sample_at is None
        assert not [s for s in here.hub.snapshot().sources if s.source == "bad"]
        await here.monitor.stop()

    harness.instantly(run)


def test_a_call_that_swallows_its_cancellation_is_left_behind_and_not_called_again() -> None:
    async def run(loop: harness.InstantLoop) -> None:
        here = Watching(loop.now)
        released = asyncio.Event()
        calls = 0

        async def hang() -> wire.Sample:
            nonlocal calls
            calls += 1
            return await stubborn(released)

        bad, good = Scripted(loop.now, hang), Timed("good", loop.now)
        here.watch(bad)
        here.watch(good)
        await asyncio.sleep(60.5)
        assert good.at_s == pytest.approx([n * INTERVAL_S for n in range(61)])
        assert calls == 1
        assert "has not come back" in here.status("bad").verdict.why
        bad.how = None
        released.set()
        await asyncio.sleep(10)
        assert here.status("bad").verdict == base.OK
        await here.monitor.stop()

    harness.instantly(run)


async def test_stopping_does_not_wait_for_a_call_that_never_ends() -> None:
    here = Watching(sources.utc_now)
    released = asyncio.Event()
    bad = Scripted(sources.utc_now, lambda: stubborn(released))
    here.watch(bad)
    await asyncio.sleep(0)
    await asyncio.wait_for(here.monitor.stop(), 10)
    released.set()


def test_it_recovers_by_itself_and_keeps_when_it_last_saw() -> None:
    async def run(loop: harness.InstantLoop) -> None:
        here = Watching(loop.now)
        source = Scripted(loop.now, None)
        source.entities = (row("bad/check/1"),)
        here.watch(source)
        await asyncio.sleep(3.5)
        seen_at = loop.now() - timedelta(seconds=0.5)
        source.how = errs
        await asyncio.sleep(20)
        failing = here.status("bad")
        assert failing.last_sample_at == seen_at
        assert failing.since == seen_at + timedelta(seconds=1)
        assert failing.failures >= 4
        source.how = None
        await asyncio.sleep(monitor.BACK_OFF_MAX_S + INTERVAL_S)
        healed = here.status("bad")
        assert (healed.verdict, healed.state, healed.failures) == (base.OK, "watching", 0)
        assert healed.last_sample_at is None
        await here.monitor.stop()

    harness.instantly(run)


def test_it_tries_less_often_while_it_fails_but_at_least_every_three_seconds() -> None:
    async def run(loop: harness.InstantLoop) -> None:
        here = Watching(loop.now)
        tried: list[float] = []

        async def fail() -> wire.Sample:
            tried.append(loop.time())
            raise errors.Unreachable("away")

        here.watch(Scripted(loop.now, fail))
        await asyncio.sleep(40)
        gaps = [b - a for a, b in itertools.pairwise(tried)]
        assert gaps[:3] == pytest.approx([2.0, 3.0, 3.0])
        assert max(gaps) == pytest.approx(3.0)
        await here.monitor.stop()

    harness.instantly(run)


class Reluctant(harness.Simulated):
    """Its first `__aenter__` hangs, the second fails, the third succeeds."""

    entered = 0

    async def __aenter__(self) -> Reluctant:
        self.entered += 1
        if self.entered == 1:
            await asyncio.Event().wait()
        if self.entered == 2:
            raise OSError("no such host")
        return self


def test_entering_may_hang_and_fail_and_is_tried_again() -> None:
    async def run(loop: harness.InstantLoop) -> None:
        here = Watching(loop.now)
        source, good = Reluctant("bad", now=loop.now), Timed("good", loop.now)
        here.watch(source)
        here.watch(good)
        await asyncio.sleep(DEADLINE_S + 0.5)
        assert "did not answer" in here.status("bad").verdict.why
        with pytest.raises(errors.Unreachable, match="not ready"):
            here.monitor.source("bad")
        await asyncio.sleep(15)
        assert source.entered == 3
        assert here.status("bad").verdict == base.OK
        assert here.monitor.source("bad") is source
        assert good.at_s == pytest.approx([n * INTERVAL_S for n in range(18)])
        await here.monitor.stop()

    harness.instantly(run)


class Half(harness.Simulated):
    """It holds something as soon as it is being entered, and never gets to the end of that."""

    held = 0
    most = 0

    async def __aenter__(self) -> Half:
        self.held += 1
        self.most = max(self.most, self.held)
        await asyncio.Event().wait()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.held -= 1


def test_what_was_entered_by_half_is_left_before_the_next_try_and_at_the_end() -> None:
    async def run(loop: harness.InstantLoop) -> None:
        here = Watching(loop.now)
        source = Half("bad", now=loop.now)
        here.watch(source)
        await asyncio.sleep(20)
        assert (source.held, source.most) == (1, 1)
        assert here.status("bad").failures >= 3
        await here.monitor.stop()
        assert source.held == 0

    harness.instantly(run)


class Slow(harness.Simulated):
    """It is left only when it is released."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.released = asyncio.Event()

    async def __aexit__(self, *exc: object) -> None:
        await stubborn(self.released)


async def test_what_stopping_left_behind_can_be_waited_for() -> None:
    here = Watching(sources.utc_now)
    source = Slow("slow")
    here.watch(source)
    await waiting.until(lambda: source.samples > 0)
    await here.monitor.stop()
    assert not await here.monitor.settle(0.01)
    source.released.set()
    assert await here.monitor.settle(10)


def test_wrong_settings_are_said_and_not_tried_again() -> None:
    async def run(loop: harness.InstantLoop) -> None:
        here = Watching(loop.now)
        opened = 0

        async def opener() -> tuple[sources.Source, settings.SourceSettings]:
            nonlocal opened
            opened += 1
            raise errors.SettingsError("Settings in sources.bad are wrong: dsn: Field required.")

        here.watch(harness.Simulated("bad", now=loop.now), opener)
        await asyncio.sleep(60)
        assert opened == 1
        assert "dsn: Field required" in here.status("bad").verdict.why
        with pytest.raises(errors.NotFound, match="settings"):
            await here.monitor.until_watching("bad")
        await here.monitor.sample_now("bad")
        await here.monitor.stop()

    harness.instantly(run)


def test_sample_now_returns_after_a_sample_that_began_after_the_call() -> None:
    async def run(loop: harness.InstantLoop) -> None:
        here = Watching(loop.now)
        source = Timed("good", loop.now)
        here.watch(source)
        await asyncio.sleep(0.3)
        source.entities = (row("good/check/1"),)
        await here.monitor.sample_now("good")
        assert source.at_s == pytest.approx([0.0, 0.3])
        assert here.hub.entity("good/check/1", "good") is not None
        await here.monitor.stop()

    harness.instantly(run)


def test_sample_now_gives_up_on_a_source_that_hangs() -> None:
    async def run(loop: harness.InstantLoop) -> None:
        here = Watching(loop.now)
        here.watch(Scripted(loop.now, hangs))
        began_s = loop.time()
        await here.monitor.sample_now("bad")
        assert loop.time() - began_s <= 2 * DEADLINE_S
        await here.monitor.stop()

    harness.instantly(run)


def test_points_go_to_the_series_and_the_sample_is_timed() -> None:
    async def run(loop: harness.InstantLoop) -> None:
        here = Watching(loop.now)
        source = harness.Simulated("good", now=loop.now)
        source.points = (measured("good/check/1", 4.0),)
        here.watch(source)
        await asyncio.sleep(2.5)
        assert [point.value for point in here.series.points] == [4.0] * 3
        (took,) = here.monitor.sample_times()
        assert (took.metric, took.ref) == ("source.sample_ms", ref.make("core", "source", "good"))
        await here.monitor.stop()

    harness.instantly(run)


async def test_in_real_time_a_wedged_source_holds_nobody_up() -> None:
    here = Watching(sources.utc_now)
    released = asyncio.Event()
    good = harness.Simulated("good")
    own = settings.SourceSettings(kind="simulated", interval_s=0.01, deadline_s=0.05)

    async def opened() -> tuple[sources.Source, settings.SourceSettings]:
        return good, own

    here.watch(Scripted(sources.utc_now, lambda: stubborn(released)))
    here.monitor.watch("good", "simulated", opened)
    await waiting.until(lambda: good.samples >= 20)
    assert here.status("bad").verdict.level is base.Level.UNKNOWN
    await here.monitor.stop()
    released.set()
