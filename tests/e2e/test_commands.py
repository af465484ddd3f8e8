"""The commands beside the screen: what they print, and their exit codes."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from mrcore import client
from mrcore.model import queue
from tests import waiting
from tests.e2e import finding, running

pytestmark = pytest.mark.xdist_group("stack")


async def test_check_says_in_one_line_and_a_code_how_it_is(
    stack: running.Stack, core: client.CoreClient, tmp_path: Path
) -> None:
    await finding.failed_job(core)

    async def in_trouble() -> bool:
        done = stack.mrtui("check", check=False)
        assert done.stdout.count("\n") == 1
        glyph, word, _ = done.stdout.split(maxsplit=2)
        known = {0: ("●", "ok:"), 1: ("▲", "warn:"), 2: ("✖", "bad:"), 3: ("?", "unknown:")}
        assert known[done.returncode] == (glyph, word)
        named = re.search(
            r": (queue emailQueue|session|alert|check) ", done.stdout
        )  # the worst first
        return done.returncode in (1, 2) and named is not None

    await waiting.until(in_trouble)
    nobody = running.mrtui("check", "--state", str(tmp_path / "nobody"))
    assert nobody.returncode == 3
    assert "No core runs" in nobody.stdout


async def test_a_program_plans_and_retries_with_what_up_said(
    stack: running.Stack, core: client.CoreClient, tmp_path: Path
) -> None:
    job = await finding.failed_job(core)
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text(stack.ready["token"])
    where = ("--core", stack.ready["control"], "--token-file", str(token), "--json")
    planned = running.mrtui("do", "queue.retry", f"mr://{job.ref}", "--plan", *where)
    assert planned.returncode == 0, planned.stderr
    plan = json.loads(planned.stdout)
    assert (plan["total"], plan["action"], plan["risk"]) == (1, "queue.retry", "low")
    assert plan["samples"][0]["ref"] == job.ref
    still = (await core.detail(job.ref)).entity
    assert isinstance(still, queue.Job)
    assert (still.state, still.attempts) == (queue.JobState.FAILED, job.attempts)
    applied = running.mrtui("do", "queue.retry", job.ref, "--reason", "as a program", *where)
    assert applied.returncode == 0, applied.stderr
    operation = json.loads(applied.stdout)
    assert (operation["done"], operation["state"]) == (1, "done")
    assert operation["reason"] == "as a program"


def test_what_cannot_be_done_has_a_code_and_a_sentence(stack: running.Stack) -> None:
    gone = stack.mrtui("do", "queue.retry", "huey/job/emailQueue/nothing", "--json", check=False)
    assert gone.returncode == 1
    assert json.loads(gone.stdout)["left_out"][0]["count"] == 1
    for words in (("queue.explode", "huey/job/a/b"), ("queue.retry", "no ref")):
        refused = stack.mrtui("do", *words, check=False)
        assert refused.returncode == 2
        assert refused.stderr.startswith("mrtui: ")
        assert "Traceback" not in refused.stderr


async def test_the_readmes_shell_works_as_it_is_written(
    stack: running.Stack, core: client.CoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await finding.failed_job(core)
    told = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    block = told.partition("## In a shell")[2].split("```")[1]
    lines = [shlex.split(line, comments=True) for line in block.splitlines() if line]
    assert lines[1][1].startswith("MR_STATE=")
    monkeypatch.setenv("MR_STATE", str(stack.state))
    for program, *words in lines[2:]:
        done = getattr(running, program)(*words)
        says_how = words[0] in ("check", "envs")
        assert done.returncode in ((0, 1, 2, 3) if says_how else (0,)), (words, done.stderr)
        assert done.stdout, words
        assert done.stderr == "", words


def test_a_process_started_by_hand_joins_the_stack(stack: running.Stack, tmp_path: Path) -> None:
    done = running.mrcore("rqworker", "--burst", "--state", str(stack.state))
    assert done.returncode == 0, done.stderr
    again = running.mrcore("seed", "--seed", "7", "--state", str(stack.state))
    assert again.returncode == 0, again.stderr
    assert "0 rows written" in again.stdout
    away = running.mrcore("worker", "--state", str(tmp_path))
    assert away.returncode == 2
    assert "No stack runs in" in away.stderr
    assert (stack.state / "mentor.json").stat().st_mode & 0o077 == 0
