"""Terminals come and go, several at once; the core and what it does stay."""

from __future__ import annotations

import re
import signal

import psutil
import pytest
import redis

from mrcore import client
from mrcore.model import core as core_model
from mrcore.model import queue
from tests import waiting
from tests.e2e import finding, running, terminal

pytestmark = pytest.mark.xdist_group("stack")

HELD_MS = 40_000
"""Far below the time that an operation may wait for its source."""


async def _operations(core: client.CoreClient) -> dict[int, core_model.Operation]:
    page = await core.page("core/core/self", "operations")
    return {row.id: row for row in page.rows if isinstance(row, core_model.Operation)}


async def test_a_lost_terminal_leaves_the_core_and_its_open_operation(
    stack: running.Stack, core: client.CoreClient
) -> None:
    job = await finding.failed_job(core)
    before = (await core.me()).core_pid
    known = set(await _operations(core))

    async def begun() -> core_model.Operation | None:
        found = [row for number, row in (await _operations(core)).items() if number not in known]
        return found[0] if found else None

    with redis.from_url(stack.ready["redis"]) as valkey:
        with terminal.attached(stack.state) as first:
            first.press(":")
            first.until(r"\n :")
            first.press(f"open mr://{job.ref}", "enter")
            first.until(r"✖ failed")
            # Reads go on, so it can be planned; the first write of the operation waits.
            valkey.client_pause(HELD_MS, all=False)
            first.press("r")
            operation = await waiting.until(begun)
            first.close()
            first.wait()
        with terminal.attached(stack.state) as second:
            second.go("operations")
            second.until(rf"\b{operation.id} +running ")
            assert (await core.me()).core_pid == before
            valkey.client_unpause()
            second.until(rf"\b{operation.id} +done .*1 of 1 done")
    assert (await core.me()).core_pid == before
    entity = (await core.detail(job.ref)).entity
    assert isinstance(entity, queue.Job)
    assert entity.attempts > job.attempts or entity.state is not queue.JobState.FAILED


async def test_two_terminals_share_one_core_and_see_the_same(
    stack: running.Stack, core: client.CoreClient
) -> None:
    with terminal.attached(stack.state) as one, terminal.attached(stack.state) as other:
        job = await finding.failed_job(core)
        other.go("operations")
        one.press(":")
        one.until(r"\n :")
        one.press(f"open mr://{job.ref}", "enter")
        one.until(r"✖ failed")
        one.press("r")
        said = re.search(r"operation (\d+)", one.until(r"1 of 1 done · operation \d+: "))
        assert said is not None
        other.until(rf"\b{said[1]} +done .*1 of 1 done")
        other.go("audit")
        other.until(rf"outcome +queue\.retry +done +\S+ +{said[1]} ")


def _fits(screen: terminal.Terminal, columns: int, rows: int) -> None:
    """Wait until bars stand in the first and last line of the new size, and nothing beyond."""

    def drawn(_: str) -> bool:
        lines = screen.lines
        return (
            len(lines) == rows
            and max(map(len, lines)) <= columns
            and lines[0].lstrip().startswith(("mr ▸", "…"))
            and "? keys" in lines[-1]
        )

    screen.until(drawn)


def test_a_terminal_is_resized_while_it_is_live(stack: running.Stack) -> None:
    with terminal.attached(stack.state) as screen:
        for columns, rows in ((40, 10), (80, 24), (160, 45)):
            screen.resize(columns, rows)
            _fits(screen, columns, rows)
            screen.press("2")
            screen.until(r"▸ queues")
            screen.until(r"(?m)^▸ . \w+Queue")
            _fits(screen, columns, rows)
            screen.press("1")
            screen.until(lambda text: "▸ queues" not in text and "health" in text.lower())
            _fits(screen, columns, rows)


@pytest.mark.parametrize(("columns", "rows"), [(40, 10), (160, 45)])
def test_every_screen_fits_a_small_and_a_large_terminal(
    stack: running.Stack, columns: int, rows: int
) -> None:
    argv = [*running.MRTUI, "--state", str(stack.state)]
    with terminal.run(argv, columns=columns, rows=rows) as screen:
        screen.until("(?i)health", timeout_s=60)
        terminal.walk(screen)


def test_a_terminated_screen_restores_the_terminal(stack: running.Stack) -> None:
    with terminal.attached(stack.state, columns=80, rows=24) as screen:
        psutil.Process(screen.pid).send_signal(signal.SIGTERM)
        screen.wait()
        sent = bytes(screen.raw)
    assert sent.rfind(b"\x1b[?1049l") > sent.rfind(b"\x1b[?1049h") >= 0
    assert sent.rfind(b"\x1b[?25h") > sent.rfind(b"\x1b[?25l") >= 0
