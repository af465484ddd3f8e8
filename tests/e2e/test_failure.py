"""What is watched is killed, stopped and taken away; the screen says so and comes back."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcore import client
from mrcore.model import base, core, stack
from tests import waiting
from tests.e2e import running, terminal

pytestmark = pytest.mark.xdist_group("failure")

CHILDREN = [
    "worker", "rqworker", "backend-blue", "backend-green", "upstreams", "valkey", "postgres",
]  # fmt: skip


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Stack]:
    """A stack that this module may break."""
    with running.stack(tmp_path_factory.mktemp("own"), "--seed", "7") as started:
        yield started


async def _entity(connected: client.CoreClient, ref: str) -> base.Entity | None:
    live = await connected.live()
    return next((e for s in live.sources for e in s.upserts if e.ref == ref), None)


async def _samples(connected: client.CoreClient, source: str, count: int) -> list[base.Entity]:
    """The source's live entities after its next `count` samples."""
    seen, entities = 0, {}
    async for event in connected.changes():
        for changed in getattr(event, "sources", (event,)):
            if getattr(changed, "source", "") != source:
                continue
            entities.update({e.ref: e for e in changed.upserts})
            seen += getattr(event, "type", "") == "changed"
        if seen >= count:
            break
    return list(entities.values())


@pytest.mark.parametrize("child", CHILDREN)
async def test_a_killed_child_is_seen_by_the_second_sample_and_healed(
    own: running.Stack, child: str
) -> None:
    async with client.CoreClient.at(state=own.state) as connected:
        ref = f"stack/process/{child}"

        async def well() -> bool:
            found = await _entity(connected, ref)
            return isinstance(found, stack.Process) and found.state == "ready"

        await waiting.until(well, timeout_s=60)
        pid = own.pid(child)
        running.kill(pid)
        rows = {e.ref: e for e in await _samples(connected, "stack", 2)}
        row = rows[ref]
        assert isinstance(row, stack.Process)
        assert row.pid != pid or row.state != "ready"

        async def healed() -> bool:
            found = await _entity(connected, ref)
            return isinstance(found, stack.Process) and found.state == "ready" and found.pid != pid

        await waiting.until(healed, timeout_s=60)


async def test_a_killed_core_comes_back_and_the_screen_with_it(own: running.Stack) -> None:
    argv = [sys.executable, "-m", "mrtui", "--state", str(own.state)]
    with terminal.run(argv, columns=120, rows=36) as screen:
        screen.until(r"(?i)health", timeout_s=60)
        screen.until(r"emailQueue", timeout_s=60)
        running.kill(own.pid("serve"))
        screen.until(r"core lost", timeout_s=30)
        screen.until(lambda text: "core lost" not in text and "emailQueue" in text, timeout_s=60)


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.proof)])
@pytest.mark.parametrize(("server", "source"), [("postgres", "pg"), ("valkey", "redis")])
async def test_a_stopped_server_freezes_nothing_and_comes_back_on_its_connections(
    own: running.Stack, server: str, source: str, seconds: float
) -> None:
    argv = [sys.executable, "-m", "mrtui", "--state", str(own.state)]
    async with client.CoreClient.at(state=own.state) as connected:
        status_ref = f"core/source/{source}"

        async def level() -> base.Level | None:
            found = await _entity(connected, status_ref)
            return found.verdict.level if isinstance(found, core.SourceStatus) else None

        async def is_ok() -> bool:
            return await level() == base.Level.OK

        async def is_unknown() -> bool:
            return await level() == base.Level.UNKNOWN

        await waiting.until(is_ok, timeout_s=60)
        before = _ours(own, server)
        with terminal.run(argv, columns=120, rows=36) as screen:
            screen.until(r"emailQueue", timeout_s=60)
            pid = own.pid(server)
            running.stop(pid)
            try:
                await waiting.until(is_unknown, timeout_s=30)
                screen.until(r"(?i)unknown", timeout_s=10)
                _watch(screen, seconds)
            finally:
                running.go_on(pid)
            await waiting.until(is_ok, timeout_s=30)
            assert own.pid(server) == pid
        assert _ours(own, server) == before


def _ours(own: running.Stack, server: str) -> set[tuple[str, int]]:
    """The local ends of the core's connections to a server: the same after as before."""
    port = int(
        own.ready["postgres" if server == "postgres" else "redis"].rsplit(":", 1)[1].split("/")[0]
    )
    serve = next(p for p in own.family() if p.pid == own.pid("serve"))
    connections = serve.net_connections("tcp")
    return {tuple(c.laddr) for c in connections if c.raddr and c.raddr.port == port}


def _watch(screen: terminal.Terminal, seconds: float) -> None:
    """Use the screen for a while: it answers a key at once, whatever hangs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        screen.press("2")
        screen.until(r"▸ queues", timeout_s=5)
        screen.press("1")
        screen.until(lambda text: "▸ queues" not in text, timeout_s=5)


def test_the_folder_of_a_dead_core_is_free_again(tmp_path: Path) -> None:
    with running.stack(tmp_path / "a") as first:
        running.kill(first.supervisor.pid)
        first.supervisor.wait(10)
        with running.stack(tmp_path / "a") as second:
            assert second.supervisor.pid != first.supervisor.pid
