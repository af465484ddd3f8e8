"""What is watched is killed; the screen shows it, by the second sample, and that it comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psutil
import pytest

from mrcore import client
from mrcore.model import base, stack
from tests import waiting
from tests.e2e import running, terminal

pytestmark = pytest.mark.xdist_group("failure")

CHILDREN = [
    "worker", "rqworker", "backend-blue", "backend-green", "upstreams", "valkey", "postgres",
]  # fmt: skip


@pytest.fixture(scope="module")
def processes(calm: running.Stack) -> Iterator[terminal.Terminal]:
    """A screen that shows the stack's processes all the while."""
    with terminal.attached(calm.state) as screen:
        screen.go("stack")
        yield screen


def _shown(text: str, child: str) -> tuple[str, str]:
    """State and pid of a process as its row on the screen says; a long name is cut."""
    row = re.search(rf"\b(?:{child}|{child[:11]}…) +([a-z]+) +(\d+|-) ", text)
    return (row[1], row[2]) if row else ("", "")


def _healed(screen: terminal.Terminal, child: str, was: int) -> int:
    """Wait until the row shows the process ready again, as another one; its pid."""

    def ready(text: str) -> bool:
        state, pid = _shown(text, child)
        return state == "ready" and pid not in ("-", str(was))

    return int(_shown(screen.until(ready, timeout_s=60), child)[1])


async def _samples(core: client.CoreClient, source: str, count: int) -> dict[str, base.Entity]:
    """The source's live entities after its next `count` samples."""
    seen, entities = 0, {}
    async for event in core.changes():
        for changed in getattr(event, "sources", (event,)):
            if getattr(changed, "source", "") != source:
                continue
            entities.update({e.ref: e for e in changed.upserts})
            seen += getattr(event, "type", "") == "changed"
        if seen >= count:
            break
    return entities


@pytest.mark.parametrize("child", CHILDREN)
async def test_a_killed_child_is_seen_by_the_second_sample_and_healed_on_screen(
    calm: running.Stack, calm_core: client.CoreClient, processes: terminal.Terminal, child: str
) -> None:
    pid = calm.pid(child)
    processes.until(lambda text: _shown(text, child) == ("ready", str(pid)))
    running.kill(pid)
    row = (await _samples(calm_core, "stack", 2))[f"stack/process/{child}"]
    assert isinstance(row, stack.Process)
    assert row.pid != pid or row.state != "ready"
    processes.until(lambda text: _shown(text, child) not in (("", ""), ("ready", str(pid))))
    assert _healed(processes, child, pid) == calm.pid(child)


def test_a_killed_core_comes_back_and_the_screen_with_it(
    calm: running.Stack, processes: terminal.Terminal
) -> None:
    pid = calm.pid("serve")
    processes.until(lambda text: _shown(text, "serve") == ("ready", str(pid)))
    running.kill(pid)
    processes.until("core lost")
    assert _healed(processes, "serve", pid) == calm.pid("serve")
    processes.until(lambda text: "core lost" not in text and "● live" in text)


def _reader(calm: running.Stack) -> psutil.Process | None:
    """The core's own child that reads the logs."""
    for child in psutil.Process(calm.pid("serve")).children():
        if "logreader" in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
            return child
    return None


async def test_a_log_reader_that_hangs_is_said_and_one_that_is_killed_is_replaced(
    calm: running.Stack,
) -> None:
    with terminal.attached(calm.state) as home:
        home.until(r"LOGS \d+ streams")
        reader = await waiting.until(lambda: _reader(calm))
        reader.suspend()
        home.until(r"LOGS [?◌].*\d+ ?s")
        reader.kill()
        (calm.state / "logs" / "marker.log").write_text("ERROR after the reader was killed\n")
        home.until(r"LOGS \d+ streams")
        home.until(r"marker +after the reader|marker +ERROR after the reader")
        again = await waiting.until(lambda: _reader(calm))
        assert again.pid != reader.pid
