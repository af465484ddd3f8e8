"""Watches every source, each in a task of its own, so that none can delay another.

A source is opened (imported and built), entered and then sampled at its interval. Whatever goes
wrong on the way turns its status `unknown` with the reason; it is tried again with a jittered
back-off of at most 3 s, or at once after `sample_now`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterable
from typing import Protocol

from mrcore import errors, redact, watched
from mrcore.model import core, queue, wire
from mrcore.sources import base as sources
from mrcore.sources import honest

BACK_OFF_MAX_S = 3.0
STOP_S = 0.3

log = logging.getLogger(__name__)


class Hub(Protocol):
    """Where samples go."""

    def publish(self, source: str, sample: wire.Sample) -> wire.Changed: ...


class Series(Protocol):
    """Where points go."""

    def record(self, points: Iterable[wire.Point]) -> None: ...


class Runs(Protocol):
    """Where runs that have ended go, and how many more ended unseen."""

    def record(self, ended: Iterable[queue.Captured], missed: int, of: wire.Counted) -> None: ...

    def failing(self, source: str) -> tuple[queue.FailureGroup, ...]: ...


class Monitor:
    """The tasks of all sources; `now` and `jitter` (0 to 1) are injected."""

    def __init__(
        self,
        hub: Hub,
        series: Series,
        *,
        runs: Runs | None = None,
        now: sources.Now,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._hub = hub
        self._series = series
        self._runs = runs
        self._now = now
        self._jitter = jitter
        self._watches: dict[str, watched.Watch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def watch(self, name: str, kind: str, opener: watched.Opener) -> None:
        """Begin to watch a source; returns at once."""
        watch = watched.Watch(name, kind, opener)
        self._watches[name] = watch
        task = asyncio.create_task(self._run(watch), name=f"watch {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def statuses(self) -> list[core.SourceStatus]:
        """How every source is."""
        return [watch.status for watch in self._watches.values()]

    def sample_times(self) -> list[wire.Point]:
        """How long the newest sample of every source took."""
        return [watch.sample_ms for watch in self._watches.values() if watch.sample_ms]

    def source(self, name: str) -> sources.Source:
        """A source that can be asked.

        Raises NotFound when the settings have no such source, Unreachable before it is entered.
        """
        watch = self._watches.get(name)
        if watch is None:
            raise errors.NotFound(
                f"There is no source {name!r} here.",
                fix=f"The sources are {', '.join(sorted(self._watches))}.",
            )
        if watch.source is None or not watch.entered:
            raise errors.Unreachable(f"Source {name!r} is not ready: {watch.status.verdict.why}")
        return watch.source

    def poke(self, name: str) -> None:
        """Sample a source as soon as possible, without waiting for it."""
        if watch := self._watches.get(name):
            watch.poked.set()

    async def sample_now(self, name: str) -> None:
        """Sample a source now; returns after a sample that began after this call, or its failure.

        Waits at most twice the source's deadline.
        """
        watch = self._watches.get(name)
        if watch is None or watch.hopeless:
            return
        waiter = asyncio.get_running_loop().create_future()
        watch.waiting.append(waiter)
        watch.poked.set()
        await asyncio.wait({waiter}, timeout=2 * watch.status.deadline_s)

    async def until_watching(self, name: str) -> None:
        """Wait until a source has given a good sample.

        Raises NotFound when the settings have no such source, or not one that can be opened.
        """
        while True:
            watch = self._watches.get(name)
            if watch is None or watch.hopeless:
                raise errors.NotFound(f"Source {name!r} is not in the settings any more.")
            if watch.status.state == "watching":
                return
            waiter = asyncio.get_running_loop().create_future()
            watch.waiting.append(waiter)
            await waiter

    @property
    def tried(self) -> bool:
        """Whether every source has been sampled or has failed at least once."""
        return all(watch.tried.is_set() for watch in self._watches.values())

    async def stop(self) -> None:
        """Stop watching and leave every source; what does not end in 0.3 s is left behind."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        watches = self._watches.values()
        await asyncio.gather(*(self._leave(watch) for watch in watches))

    async def settle(self, timeout_s: float) -> bool:
        """Wait for what `stop` left behind; False when some of it does not end."""
        callers = [watch.caller for watch in self._watches.values()]
        return all(await asyncio.gather(*(caller.settle(timeout_s) for caller in callers)))

    async def _leave(self, watch: watched.Watch) -> None:
        """Leave a source, also one whose entering broke off: it may hold something already."""
        source = watch.source
        if source is None or not watch.begun:
            return
        if not watch.entered:
            await watch.caller.settle(STOP_S)
        watch.begun = watch.entered = False
        try:
            await watch.caller.call(
                lambda: source.__aexit__(None, None, None), STOP_S, f"Leaving {source.name}"
            )
        except errors.MrError as error:
            log.warning("%s", error)
        except Exception:
            log.exception("Source %s did not close cleanly.", source.name)

    async def _run(self, watch: watched.Watch) -> None:
        loop = asyncio.get_running_loop()
        while not watch.hopeless:
            began_s = loop.time()
            watch.poked.clear()
            waiting, watch.waiting = watch.waiting, []
            await self._round(watch)
            watch.tried.set()
            _release(waiting)
            pause_s = self._pause_s(watch, loop.time() - began_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await watch.poked.wait()
        _release(watch.waiting)

    def _pause_s(self, watch: watched.Watch, took_s: float) -> float:
        interval_s, failures = watch.status.interval_s, watch.status.failures
        if not failures:
            return max(0.0, interval_s - took_s)
        back_off_s = min(interval_s * 2.0 ** min(failures, 10), max(BACK_OFF_MAX_S, interval_s))
        return back_off_s * (0.75 + 0.25 * self._jitter())

    async def _round(self, watch: watched.Watch) -> None:
        """One attempt, with its result in the status and, if it is good, in the Hub."""
        before = watch.status
        try:
            await self._attempt(watch)
        except errors.SettingsError as error:
            watch.hopeless = True
            log.error("%s", error)
            watch.failed(self._now(), error.code, redact.text(str(error)))
        except errors.MrError as error:
            watch.failed(self._now(), error.code, redact.text(str(error)))
        except Exception as error:
            if not before.failures:
                log.exception("Source %s broke.", watch.status.name)
            watch.failed(self._now(), "defect", _defect(watch.status.name, error))
        after = watch.status
        if (after.state, after.verdict) != (before.state, before.verdict):
            self.poke("core")

    async def _attempt(self, watch: watched.Watch) -> None:
        source = await watch.open()
        name, deadline_s = watch.status.name, watch.status.deadline_s
        if watch.caller.left and not await watch.caller.settle(deadline_s):
            raise errors.Unreachable(f"{name} has not come back from an earlier call.")
        if not watch.entered:
            await self._leave(watch)
            watch.begun = True
            await watch.caller.call(source.__aenter__, deadline_s, f"Opening {name}")
            watch.entered = True
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        answer = await watch.caller.call(source.sample, deadline_s, name)
        took_ms = (loop.time() - began_s) * 1000
        now = self._now()
        sample = honest.check(name, answer, now)
        watch.last_sample_at = sample.at
        watch.sample_ms = wire.Point(
            metric="source.sample_ms", ref=watch.status.ref, at=sample.at, value=took_ms
        )
        watch.succeeded(now)
        self._series.record(sample.points)
        if self._runs is not None:
            self._runs.record(sample.captured, sample.uncaptured, sample.counted)
            sample = _with(sample, self._runs.failing(name))
        self._hub.publish(name, sample)


def _with(sample: wire.Sample, failing: tuple[queue.FailureGroup, ...]) -> wire.Sample:
    """A sample with what fails lately beside what the source says."""
    if not failing:
        return sample
    return sample.model_copy(update={"entities": (*sample.entities, *failing)})


def _release(waiting: Iterable[asyncio.Future[None]]) -> None:
    for waiter in waiting:
        if not waiter.done():
            waiter.set_result(None)


def _defect(name: str, error: Exception) -> str:
    """A sentence for an error that a source must not raise; its text may hold secrets."""
    return f"Source {name!r} broke with {type(error).__name__}: a defect; the core's log has it."
