"""A stack of real servers: one a folder, healed, and nothing of it survives."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Self

import asyncpg
import psutil
import pytest
import redis

from mrcore import folder
from tests import waiting
from tests.core import small_stack


class Small:
    """A running small stack."""

    def __init__(self, state: Path) -> None:
        self.state = state
        argv = [sys.executable, "-m", "tests.core.small_stack", str(state)]
        pipe = subprocess.PIPE
        self.up = subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True)
        assert self.up.stdout is not None
        line = self.up.stdout.readline()
        self.ready = json.loads(line) if line else {}

    @property
    def dsn(self) -> str:
        """The database that every cluster has: nothing seeds the one of the ready line."""
        return str(self.ready["postgres"].replace("/mentor", "/postgres"))

    def __enter__(self) -> Self:
        assert self.ready, self.up.communicate()[1]
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop(signal.SIGTERM)

    def stop(self, how: signal.Signals) -> str:
        """End it and return what it told."""
        self.up.send_signal(how)
        return str(self.up.communicate(timeout=30)[1])

    def row(self, name: str) -> dict[str, Any]:
        table = json.loads((self.state / "processes.json").read_text())
        return next(row for row in table["processes"] if row["name"] == name)

    def family(self) -> list[psutil.Process]:
        return [self_ := psutil.Process(self.up.pid), *self_.children(recursive=True)]

    def again(self, name: str, old: int) -> Callable[[], bool]:
        """Whether `name` is ready with another pid."""

        def is_again() -> bool:
            row = self.row(name)
            return row["state"] == "ready" and row["pid"] != old

        return is_again


@pytest.fixture
def small(state: Path) -> Iterator[Small]:
    with Small(state) as running:
        yield running


def gone(processes: list[psutil.Process]) -> Callable[[], bool]:
    """Whether all have ended; a zombie has."""

    def is_gone() -> bool:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    return False
        return True

    return is_gone


@contextlib.asynccontextmanager
async def busy(dsn: str) -> AsyncIterator[None]:
    """A backend that computes for hours and never looks whether its postmaster lives."""
    endless = "SELECT count(*) FROM (SELECT generate_series(1, 1000000000000)) AS endless"
    connection = await asyncpg.connect(dsn)
    watcher = await asyncpg.connect(dsn)
    task = asyncio.ensure_future(connection.execute(endless))
    active = "SELECT 1 FROM pg_stat_activity WHERE query = $1 AND state = 'active'"
    await waiting.until(lambda: watcher.fetchval(active, endless))
    try:
        yield
    finally:
        connection.terminate()
        watcher.terminate()
        await asyncio.gather(task, return_exceptions=True)


async def test_killed_servers_are_healed_with_their_data(small: Small) -> None:
    connection = await asyncpg.connect(small.dsn)
    await connection.execute("CREATE TABLE kept AS SELECT 42 AS value")
    with redis.from_url(small.ready["redis"]) as valkey:
        valkey.set("kept", "42")
    async with busy(small.dsn):
        for name in ("postgres", "valkey"):
            pid = small.row(name)["pid"]
            os.kill(pid, signal.SIGKILL)
            await waiting.until(small.again(name, pid), what=f"{name} again")
            assert small.row(name)["last_exit"] == "killed by SIGKILL"
    connection.terminate()
    again = await asyncpg.connect(small.dsn)
    assert await again.fetchval("SELECT value FROM kept") == 42
    await again.close()
    with redis.from_url(small.ready["redis"]) as valkey:
        assert valkey.get("kept") == b"42"


async def test_an_orphan_of_a_killed_child_is_killed(small: Small) -> None:
    pid = small.row("child")["pid"]
    inner = psutil.Process(pid).children()
    assert len(inner) == 1
    os.kill(pid, signal.SIGKILL)
    await waiting.until(small.again("child", pid))
    await waiting.until(gone(inner))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_stops_in_order_and_leaves_nothing(
    small: Small, how: signal.Signals
) -> None:
    family = small.family()
    assert len(family) > 8
    async with busy(small.dsn):
        told = [line.split()[:2] for line in small.stop(how).splitlines()]
    ends = [name for name, state in told if state == "stopped"]
    assert ends[0] == "child"
    assert set(ends[1:]) == {"postgres", "valkey"}
    assert small.up.returncode == 0
    assert gone(family)()
    assert not (small.state / "stack.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties children to their parent")
async def test_nothing_supervised_survives_a_killed_supervisor(small: Small) -> None:
    pids = [small.row(name)["pid"] for name in ("postgres", "valkey", "child")]
    family = [psutil.Process(pid) for pid in pids]
    family += psutil.Process(pids[0]).children(recursive=True)
    psutil.Process(pids[1]).suspend()
    async with busy(small.dsn):
        small.stop(signal.SIGKILL)
        await waiting.until(gone(family))
    for orphan in [p for p in psutil.process_iter() if _is_inner(p, small.state)]:
        orphan.kill()  # the tiny child's own child asked for no such tie


def _is_inner(process: psutil.Process, state: Path) -> bool:
    try:
        return process.environ().get("MR_STATE") == str(state)
    except (psutil.Error, OSError):
        return False


async def test_the_same_folder_starts_again_with_its_credentials(state: Path) -> None:
    with Small(state) as first:
        assert "initdb" in {json.loads(line)["name"] for line in boot_lines(state)}
    with Small(state) as second:
        assert "initdb" not in {json.loads(line)["name"] for line in boot_lines(state)}
        assert _password(first) == _password(second)
        connection = await asyncpg.connect(second.dsn)
        await connection.close()


def _password(small: Small) -> str:
    return str(small.ready["postgres"].split("@")[0])


def boot_lines(state: Path) -> list[str]:
    return (state / "boot.jsonl").read_text().splitlines()


def test_the_boot_is_written_step_by_step(small: Small) -> None:
    steps = [json.loads(line) for line in boot_lines(small.state)]
    assert [step["name"] for step in steps if step["state"] == "ready"][-2:] == ["child", "stack"]
    for step in steps:
        assert set(step) == {"at", "name", "state", "took_s", "why"}
        assert (step["took_s"] is not None) == (step["state"] == "ready")


def test_secrets_are_private_and_in_no_argv(small: Small) -> None:
    words = json.loads((small.state / "secrets.json").read_text()).values()
    argv = " ".join(" ".join(process.cmdline()) for process in small.family())
    assert not [word for word in words if word in argv]
    names = ("secrets.json", "stack.json", "settings.json", "valkey.conf", "processes.json")
    modes = {stat.S_IMODE((small.state / name).stat().st_mode) for name in names}
    assert modes == {0o600}
    assert stat.S_IMODE(small.state.stat().st_mode) == 0o700


def test_a_second_up_names_the_pid_and_the_address(small: Small) -> None:
    done = small_stack.up(small.state, "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"pid {small.up.pid}, {small.ready['control']}." in done.stderr
    assert f"mrtui --state {small.state}" in done.stderr


def test_a_folder_with_a_core_of_its_own_is_refused(state: Path) -> None:
    place = folder.StateFolder(state).make()
    place.write_json("core.json", {"pid": 4321})
    with place.lock("core.lock", "held"):
        done = small_stack.up(state)
    assert done.returncode == 2
    assert "A core without a stack runs in" in done.stderr
    assert "kill 4321" in done.stderr


def test_a_boot_that_fails_says_why_and_leaves_no_ready_line(state: Path) -> None:
    argv = [sys.executable, "-m", "tests.core.small_stack", str(state)]
    argv.append("import sys; sys.exit('no such role')")
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == ""
    assert "StackError: seed exited with 1. It said: no such role" in done.stderr
    last = json.loads(boot_lines(state)[-1])
    assert (last["name"], last["state"]) == ("stack", "failed")
    assert "no such role" in last["why"]
    assert not (state / "stack.json").exists()
