"""The stack: how fast it starts, what it costs at rest, and how soon a fault in it is seen."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from mrcore import client
from mrcore.model import base, wire
from mrcore.model import stack as stack_model
from tests import waiting
from tests.bench import table
from tests.e2e import running, terminal

pytestmark = pytest.mark.bench

KILLED = ("worker", "rqworker", "backend-blue", "upstreams", "valkey")
REST_S, WEDGED_S = 10.0, 6.0
SPAWNS = 5
BARE = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/livez")
def livez():
    return {}
uvicorn.run(app, uds=sys.argv[1], log_level="error")
"""
PROBE = b"GET /livez HTTP/1.1\r\nHost: mrcore\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Stack]:
    """A stack on its second start, with the demo's data and visitors."""
    state = tmp_path_factory.mktemp("stack")
    began = time.perf_counter()
    with running.stack(state, "--seed", "7"):
        first_s = time.perf_counter() - began
    began = time.perf_counter()
    with running.stack(state, "--seed", "7") as started:
        second_s = time.perf_counter() - began
        table.row("stack: first start with data; second", f"{first_s:.1f} s; {second_s:.1f} s", "")
        yield started


def bench_at_rest(stack: running.Stack) -> None:
    time.sleep(10)  # its start is over
    family = {process.pid: process for process in stack.family()}
    before = {pid: _cpu_s(process) for pid, process in family.items()}
    time.sleep(REST_S)
    spent = {pid: _cpu_s(process) - before[pid] for pid, process in family.items()}
    rows = json.loads((stack.state / "processes.json").read_text())["processes"]
    told = []
    for row in rows:
        if row["pid"] in family:
            under = family[row["pid"]].children(recursive=True)
            mine = [row["pid"], *(p.pid for p in under if p.pid in family)]
            cpu = sum(spent[pid] for pid in mine) / REST_S * 100
            memory = sum(_memory_mb(family[pid]) for pid in mine)
            told.append(f"{row['name']} {cpu:.1f} % {memory:.0f} MB")
    core = stack.pid("serve")
    table.row(
        "demo at rest with its visitors, no screen: all; the core alone (CPU of one core, memory)",
        f"{sum(spent.values()) / REST_S * 100:.0f} %,"
        f" {sum(map(_memory_mb, family.values())):.0f} MB; {spent[core] / REST_S * 100:.1f} %,"
        f" {_memory_mb(family[core]):.0f} MB",
        "",
        ", ".join(told),
    )


def _cpu_s(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _memory_mb(process: psutil.Process) -> float:
    """What is its own and its part of what is shared (PSS): Postgres shares its buffers."""
    with contextlib.suppress(psutil.NoSuchProcess):
        full = process.memory_full_info()
        return float(getattr(full, "pss", full.rss)) / 2**20
    return 0.0


async def _arrivals(
    connected: client.CoreClient, source: str
) -> AsyncIterator[tuple[float, wire.Changed]]:
    """Changes of one source with the moment at which they came; the snapshot's is the first."""
    async for event in connected.changes():
        changes = event.sources if isinstance(event, wire.Snapshot) else (event,)
        for change in changes:
            if isinstance(change, wire.Changed) and change.source == source:
                yield time.monotonic(), change


async def bench_fault_seen(stack: running.Stack) -> None:
    samples, seconds = [], []
    async with client.CoreClient.at(state=stack.state) as connected:
        for name in KILLED:
            pid = stack.pid(name)
            count, took_s = await _until_seen(connected, name, pid)
            samples.append(count)
            seconds.append(took_s)
            await waiting.until(lambda name=name: _healed(connected, name), timeout_s=60)
    seen = ", ".join(f"{n} {s:.2f} s" for n, s in zip(KILLED, seconds, strict=True))
    table.row(
        "fault → its entity differs (kill -9 of a child)",
        f"after {max(samples)} samples, {max(seconds):.2f} s at most ({seen})",
        "by the second sample",
        "not here: nothing else watches; alerts are not built yet",
    )


async def _until_seen(connected: client.CoreClient, name: str, pid: int) -> tuple[int, float]:
    """Kill a process, and count the samples and seconds until its row is another."""
    arrivals = _arrivals(connected, "stack")
    await anext(arrivals)
    running.kill(pid)
    began, count = time.monotonic(), 0
    async for at, change in arrivals:
        count += 1
        for entity in change.upserts:
            if isinstance(entity, stack_model.Process) and entity.name == name:
                await arrivals.aclose()
                return count, at - began
    raise AssertionError("the stream ended")


async def _healed(connected: client.CoreClient, name: str) -> bool:
    live = await connected.live()
    entities: list[base.Entity] = [e for s in live.sources for e in s.upserts]
    return any(
        isinstance(e, stack_model.Process) and e.name == name and e.state == "ready"
        for e in entities
    )


async def bench_wedged_source(stack: running.Stack) -> None:
    argv = [*running.MRTUI, "--state", str(stack.state)]
    async with client.CoreClient.at(state=stack.state) as connected:
        before = await _gaps(connected, "pg", WEDGED_S)
        with terminal.run(argv, columns=120, rows=40) as screen:
            screen.until("● live")
            well = await asyncio.to_thread(_keys_ms, screen)
            running.stop(stack.pid("valkey"))
            try:
                gaps = asyncio.create_task(_gaps(connected, "pg", WEDGED_S))
                keys = await asyncio.to_thread(_keys_ms, screen)
                wedged = await gaps
            finally:
                running.go_on(stack.pid("valkey"))
    table.row(
        "a wedged source (SIGSTOP of Valkey): pg's samples at most late; a key's answer on screen",
        f"{(max(wedged) - statistics.median(before)) * 1000:.0f} ms;"
        f" {statistics.median(keys):.0f} ms, at most {max(keys):.0f}",
        "≤ 100 ms; never the screen",
        f"with nothing wedged: {(max(before) - statistics.median(before)) * 1000:.0f} ms;"
        f" {statistics.median(well):.0f} ms, at most {max(well):.0f}",
    )


async def _gaps(connected: client.CoreClient, source: str, seconds: float) -> list[float]:
    """Seconds between a source's samples, by their own instants."""
    instants = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for _, change in _arrivals(connected, source):
                instants.append(change.at)
    return [(after - before).total_seconds() for before, after in itertools.pairwise(instants)]


def _keys_ms(screen: terminal.Terminal) -> list[float]:
    took = []
    for _ in range(6):
        for key, wanted in (("3", "▸ postgres"), ("2", "▸ queues")):
            began = time.perf_counter()
            screen.press(key)
            screen.until(wanted)
            took.append((time.perf_counter() - began) * 1000)
    return took


def _first_answer_s(argv: list[str], path: Path) -> float:
    """Seconds from the start of a server until it has answered 200 on its socket."""
    began = time.perf_counter()
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            while True:
                with socket.socket(socket.AF_UNIX) as wire_, contextlib.suppress(OSError):
                    wire_.connect(str(_socket(path)))
                    wire_.sendall(PROBE)
                    if wire_.recv(64).startswith(b"HTTP/1.1 200"):
                        return time.perf_counter() - began
                time.sleep(0.005)
        finally:
            child.terminate()


def _socket(path: Path) -> Path:
    """A socket, or the one that a core's folder names."""
    if path.is_dir():
        with contextlib.suppress(OSError, ValueError):
            return Path(json.loads((path / "core.json").read_text())["socket"])
    return path


def bench_core_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    ours, bare = [], []
    for number in range(SPAWNS + 1):
        state = tmp_path / f"core{number}"
        state.mkdir()
        (state / "settings.json").write_text('{"environment": "bench"}')
        ours.append(_first_answer_s([*running.MRCORE, "serve", "--state", str(state)], state))
        path = tmp_path / f"{number}.sock"
        bare.append(_first_answer_s([sys.executable, "-c", BARE, str(path)], path))
    table.row(
        "core: spawn → first 200",
        table.spread(ours[1:], "s"),  # the first wrote the bytecode
        "",
        f"bare FastAPI on uvicorn {table.spread(bare[1:], 's')}",
    )
