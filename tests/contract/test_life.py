"""One scripted life on every engine: what we tell of it is what its own library tells of it.

The script says what must be told on all of them, so they are told alike.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mrcore import errors
from mrcore.model import ref
from mrcore.sources import base as source_base
from mrtui import app, start
from mrtui.cli import show
from tests import waiting
from tests.core import harness
from tests.lives import engine, opening, script, telling

SIZES = [script.SMALL, pytest.param(script.WHOLE, marks=pytest.mark.proof)]
WIDE = (200, 40)


@pytest.fixture(params=opening.KINDS)
def on(request: pytest.FixtureRequest, redis_url: str, tmp_path: Path) -> Iterator[engine.Engine]:
    with opening.opened(request.param, redis_url, tmp_path) as made:
        yield made


@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", SIZES)
async def test_a_life_is_told_alike_on_every_engine_and_as_its_library_tells_it(
    on: engine.Engine, size: int, state: Path
) -> None:
    life = script.jobs(size)
    async with opening.source(on) as source:
        await engine.live(on, source, life)
        await as_the_library(on, source, life)
        await grouped(on, source, life)
    as_the_script(on, life)
    await on_the_screen(on, life, state)


async def as_the_library(
    on: engine.Engine, source: source_base.Source, life: Sequence[script.Job]
) -> None:
    """Counts, pages and details, each as the engine has them; what is removed is nowhere."""
    said, row = on.told(), await telling.the_queue(source, on.queue)
    counts = {state: n for state, n in row.counts.model_dump().items() if n}
    assert counts == {state: n for state, n in on.counts().items() if n}
    for state in script.counts(life):
        ids = await telling.ids(source, on.queue, state)
        assert sorted(ids) == sorted(i for i, told in said.items() if told.state == state)
    assert {i: await telling.told(source, on.queue, i) for i in said} == said
    for job in life:
        if job.fate in script.REMOVED:
            with pytest.raises(errors.NotFound):
                await source.detail(ref.make(source.name, "job", on.queue, on.ids[job.n]))


def as_the_script(on: engine.Engine, life: Sequence[script.Job]) -> None:
    """What the library says, which is what we say, is what must have happened, on all alike."""
    said = on.told()
    assert on.counts() == script.counts(life)
    assert {on.ids[job.n] for job in life if job.fate not in script.REMOVED} == said.keys()
    for job in life:
        if job.fate in script.REMOVED:
            continue
        told = said[on.ids[job.n]]
        assert told.state == script.STATES[job.fate]
        untold = job.fate in on.untold
        assert told.attempts == script.ATTEMPTS[job.fate] - untold
        assert len(told.traces) == job.traces - untold
        assert all(job.error in trace for trace in told.traces)
        assert telling.bare(told.error) == (job.error if told.state == "failed" else "")


async def grouped(
    on: engine.Engine, source: source_base.Source, life: Sequence[script.Job]
) -> None:
    """As many groups as there are errors, each with its jobs."""
    failed = [job for job in life if job.fate is script.Fate.FAILED]
    sizes = Counter(job.n % script.TITLES for job in failed)
    found = await telling.groups(source, on.queue)
    assert sorted(found.values()) == sorted(sizes.values())
    assert len(found) == script.TITLES


async def on_the_screen(on: engine.Engine, life: Sequence[script.Job], state: Path) -> None:
    """The room of queues, a job that failed and one that did at first: what the library says."""
    jobs = [_first(life, fate) for fate in (script.Fate.FAILED, script.Fate.RETRIED)]
    said = on.told()
    async with harness.running(state, sources={on.kind: on.table()}) as here:
        control = app.ControlRoom(here.client, started=start.Start(place="local"))
        async with control.run_test(size=WIDE):
            await waiting.until(control.inside.is_set, what="home")
            await control.enter("queues")
            counts = r"\s+".join(str(n) for n in script.counts(life).values())
            await _shown(control, rf"\b{on.queue}\s+{counts}\b")
            for job in jobs:
                told = said[on.ids[job.n]]
                await control.enter(ref.make(on.kind, "job", on.queue, on.ids[job.n]))
                await _shown(control, rf"{told.state} {told.attempts}(/\d+)? · ")
                await _shown(control, rf"Error: {re.escape(job.error)}")
                if told.state == "failed":  # of the other, its newest attempt is shown
                    await _shown(control, re.escape(_frame(told.traces[0])))


def _first(life: Sequence[script.Job], fate: script.Fate) -> script.Job:
    return next(job for job in life if job.fate is fate)


def _frame(trace: str) -> str:
    """Where the job itself failed, as the room spells it: Python's frames folded, Node's as is."""
    python = re.search(r'(\w+\.py)", line (\d+), in (_?work)\b', trace)
    if python is not None:
        return f"{python[1]}:{python[2]} {python[3]}"
    node = re.search(r"engine\.cjs:\d+:\d+", trace)
    assert node is not None, trace
    return node[0]


async def _shown(control: app.ControlRoom, pattern: str) -> None:
    await waiting.until(lambda: re.search(pattern, show.text(control)), what=pattern)
