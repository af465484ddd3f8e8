"""The supervisor with real, tiny children."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from mrcore import errors, folder
from mrcore.logreader import follow
from mrcore.sources import base, wishes
from mrcore.stack import children, logfile, process, supervisor
from mrcore.stack.process import State
from tests import waiting

READY = "import os, time; os.write(int(os.environ['MR_READY_FD']), b'1')\n"
STAYS = READY + "time.sleep(600)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STAYS


def spec(name: str, code: str = STAYS, **more: Any) -> supervisor.Spec:
    argv = (sys.executable, "-I", "-S", "-c", code)
    return supervisor.Spec(name, argv, dict(os.environ), **more)


class Stack:
    """A supervisor of tiny children, and everything that it reported."""

    def __init__(self, state: Path, mine: children.Children, *specs: supervisor.Spec) -> None:
        self.folder = folder.StateFolder(state).make()
        (state / "logs").mkdir()
        self.said: list[tuple[str, str]] = []
        self.boss = supervisor.Supervisor(
            self.folder, specs, mine, now=base.utc_now, changed=self._note
        )

    def _note(self, name: str, to: process.Process) -> None:
        if to.pid is not None or to.state in process.FINAL:
            self.said.append((name, to.state.value))

    def row(self, name: str) -> dict[str, Any]:
        table = json.loads((self.folder / "processes.json").read_text())
        return next(row for row in table["processes"] if row["name"] == name)

    def order(self, state: State) -> list[str]:
        return [name for name, reached in self.said if reached == state]

    async def reaches(self, name: str, state: State) -> process.Process:
        await waiting.until(
            lambda: self.boss.processes[name].state is state, what=f"{name} {state}"
        )
        return self.boss.processes[name]

    async def pid_after(self, name: str, old: int | None) -> int:
        await waiting.until(
            lambda: (
                self.boss.processes[name].state is State.READY
                and self.boss.processes[name].pid != old
            ),
            what=f"{name} again",
        )
        pid = self.boss.processes[name].pid
        assert pid is not None
        return pid


@contextlib.asynccontextmanager
async def stack(state: Path, *specs: supervisor.Spec) -> AsyncIterator[Stack]:
    with children.Children() as mine:
        it = Stack(state, mine, *specs)
        try:
            yield it
        finally:
            it.boss.hurry()
            await it.boss.stop()


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_starts_in_order_and_stops_the_other_way_round(state: Path) -> None:
    tier = supervisor.Tier
    specs = (
        spec("core", tier=tier.CORE),
        spec("server", tier=tier.SERVER),
        spec("once", "pass", tier=tier.ONCE, once=True, after=("server",)),
        spec("worker", after=("server", "once")),
        spec("backend", after=("server", "once")),
    )
    async with stack(state, *specs) as it:
        await it.boss.start()
        assert it.order(State.READY).index("server") < it.order(State.STARTING).index("once")
        assert it.said.index(("once", "stopped")) < it.said.index(("worker", "starting"))
        assert set(it.order(State.READY)) == {"core", "server", "worker", "backend"}
        await it.boss.stop()
        order = it.order(State.STOPPED)
        assert order[0] == "once"
        assert set(order[1:3]) == {"worker", "backend"}
        assert order[3:] == ["server", "core"]


async def test_processes_json_has_every_fact(state: Path) -> None:
    async with stack(state, spec("one")) as it:
        await it.boss.start()
        row = it.row("one")
        pid = row["pid"]
        assert psutil.Process(pid).create_time() == pytest.approx(row["started_s"], abs=0.02)
        assert row["state"] == "ready"
        assert (row["restarts"], row["last_exit"]) == (0, "")
        assert row["log"] == str(state / "logs" / "one.log")
        os.kill(pid, signal.SIGKILL)
        again = await it.pid_after("one", pid)
        row = it.row("one")
        assert (row["pid"], row["restarts"], row["last_exit"]) == (again, 1, "killed by SIGKILL")


async def test_a_stopped_child_is_left_alone_and_still_stops_in_order(state: Path) -> None:
    async with stack(state, spec("one")) as it:
        await it.boss.start()
        pid = it.boss.processes["one"].pid
        assert pid is not None
        psutil.Process(pid).suspend()
        await waiting.until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
        assert it.boss.processes["one"].pid == pid
        await it.boss.stop()
        assert it.boss.processes["one"].last_exit == "killed by SIGTERM"
        assert not alive(pid)


async def test_what_does_not_listen_is_killed_with_its_group(state: Path) -> None:
    code = "import subprocess, sys\nPIPE = subprocess.PIPE\n"
    code += f"subprocess.Popen([sys.executable, '-c', 'input()'], stdin=PIPE)\n{DEAF}"
    async with stack(state, spec("one", code, grace_s=0.2)) as it:
        await it.boss.start()
        pid = it.boss.processes["one"].pid
        assert pid is not None
        family = psutil.Process(pid).children()
        assert family
        await it.boss.stop()
        assert it.boss.processes["one"].last_exit == "killed by SIGKILL"
        await waiting.until(lambda: not any(alive(p.pid) for p in family))


async def test_a_child_that_cannot_be_started_fails_the_boot_with_its_name(state: Path) -> None:
    broken = supervisor.Spec("broken", ("/nonexistent/binary",), {})
    async with stack(state, broken, spec("waits", after=("broken",))) as it:
        with pytest.raises(errors.StackError, match="broken could not be started"):
            await it.boss.start()
        assert it.row("broken")["state"] == "failed"
        assert it.row("waits")["pid"] is None


async def test_a_failed_one_shot_fails_the_boot_with_its_last_words(state: Path) -> None:
    code = "import sys; sys.exit('no room left')"
    async with stack(state, spec("once", code, once=True)) as it:
        with pytest.raises(errors.StackError) as caught:
            await it.boss.start()
    assert str(caught.value).startswith("once exited with 1. It said: no room left")
    assert str(state / "logs" / "once.log") in str(caught.value)


async def test_what_never_says_ready_fails(state: Path) -> None:
    async with stack(state, spec("mute", "import time; time.sleep(600)", patience_s=0.1)) as it:
        with pytest.raises(errors.StackError, match=r"mute was not ready within 0\.1 s"):
            await it.boss.start()


async def test_an_asked_server_is_ready_when_it_answers(state: Path) -> None:
    answers: list[bool] = [False, False, True]

    async def ask() -> bool:
        return answers.pop(0)

    async with stack(state, spec("server", "import time; time.sleep(600)", answers=ask)) as it:
        await it.boss.start()
        assert answers == []


async def test_done_is_called_once_the_one_shot_succeeded(state: Path) -> None:
    done: list[str] = []
    once = spec("once", "pass", once=True, done=lambda: done.append("once"))
    async with stack(state, once) as it:
        await it.boss.start()
    assert done == ["once"]


async def test_a_stop_during_the_boot_ends_what_runs_and_starts_nothing(state: Path) -> None:
    mute = spec("mute", "import time; time.sleep(600)")
    async with stack(state, mute, spec("waits", after=("mute",))) as it:
        boot = asyncio.ensure_future(it.boss.start())
        await waiting.until(lambda: it.boss.processes["mute"].pid)
        boot.cancel()
        await it.boss.stop()
        assert {p.state for p in it.boss.processes.values()} == {State.STOPPED}
        assert ("waits", "starting") not in it.said


async def test_output_is_appended_and_a_large_log_set_aside(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "LIMIT_BYTES", 10)
    async with stack(state, spec("one", "print('said', flush=True)\n" + STAYS)) as it:
        log = state / "logs" / "one.log"
        log.write_text("short\n")
        await it.boss.start()
        assert log.read_text() == "short\nsaid\n"
        pid = it.boss.processes["one"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await it.pid_after("one", pid)
        assert log.read_text() == "said\n"
        assert log.with_suffix(".log.1").read_text() == "short\nsaid\n"


SAYS_MORE = """
import os, sys, time
print("first, and long", flush=True)
os.write(int(os.environ["MR_READY_FD"]), b"1")
while not os.path.exists("go"):
    time.sleep(0.01)
print("second", flush=True)
time.sleep(600)
"""


async def test_the_log_of_a_living_process_is_set_aside_and_followed(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "LIMIT_BYTES", 10)
    monkeypatch.setattr(supervisor, "LOGS_EVERY_S", 0.01)
    log = state / "logs" / "one.log"
    older = log.with_name("one.log.1")
    async with stack(state, spec("one", SAYS_MORE)) as it:
        with contextlib.closing(follow.Stream("one", str(log), links=False, from_start=True)) as s:
            s.poll(0.0)
            await it.boss.start()
            await waiting.until(lambda: older.exists() and log.stat().st_size == 0)
            assert older.read_text() == "first, and long\n"
            (state / "go").touch()
            await waiting.until(lambda: log.stat().st_size)
            assert log.read_text() == "second\n", "no hole in front of it"
            s.poll(2.0)
            assert s.state(2.0) == "following"
    assert sorted(path.name for path in log.parent.iterdir()) == ["one.log", "one.log.1"]


async def test_a_log_that_cannot_be_copied_is_left_as_it_is(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "LIMIT_BYTES", 10)
    folder.StateFolder(state).make()
    log = state / "one.log"
    log.write_text("all that was said\n")
    (state / "one.log.1").mkdir()
    await logfile.copy_aside(log)
    assert log.read_text() == "all that was said\n"
    assert sorted(path.name for path in state.iterdir()) == ["one.log", "one.log.1"]


def wish(it: Stack, name: str, pid: int | None = None) -> None:
    now = it.boss.processes[name].pid
    wishes.write(it.folder, wishes.Wish(name, pid or now or 0, "asha"))


async def test_a_wished_restart_is_no_failure(state: Path) -> None:
    async with stack(state, spec("one")) as it:
        await it.boss.start()
        for _ in range(process.TRIES + 1):
            pid = it.boss.processes["one"].pid
            wish(it, "one")
            await it.pid_after("one", pid)
        now = it.boss.processes["one"]
        assert (now.failures, now.restarts) == (0, process.TRIES + 1)
        assert now.last_exit == "was restarted by asha"
        assert State.BACKOFF.value not in {said for _, said in it.said}
        assert not list((state / wishes.FOLDER).iterdir())


async def test_a_wish_that_is_not_for_this_very_process_is_let_be(state: Path) -> None:
    async with stack(state, spec("one"), spec("a b%")) as it:
        await it.boss.start()
        before = {name: now.pid for name, now in it.boss.processes.items()}
        wish(it, "one", pid=2**22 + 1)
        wishes.write(it.folder, wishes.Wish("nobody", 1, "asha"))
        (state / wishes.FOLDER / "broken").write_text("{")
        await waiting.until(lambda: not list((state / wishes.FOLDER).iterdir()))
        wish(it, "a b%")  # heard after the others: they have had their answer
        await it.pid_after("a b%", before["a b%"])
        assert it.boss.processes["one"].pid == before["one"]


@pytest.mark.parametrize("suspended", [False, True])
async def test_what_is_wished_stopped_stays_so_until_it_is_wished_to_begin_again(
    state: Path, suspended: bool
) -> None:
    async with stack(state, spec("one"), spec("two")) as it:
        await it.boss.start()
        pid, others = it.boss.processes["one"].pid, it.boss.processes["two"].pid
        assert pid is not None
        if suspended:
            psutil.Process(pid).suspend()
        wishes.write(it.folder, wishes.Wish("one", pid, "asha", stays=True))
        now = await it.reaches("one", State.STOPPED)
        assert (now.pid, now.last_exit, now.failures) == (None, "was stopped by asha", 0)
        assert (it.row("one")["state"], it.row("one")["last_exit"]) == ("stopped", now.last_exit)
        assert not alive(pid)
        wish(it, "two")  # heard while the one is stopped: it is not started by that
        await it.pid_after("two", others)
        assert it.boss.processes["one"].state is State.STOPPED
        wish(it, "one")
        await it.pid_after("one", pid)
        assert it.boss.processes["one"].last_exit == "was restarted by asha"
        assert State.BACKOFF.value not in {said for _, said in it.said}


@contextlib.asynccontextmanager
async def waiting_to_begin(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Stack, int]]:
    """A stack whose one process was killed, and waits for longer than a test; its last pid."""
    monkeypatch.setattr(process, "FIRST_DELAY_S", 600.0)
    monkeypatch.setattr(process, "LONGEST_DELAY_S", 600.0)
    async with stack(state, spec("one")) as it:
        await it.boss.start()
        pid = it.boss.processes["one"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await it.reaches("one", State.BACKOFF)
        yield it, pid


async def test_what_ends_again_and_again_can_be_stopped_and_is_still_stopped_at_the_end(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with waiting_to_begin(state, monkeypatch) as (it, _):
        wishes.write(it.folder, wishes.Wish("one", 0, "asha", stays=True))
        await it.reaches("one", State.STOPPED)
        await it.boss.stop()
        assert it.boss.processes["one"].last_exit == "was stopped by asha"


async def test_what_waits_to_begin_again_begins_at_once_when_that_is_wished(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with waiting_to_begin(state, monkeypatch) as (it, pid):
        wishes.write(it.folder, wishes.Wish("one", 0, "asha"))
        await it.pid_after("one", pid)
        assert it.boss.processes["one"].last_exit == "was restarted by asha"


async def test_a_stop_that_is_not_for_this_very_process_is_let_be(state: Path) -> None:
    async with stack(state, spec("one"), spec("two")) as it:
        await it.boss.start()
        before = it.boss.processes["one"], it.boss.processes["two"].pid
        wishes.write(it.folder, wishes.Wish("one", 2**22 + 1, "asha", stays=True))
        await waiting.until(lambda: not list((state / wishes.FOLDER).iterdir()))
        wish(it, "two")
        await it.pid_after("two", before[1])
        assert it.boss.processes["one"] == before[0]


async def test_a_deaf_process_is_killed_after_its_grace_and_begins_anew(state: Path) -> None:
    async with stack(state, spec("one", DEAF, grace_s=0.2)) as it:
        await it.boss.start()
        pid = it.boss.processes["one"].pid
        wish(it, "one")
        await it.pid_after("one", pid)


async def test_a_stop_wins_over_a_wish(state: Path) -> None:
    async with stack(state, spec("one", DEAF)) as it:
        await it.boss.start()
        wish(it, "one")
        await it.reaches("one", State.STOPPING)
        it.boss.hurry()
        await it.boss.stop()
        assert it.boss.processes["one"].state is State.STOPPED
