"""The colour that the traffic leaves is stopped where it is not well, by a real supervisor."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mrcore import folder, sources
from mrcore.model import backend, base, plans, stack
from mrcore.sources import base as source_base
from mrcore.sources import wishes
from tests import waiting
from tests.core import test_source_deploy as deploys

place = deploys.place
BAD = (503, {"success": False, "release": "blue-1", "uptime": 60})
FINE = (200, {"success": True, "release": "blue-1", "uptime": 60})
DEGRADED = (200, {**FINE[1], "health": "warn", "degraded": ["mail"]})
BLUE = "backend-blue"


class Boss:
    """A real supervisor of both colours' processes, tiny ones."""

    def __init__(self, state: Path) -> None:
        self.state = folder.StateFolder(state)

    def row(self, name: str = BLUE) -> dict[str, Any]:
        rows = (self.state.read_json("processes.json") or {})["processes"]
        return next(row for row in rows if row["name"] == name)

    async def reaches(self, state: str, *, after: int | None = None) -> dict[str, Any]:
        await waiting.until(
            lambda: self.row()["state"] == state and (after is None or self.row()["pid"] != after),
            what=f"{BLUE} {state}",
        )
        return self.row()


@pytest.fixture(scope="module")
def bosses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boss]:
    """One for all tests: a Python takes longer to begin than any of them."""
    state = folder.StateFolder(tmp_path_factory.mktemp("left")).make()
    argv = [sys.executable, "-m", "tests.contract.supervised", str(state.path)]
    pipe = subprocess.PIPE
    with subprocess.Popen([*argv, BLUE, "backend-green"], stdin=pipe, stdout=pipe) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        yield Boss(state.path)
        running.terminate()


@pytest.fixture
async def boss(bosses: Boss) -> Boss:
    """With blue running, whatever was done to it before."""
    if bosses.row()["state"] == "stopped":
        wishes.write(bosses.state, wishes.Wish(BLUE, 0, "asha"))
    await bosses.reaches("ready")
    return bosses


@pytest.fixture
async def source(place: deploys.Place, boss: Boss) -> AsyncIterator[source_base.Source]:
    place.more = {"stack": str(boss.state.path)}
    async with place.opened() as opened:
        yield opened


async def planned(source: source_base.Source) -> tuple[plans.Target, list[str]]:
    parts = await deploys.planned(source)
    (target,) = (part for part in parts if isinstance(part, plans.Target))
    return target, [part.text for part in parts if isinstance(part, plans.Remark)]


async def switched(source: source_base.Source, target: plans.Target) -> plans.TargetOutcome:
    (outcome,) = await source.apply("deploy.switch", [target], {}, deploys.BY)
    return outcome


async def stack_s(boss: Boss) -> stack.Process:
    """What the source of the stack says of blue's process."""
    async with sources.build("stack", {"state": str(boss.state.path)})[0] as of_stack:
        found = (await of_stack.sample()).entities
    return next(e for e in found if isinstance(e, stack.Process) and e.name == BLUE)


async def test_a_bad_colour_stays_stopped_until_undo_starts_it_and_switches_back(
    place: deploys.Place, boss: Boss, source: source_base.Source
) -> None:
    pid = boss.row()["pid"]
    place.answers["blue"] = BAD
    target, texts = await planned(source)
    says = f"blue is not well: {BLUE}, pid {pid} is stopped then, and stays so until undo"
    assert says in texts
    outcome = await switched(source, target)
    assert outcome.outcome is plans.Outcome.DONE
    assert outcome.why == f"blue → green; {BLUE} is stopped"
    assert place.current.read_text() == "green\n"
    row = boss.row()
    assert (row["state"], row["pid"], row["last_exit"]) == ("stopped", None, "was stopped by asha")
    shown = await stack_s(boss)
    assert (shown.state, shown.verdict.level, shown.verdict.why) == (
        "stopped",
        base.Level.OK,
        "was stopped by asha",
    )

    place.answers["blue"] = (200, {"success": True, "release": "blue-2"})
    assert outcome.memento is not None
    done = plans.Undoable(target=target, memento=outcome.memento)
    parts = [part async for part in source.plan_undo("deploy.switch", [done])]
    texts = [part.text for part in parts if isinstance(part, plans.Remark)]
    assert f"{BLUE} was stopped: it is started before the traffic comes" in texts
    (again,) = (part for part in parts if isinstance(part, plans.Target))
    back = plans.Undoable(target=again, memento=outcome.memento)
    (undone,) = await source.undo("deploy.switch", [back], deploys.BY)
    assert (undone.outcome, undone.why) == (plans.Outcome.DONE, "green → blue")
    row = boss.row()
    assert (row["state"], row["last_exit"]) == ("ready", "was restarted by asha")
    assert row["pid"] not in (None, pid)
    assert boss.row("backend-green")["state"] == "ready"


async def test_what_was_stopped_is_started_without_traffic_by_a_restart(
    place: deploys.Place, boss: Boss, source: source_base.Source
) -> None:
    place.answers["blue"] = BAD
    target, _ = await planned(source)
    await switched(source, target)
    shown = await stack_s(boss)
    assert shown.actions == ("process.restart",)
    async with sources.build("stack", {"state": str(boss.state.path)})[0] as of_stack:
        selection = plans.Selection(refs=(shown.ref,))
        parts = [
            p async for p in of_stack.plan("process.restart", selection, {}, lambda n, of: None)
        ]
        (start,) = (part for part in parts if isinstance(part, plans.Target))
        assert start.label.startswith(f"{BLUE} of this stack, stopped since 2")
        (outcome,) = await of_stack.apply("process.restart", [start], {}, deploys.BY)
        assert outcome.outcome is plans.Outcome.DONE
        assert outcome.why == f"pid none → {boss.row()['pid']}"
        (late,) = await of_stack.apply("process.restart", [start], {}, deploys.BY)
        assert late.outcome is plans.Outcome.SKIPPED
    assert place.current.read_text() == "green\n"


@pytest.mark.parametrize("answer", [FINE, DEGRADED], ids=["healthy", "degraded"])
async def test_a_colour_that_works_runs_on_when_the_traffic_leaves_it(
    place: deploys.Place,
    boss: Boss,
    source: source_base.Source,
    answer: tuple[int, dict[str, Any]],
) -> None:
    place.answers["blue"] = answer
    before = boss.row()
    target, texts = await planned(source)
    assert not [text for text in texts if "stopped" in text]
    assert (await switched(source, target)).why == "blue → green"
    assert boss.row() == before


async def test_a_process_that_is_another_by_now_is_planned_again(
    place: deploys.Place, boss: Boss, source: source_base.Source
) -> None:
    place.answers["blue"] = BAD
    target, _ = await planned(source)
    pid = boss.row()["pid"]
    os.kill(pid, signal.SIGKILL)
    now = await boss.reaches("ready", after=pid)
    outcome = await switched(source, target)
    assert outcome.outcome is plans.Outcome.SKIPPED
    assert outcome.why == f"It has moved on: {BLUE} was pid {pid}, is {now['pid']}."
    assert place.current.read_text() == "blue\n"
    assert boss.row()["state"] == "ready"


async def test_the_traffic_moves_also_where_nobody_can_stop_what_it_leaves(
    place: deploys.Place, boss: Boss, source: source_base.Source, tmp_path: Path
) -> None:
    place.answers["blue"] = BAD
    place.more = {"stack": str(tmp_path / "nowhere")}
    async with place.opened() as alone:
        target, texts = await planned(alone)
        assert any(text.startswith("blue is not stopped: No stack was started") for text in texts)
        assert (await switched(alone, target)).why == "blue → green"
    assert boss.row()["state"] == "ready"


async def test_a_core_that_ended_in_the_middle_stops_it_when_asked_again(
    place: deploys.Place, boss: Boss, source: source_base.Source
) -> None:
    place.answers["blue"] = BAD
    target, _ = await planned(source)
    place.current.write_text("green\n")
    by = deploys.BY.model_copy(update={"again": True})
    for _ in range(2):
        (outcome,) = await source.apply("deploy.switch", [target], {}, by)
        assert outcome.why == f"blue → green; {BLUE} is stopped"
        assert boss.row()["last_exit"] == "was stopped by asha"


async def test_a_check_of_a_stopped_colour_is_not_bad(place: deploys.Place) -> None:
    """Nobody listens at the discard port of this host; blue has the traffic at first."""
    nobody = "http://127.0.0.1:9"
    urls = {"blue": nobody, "green": nobody}
    table = {"urls": urls, "current": str(place.current)}

    async def verdicts() -> dict[str, tuple[str, str]]:
        async with contextlib.AsyncExitStack() as held:
            asked = await held.enter_async_context(sources.build("backend", table)[0])
            checks = [e for e in await asked.probe() if isinstance(e, backend.Check)]
            return {e.name: (e.verdict.level.value, e.verdict.code) for e in checks}

    bad, stopped = ("bad", "refused"), ("ok", "stopped")
    assert await verdicts() == {"blue": bad, "green": stopped}
    place.current.write_text("green\n")
    assert await verdicts() == {"blue": stopped, "green": bad}
    place.current.write_text("purple\n")
    assert await verdicts() == {"blue": bad, "green": bad}
    place.current.unlink()
    assert await verdicts() == {"blue": bad, "green": bad}
