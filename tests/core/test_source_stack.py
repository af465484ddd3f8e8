"""The source `stack` against real pids."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from mrcore import errors, folder, sources
from mrcore.model import plans, stack, wire
from mrcore.sources import base, supervised, wishes
from tests import waiting

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD = NOW - timedelta(hours=1)


def row(name: str, pid: int | None = None, **facts: Any) -> dict[str, Any]:
    began = psutil.Process(pid).create_time() if pid else None
    ready = {"state": "ready", "since": OLD.isoformat(), "started_s": began}
    return {"name": name, "pid": pid, **ready, **facts}


def write(state: Path, *rows: dict[str, Any]) -> folder.StateFolder:
    place = folder.StateFolder(state).make()
    place.write_json("processes.json", {"at": NOW.isoformat(), "processes": list(rows)})
    return place


def opened(state: Path) -> base.Source:
    return sources.build("stack", {"kind": "stack", "state": str(state)}, now=lambda: NOW)[0]


async def codes(state: Path) -> dict[str, tuple[str, str]]:
    sample = await opened(state).sample()
    return {
        entity.name: (entity.verdict.level.value, entity.verdict.code)
        for entity in sample.entities
        if isinstance(entity, stack.Process)
    }


async def test_a_look_that_hangs_is_one_thread_however_often_it_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = write(tmp_path, row("core", os.getpid()))
    table = place / "processes.json"
    kept = table.read_bytes()
    table.unlink()
    os.mkfifo(table)  # reading it waits for a writer
    source = opened(tmp_path)
    before = threading.active_count()
    for _ in range(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await source.sample()
    assert threading.active_count() == before + 1
    table.write_bytes(kept)
    assert [e.ref for e in (await source.sample()).entities] == ["stack/process/core"]
    await source.__aexit__(None, None, None)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for the end of its input."""
    argv = [sys.executable, "-I", "-S", "-c", "input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


async def test_each_state_has_its_verdict(state: Path, child: subprocess.Popen[bytes]) -> None:
    recent = (NOW - timedelta(seconds=59)).isoformat()
    before = (NOW - timedelta(seconds=61)).isoformat()
    place = write(
        state,
        row("fine", child.pid),
        row("waits", state="starting"),
        row("begins", child.pid, state="starting"),
        row("ends", child.pid, state="stopping"),
        row("over", state="stopped", last_exit="exited with 0"),
        row("lost", state="failed", last_exit="exited with 1"),
        row("again", state="backoff", last_exit="exited with 1"),
        row("healed", child.pid, restarts=1, since=recent),
        row("forgotten", child.pid, restarts=1, since=before),
        row("wished", child.pid, restarts=1, since=recent, last_exit="was restarted by asha"),
        row("reused", child.pid, started_s=1000.0),
        {**row("gone"), "pid": 2**22 + 1, "started_s": 1000.0},
    )
    with place.lock("stack.lock", "held"):
        assert await codes(state) == {
            "fine": ("ok", ""),
            "waits": ("warn", "starting"),
            "begins": ("warn", "starting"),
            "ends": ("warn", "stopping"),
            "over": ("ok", ""),
            "lost": ("bad", "failed"),
            "again": ("bad", "backoff"),
            "healed": ("warn", "restarting"),
            "forgotten": ("ok", ""),
            "wished": ("ok", ""),
            "reused": ("bad", "dead"),
            "gone": ("bad", "dead"),
        }


async def test_a_process_stopped_by_a_signal_is_bad_until_it_goes_on(
    state: Path, child: subprocess.Popen[bytes]
) -> None:
    place = write(state, row("one", child.pid))
    with place.lock("stack.lock", "held"):
        child.send_signal(signal.SIGSTOP)
        expected = {"one": ("bad", "stopped_by_signal")}
        await waiting.until(lambda: _equal(state, expected))
        child.send_signal(signal.SIGCONT)
        await waiting.until(lambda: _equal(state, {"one": ("ok", "")}))


async def _equal(state: Path, expected: dict[str, tuple[str, str]]) -> bool:
    return await codes(state) == expected


async def test_a_zombie_is_dead(state: Path, child: subprocess.Popen[bytes]) -> None:
    place = write(state, row("one", child.pid))
    with place.lock("stack.lock", "held"):
        child.send_signal(signal.SIGKILL)
        await waiting.until(lambda: _equal(state, {"one": ("bad", "dead")}))


async def test_without_its_supervisor_nothing_is_known(
    state: Path, child: subprocess.Popen[bytes]
) -> None:
    write(state, row("one", child.pid))
    assert await codes(state) == {"one": ("unknown", "no_supervisor")}


async def test_a_stopped_supervisor_supervises_nothing(
    state: Path, child: subprocess.Popen[bytes]
) -> None:
    place = write(state, row("one", os.getpid()))
    table = place.read_json("processes.json")
    assert table is not None
    place.write_json("processes.json", table | {"supervisor": child.pid})
    with place.lock("stack.lock", "held"):
        assert await codes(state) == {"one": ("ok", "")}
        child.send_signal(signal.SIGSTOP)
        await waiting.until(lambda: _equal(state, {"one": ("unknown", "no_supervisor")}))
        child.send_signal(signal.SIGCONT)


async def test_memory_and_processor_time_are_points(
    state: Path, child: subprocess.Popen[bytes]
) -> None:
    place = write(state, row("one", child.pid), row("waits", state="starting"))
    it = opened(state)
    with place.lock("stack.lock", "held"):
        first, second = await it.sample(), await it.sample()
    assert _metrics(first) == {"process.rss_bytes"}
    assert _metrics(second) == {"process.rss_bytes", "process.cpu"}
    assert {point.ref for point in second.points} == {"stack/process/one"}
    memory = next(p.value for p in second.points if p.metric == "process.rss_bytes")
    assert memory > 1_000_000


def _metrics(sample: wire.Sample) -> set[str]:
    return {point.metric for point in sample.points}


async def test_the_detail_says_where_its_log_is(
    state: Path, child: subprocess.Popen[bytes]
) -> None:
    write(state, row("a b", child.pid, command="mrcore serve", log="/x/serve.log"))
    detail = await opened(state).detail("stack/process/a%20b")
    values = {field.name: field.value for field in detail.sections[0].fields}
    assert (values["command"], values["log"]) == ("mrcore serve", "/x/serve.log")
    with pytest.raises(errors.NotFound):
        await opened(state).detail("stack/process/other")


async def test_a_folder_without_a_stack_is_unreachable(state: Path) -> None:
    with pytest.raises(errors.Unreachable, match="No stack was started in"):
        await opened(state).sample()


@pytest.mark.parametrize("table", [{}, {"processes": 3}, {"processes": [{"pid": "x"}]}])
async def test_a_file_that_is_none_of_a_stack_is_a_lie(state: Path, table: dict[str, Any]) -> None:
    folder.StateFolder(state).make().write_json("processes.json", table)
    with pytest.raises(errors.SourceLied):
        await opened(state).sample()


async def test_many_processes_are_bounded(state: Path) -> None:
    write(state, *(row(f"p{n}", state="starting") for n in range(1000)))
    sample = await opened(state).sample()
    assert len(sample.entities) == 200


def test_a_look_at_the_lock_does_not_refuse_a_start(state: Path) -> None:
    place = folder.StateFolder(state).make()
    look = os.open(place / "stack.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(look, fcntl.LOCK_SH)
    done = threading.Timer(0.02, os.close, [look])
    done.start()
    with place.lock("stack.lock", "refused"):
        assert place.locked("stack.lock")
    done.join()
    assert not place.locked("stack.lock")


async def planned(state: Path, *names: str) -> list[base.Planned]:
    selection = plans.Selection(refs=tuple(f"stack/process/{name}" for name in names))
    parts = opened(state).plan("process.restart", selection, {}, lambda n, of: None)
    return [part async for part in parts]


async def test_what_cannot_be_restarted_says_why(
    state: Path, child: subprocess.Popen[bytes]
) -> None:
    place = write(
        state, row("serve", os.getpid()), row("seed", state="stopped"), row("one", child.pid)
    )
    with place.lock("stack.lock", "held"):
        core, seed, target = await planned(state, "serve", "seed", "one")
        assert isinstance(core, plans.LeftOut)
        assert "cut off itself" in core.why
        assert isinstance(seed, plans.LeftOut)
        assert seed.why == "seed is stopped: only what is ready can be restarted."
        assert isinstance(target, plans.Target)
        assert target.label.startswith(f"one of this stack, pid {child.pid}, running since 2026-")
        assert target.guard["pid"] == child.pid
    (alone,) = await planned(state, "one")
    assert isinstance(alone, plans.LeftOut)
    assert "mrcore up has ended" in alone.why


LISTENS = """
import socket
server = socket.create_server(("127.0.0.1", 0))
ends = [socket.create_connection(server.getsockname()) for _ in range(3)]
others = [server.accept() for _ in ends]
print(flush=True)
input()
"""


@pytest.mark.parametrize(
    ("name", "text", "level"),
    [
        ("valkey", "cuts off all 3 clients of valkey", "warn"),
        ("worker", "drops 3 open connections of worker", "ok"),
    ],
)
async def test_a_restart_says_who_is_cut_off(state: Path, name: str, text: str, level: str) -> None:
    argv = [sys.executable, "-I", "-S", "-c", LISTENS]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe) as server:
        assert server.stdout is not None
        server.stdout.readline()
        place = write(state, row(name, server.pid))
        with place.lock("stack.lock", "held"):
            _, remark = await planned(state, name)
        server.kill()
    assert isinstance(remark, plans.Remark)
    assert (remark.text, remark.level.value) == (text, level)


async def test_a_supervisor_that_does_not_hear_is_told_of(
    state: Path, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "HEARD_S", 0.1)
    place = write(state, row("one", child.pid))
    with place.lock("stack.lock", "held"):
        (target,) = await planned(state, "one")
        assert isinstance(target, plans.Target)
        by = plans.By(login="asha")
        (outcome,) = await opened(state).apply("process.restart", [target], {}, by)
    assert outcome.outcome is plans.Outcome.FAILED
    assert "did not hear of it" in outcome.why
    assert not list(wishes.take(place))
