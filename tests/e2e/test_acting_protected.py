"""A protected core in real terminals: arming, a second login, broken glass, what outlives both."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis

from mrcore.journal import keys
from tests.core import journals, test_serve
from tests.e2e import running, terminal

pytestmark = pytest.mark.xdist_group("stack")

QUEUE = keys.Root().queue("manyQueue")
PLANNED, JOBS = 20_000, 10_000
"""So many that planning takes longer than a moment, and that doing them takes some seconds."""

DATABASE = 7
"""Of the stack's Valkey: nothing of the stack looks there."""


@dataclass
class Room:
    """A protected core over the stack's Valkey and its colours, which can be killed."""

    state: Path
    url: str
    live: Path
    valkey: Any
    _core: ExitStack = field(default_factory=ExitStack)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, and wait until it is ready."""
        self._process = self._core.enter_context(test_serve.serving(self.state))

    def kill(self) -> None:
        """`kill -9`, and wait for its end."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def close(self) -> None:
        """End whatever runs."""
        self._core.close()

    @contextlib.contextmanager
    def seen_by(self, login: str) -> Iterator[terminal.Terminal]:
        """A login's terminal, by its token over TCP."""
        url = test_serve.facts(self.state)["control"]
        argv = [*running.MRTUI, url, "--token-file", str(self.state / login)]
        with terminal.run(argv, columns=120, rows=30, kind=terminal.Terminal) as screen:
            screen.until(r"mr ▸ prod +● live")
            yield screen


@pytest.fixture(scope="module")
def room(stack: running.Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """The core, with a token each for asha and ravi."""
    state = tmp_path_factory.mktemp("protected") / "core"
    state.mkdir(mode=0o700)
    deploy = json.loads((stack.state / "settings.json").read_text())["sources"]["deploy"]
    live = state / "current"
    live.write_text("blue\n")
    deploy["switch"]["argv"][-1] = deploy["current"] = str(live)
    url = f"{stack.ready['redis'].rpartition('/')[0]}/{DATABASE}"
    settings = {
        "environment": "prod",
        "protected": True,
        "listen": "127.0.0.1:0",
        "audit_anchor": str(state.with_name("anchor.json")),
        "sources": {"huey": {"kind": "huey", "url": url}, "deploy": {**deploy, "kind": "deploy"}},
    }
    (state / "settings.json").write_text(json.dumps(settings))
    for login in ("asha", "ravi"):
        made = running.mrcore("token", "create", login, "--role", "admin", "--state", str(state))
        (state / login).touch(mode=0o600)
        (state / login).write_text(made.stdout)
    with redis.from_url(url) as valkey:
        opened = Room(state, url, live, valkey)
        opened.start()
        yield opened
        opened.close()
        valkey.flushdb()


def arm(screen: terminal.Terminal) -> None:
    """Arm with a reason, unless that lasts from a test before."""
    if "not armed" not in screen.text:
        return
    screen.press("A")
    screen.until(r"(?s)─ Arm prod .*minutes 15")
    screen.press("INC-42", "enter")
    screen.until(r"▲ armed 1[45]:\d\d INC-42")


def ask_for_green(screen: terminal.Terminal) -> str:
    """Ask for the approval of a switch; the name of the plan that waits."""
    screen.go("deploy")
    screen.until(r"● green")
    if "▸ ● green" not in screen.text:
        screen.press("down")
    screen.until(r"(?s)▸ ● green.*S send traffic here")
    screen.press("S")
    screen.until(r"(?s)─ Send the traffic to: green .*type green.*Ask for approval")
    screen.press("right", "enter")
    screen.until(r"Type green to confirm\.")
    screen.press("green", "enter", "right", "enter")
    found = re.search(r"plan (\w{4}) waits", screen.until(r"◌ plan \w{4} waits for a second login"))
    assert found is not None
    return found[1]


def open_plan(screen: terminal.Terminal, name: str, offered: str) -> None:
    """Enter on the plan that waits."""
    screen.go("plans")
    screen.until(rf"▸ . {name}")
    screen.press("enter")
    screen.until(rf"(?s)─ Send the traffic to: green · plan {name} .*{offered}")


def test_a_critical_plan_is_approved_by_a_second_login_and_applied(room: Room) -> None:
    with room.seen_by("asha") as asha, room.seen_by("ravi") as ravi:
        asha.until("not armed")
        asha.go("deploy")
        asha.until(r"▸ ● blue")
        asha.press("down", "S")
        asha.until("not armed: A arms")
        arm(asha)
        before = re.search(r"armed (\d+:\d\d)", asha.text)
        assert before is not None
        asha.until(lambda text: "armed " in text and before[1] not in text)
        asha.until(lambda _: _titled(asha, "mr prod armed 14 min INC-42"))
        plan = ask_for_green(asha)
        ravi.until("1 plan waits")
        open_plan(ravi, plan, r"green +\(127.*asked by +asha: INC-42.*Refuse +Approve")
        ravi.press("right", "right", "enter")
        asha.until(f"● plan {plan} was approved by ravi")
        open_plan(asha, plan, r"approved +● by ravi.*Apply to 1")
        assert room.live.read_text().strip() == "blue"
        asha.press("left", "green", "enter", "right", "enter")
        asha.until(r"● 1 of 1 done · operation \d+: Send the traffic to: green")
        assert room.live.read_text().strip() == "green"


def _titled(screen: terminal.Terminal, said: str) -> bool:
    titles = re.findall(rb"\x1b\]2;([^\x1b\x07]+)", bytes(screen.raw))
    return any(re.search(said, title.decode()) for title in titles)


def test_a_refused_plan_stays_undone_and_broken_glass_is_loud_and_on_record(room: Room) -> None:
    room.live.write_text("blue\n")
    with room.seen_by("asha") as asha, room.seen_by("ravi") as ravi:
        arm(asha)
        refused = ask_for_green(asha)
        open_plan(ravi, refused, "Refuse +Approve")
        ravi.press("right", "enter")
        ravi.until(r"Refuse needs a reason\.")
        ravi.press("not now", "enter", "right", "enter")
        asha.until(f"✖ plan {refused} was refused by ravi: not now")
        ravi.until(r"● .* · operation \d+: Refuse plan")
        open_plan(asha, refused, "refused +✖ by ravi: not now.*Break the glass")
        asha.press("right", "enter")
        asha.until(r"Type green to confirm\.")
        asha.press("green", "enter", "right", "enter")
        ravi.until("✖ GLASS BROKEN by asha: Send the traffic to: green")
        asha.until("✖ GLASS BROKEN by asha")
        asha.go("operations")
        asha.until(r"● +\d+ done +Send the traffic.*✖ asha, ")
        assert room.live.read_text().strip() == "green"
        asha.go("audit")
        asha.filter("against ravi")
        asha.until(r"\n\W+\d+ .* asha +.*(break|broke|glass|approval)")


def fail(room: Room, count: int) -> None:
    """So many failed jobs: one that has failed, and others like it."""
    with journals.desk(room.url, "manyQueue") as desk:

        @desk.huey.task(name="send")
        def send(number: int) -> None:
            raise OSError("535 refused")

        send(0)
        desk.run_all()
        (one,) = desk.ids("failed")
        fields = desk.conn.hgetall(QUEUE.job(one))
        pipeline = desk.conn.pipeline(transaction=False)
        for number in range(1, count):
            other = str(uuid.uuid4())
            message = {b"message": fields[b"message"].replace(one.encode(), other.encode())}
            pipeline.hset(QUEUE.job(other), mapping={**fields, **message})
            pipeline.zadd(QUEUE.state("failed"), {other: 1.7e9 + number})
        pipeline.execute()


def plan_all(screen: terminal.Terminal) -> None:
    """Ask for all failed jobs to be run again."""
    screen.press("2")
    screen.until(r"(?s)▸ . manyQueue.*R retry all failed")
    screen.press("R")


def test_an_operation_outlives_the_terminal_and_the_core_and_does_each_target_once(
    room: Room,
) -> None:
    fail(room, PLANNED)
    with room.seen_by("asha") as asha:
        arm(asha)
        plan_all(asha)
        asha.until(r"planning: [\d,]+ of 20,000 .* esc stops")
        asha.press("esc")
        asha.until("planning was stopped; nothing was done")
        assert room.valkey.zcard(QUEUE.state("failed")) == PLANNED
        room.valkey.zremrangebyrank(QUEUE.state("failed"), 0, PLANNED - JOBS - 1)
        plan_all(asha)
        asha.until(r"(?s)─ Retry failed job .*10,000 jobs.*Apply to 10,000")
        asha.press("right", "enter")
        asha.until(r"◌ [\d,]+ of 10,000 done.* · operation \d+")
        asha.go("operations")
        asha.until(r"(?s)▸ ◌ +\d+ running +Retry failed job.*P pause")
        asha.press("P")
        asha.until(r"▸ ‖ +\d+ paused +Retry failed job")
    room.kill()
    done = JOBS - room.valkey.zcard(QUEUE.state("failed"))
    assert 0 < done < JOBS
    room.start()
    with room.seen_by("asha") as asha:
        asha.until(r"▲ armed 1[0-4]:\d\d INC-42")
        asha.go("operations")
        asha.filter("paused")
        asha.until(rf"(?s)▸ ‖ +\d+ paused +Retry failed job[^\n]* {done:,} of 10,000.*P resume")
        asha.press("P")
        asha.until(r"● .* · operation \d+: Resume operation")
        asha.press("esc")
        asha.until(r"● +\d+ done +Retry failed job.* 10,000 of 10,000 done", timeout_s=60)
    with journals.desk(room.url, "manyQueue") as desk:
        assert (desk.queued(), desk.ids("failed")) == (JOBS, [])


def test_a_changed_row_of_the_audit_is_found(room: Room) -> None:
    verify = ("audit", "verify", "--state")
    whole = running.mrcore(*verify, str(room.state))
    assert whole.returncode == 0, whole.stdout + whole.stderr
    copied = room.state.with_name("copied")
    shutil.copytree(room.state, copied, ignore=lambda _, names: {n for n in names if "lite" in n})
    with (
        contextlib.closing(sqlite3.connect(room.state / "ledger.sqlite")) as ledger,
        contextlib.closing(sqlite3.connect(copied / "ledger.sqlite")) as other,
    ):
        ledger.backup(other)
        other.execute("DROP TRIGGER audit_keeps_words")
        changed = "UPDATE audit SET body = replace(body, 'asha', 'ravi') WHERE seq = 3"
        assert other.execute(changed).rowcount == 1
        other.commit()
    found = running.mrcore(*verify, str(copied))
    assert found.returncode == 1, found.stdout + found.stderr
    assert "Row 3 was changed" in found.stdout + found.stderr
