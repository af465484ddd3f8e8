"""The stack as a program sees it: its ready line, its secrets, one a folder, and its end."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
import redis

from tests import waiting
from tests.e2e import running

pytestmark = pytest.mark.xdist_group("stack")


async def test_the_ready_line_leads_everywhere(stack: running.Stack) -> None:
    ready = stack.ready
    names = "control socket token postgres redis backends switch bull_board logs state"
    assert set(ready) == set(names.split())
    connection = await asyncpg.connect(ready["postgres"])
    assert await connection.fetchval("SELECT count(*) FROM users") > 0
    await connection.close()
    with redis.from_url(ready["redis"]) as valkey:
        assert valkey.ping()
    async with httpx.AsyncClient(timeout=waiting.LONG_S) as web:
        for url in ready["backends"].values():
            health = await web.get(f"{url}/api/health")
            assert health.json()["status"] == "OK"
        refused = await web.get(f"{ready['control']}/api/v1/me")
        assert refused.status_code == 401
        bearer = {"Authorization": f"Bearer {ready['token']}"}
        allowed = await web.get(f"{ready['control']}/api/v1/me", headers=bearer)
        assert allowed.json()["environment"] == "local"
    assert set(ready["bull_board"]) == {"username", "password"}


def test_a_second_up_on_the_folder_is_refused_with_a_sentence(stack: running.Stack) -> None:
    argv = [*running.MRCORE, "up", "--json", "--state", str(stack.state)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert str(stack.supervisor.pid) in done.stderr
    assert not done.stdout
    assert "Traceback" not in done.stderr


def test_secrets_are_in_no_argv_and_in_no_readable_file(stack: running.Stack) -> None:
    secrets = [stack.ready["token"], stack.ready["bull_board"]["password"]]
    secrets += [stack.ready[name].split("@")[0].rsplit(":", 1)[1] for name in ("postgres", "redis")]
    words = " ".join(" ".join(p.cmdline()) for p in stack.family())
    logs = "".join(f.read_text(errors="replace") for f in (stack.state / "logs").glob("*.log"))
    assert not [s for s in secrets if s in words or s in logs]
    files = [stack.state / n for n in ("stack.json", "settings.json", "token", "core.json")]
    assert {stat.S_IMODE(f.stat().st_mode) & 0o077 for f in files} == {0}
    assert stat.S_IMODE(Path(stack.ready["socket"]).stat().st_mode) & 0o077 == 0


def test_however_a_stack_ends_nothing_is_left_and_its_folder_is_free(state: Path) -> None:
    with running.stack(state) as killed:
        before = killed.family()
        running.kill(killed.supervisor.pid)
        killed.supervisor.wait(10)
        with running.stack(state) as again:  # at once, while what was left still ends
            assert again.supervisor.pid != killed.supervisor.pid
            assert json.loads((again.state / "stack.json").read_text()) == again.ready
            assert again.ready["postgres"].split("@")[0] == killed.ready["postgres"].split("@")[0]
            family = again.family()
            assert len(family) >= 9, {p.name() for p in family}
    assert running.gone([*before, *family]) == []
    assert not psutil.pid_exists(again.supervisor.pid) or again.supervisor.poll() == 0
