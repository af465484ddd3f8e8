"""Releases that are bad, under a real supervisor of the colours, and the traffic between these."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mrcore import folder
from mrcore.gameday.faults import base, releases
from mrcore.mentor import release
from mrcore.sources import wishes
from mrcore.stack import switching
from tests import waiting
from tests.core.gameday import stages

COLOURS = ("blue", "green")


@pytest.fixture(scope="module")
def supervised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a supervisor of both colours' processes, tiny ones, and of their switch; one
    for all tests, which leave it as it was."""
    place = folder.StateFolder(tmp_path_factory.mktemp("releases")).make()
    switching.lay(place)
    argv = [sys.executable, "-m", "tests.contract.supervised", str(place.path)]
    argv += [f"backend-{colour}" for colour in COLOURS]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        yield place.path
        running.terminate()


@pytest.fixture
async def stage(supervised: Path) -> AsyncIterator[base.Stage]:
    async with stages.stage(supervised) as there:
        there.arena.line["backends"] = dict.fromkeys(COLOURS, "")
        yield there


def row(stage: base.Stage, colour: str) -> dict[str, Any]:
    rows = (stage.arena.state.read_json("processes.json") or {})["processes"]
    return next(each for each in rows if each["name"] == f"backend-{colour}")


def runs(stage: base.Stage, colour: str) -> release.Release:
    """What a colour would run that starts now."""
    return release.Release.read(switching.release_names(stage.arena.state, colour))


async def test_a_colour_runs_a_bad_release_and_what_it_ran_before_again(stage: base.Stage) -> None:
    said = switching.release(stage.arena.state, "blue")
    said.write_text('{"release": "2.0"}')
    for colour, name in (("blue", "2.0"), ("green", "local")):
        fault = releases.Bad(colour=colour, fails="requests")
        pid = row(stage, colour)["pid"]
        memo = json.loads(json.dumps(await fault.before(stage)))
        await fault.inject(stage, memo)
        assert runs(stage, colour) == release.Release("gameday", "requests")
        assert row(stage, colour)["pid"] != pid, "a release is read when its colour starts"
        for _ in range(2):
            pid = row(stage, colour)["pid"]
            await fault.clean(stage, memo)
            assert runs(stage, colour) == release.Release(name)
            assert row(stage, colour)["pid"] not in (None, pid)
    said.unlink()


async def test_a_bad_colour_that_was_stopped_runs_again_and_has_the_traffic(
    stage: base.Stage,
) -> None:
    fault, traffic = releases.Bad(colour="green", fails="health"), releases.Traffic(to="green")
    memos = [await each.before(stage) for each in (fault, traffic)]
    await fault.inject(stage, memos[0])
    await traffic.inject(stage, memos[1])
    current = switching.current(stage.arena.state)
    assert current.read_text() == "green\n"
    pid = row(stage, "green")["pid"]
    wishes.write(stage.arena.state, wishes.Wish("backend-green", pid, "asha", stays=True))
    await waiting.until(lambda: stage.arena.is_held("backend-green"), what="a colour that is held")
    await traffic.clean(stage, memos[1])
    await fault.clean(stage, memos[0])
    assert current.read_text() == "blue\n"
    assert row(stage, "green")["state"] == "ready"
    assert runs(stage, "green") == release.Release("local")


async def test_an_operator_deploys_a_good_release(stage: base.Stage) -> None:
    await releases.Bad(colour="green", fails="health").inject(stage, {})
    pid = row(stage, "green")["pid"]
    await releases.Mended(colour="green").inject(stage, {})
    assert runs(stage, "green") == release.Release("local")
    assert row(stage, "green")["pid"] not in (None, pid)


async def test_visitors_come_as_long_as_the_game_day_lasts(state: Path) -> None:
    asked: list[bytes] = []

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    async with await asyncio.start_server(answered, "127.0.0.1", 0) as server:
        async with stages.stage(state) as stage:
            port = server.sockets[0].getsockname()[1]
            stage.arena.line["switch"] = f"http://127.0.0.1:{port}"
            await releases.Visits().inject(stage, {})
            (task,) = (each for each in asyncio.all_tasks() if "Visits" in repr(each.get_coro()))
            await waiting.until(lambda: len(asked) >= 2, what="two visits, each of its own")
        await asyncio.wait([task])
        assert task.cancelled()
    assert set(asked) == {b"GET /api/dashboard/kpi HTTP/1.1\r\n"}
