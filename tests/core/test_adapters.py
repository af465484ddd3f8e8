"""Adapters: the pinned script for real; docker, kubectl, pm2 and systemd as recorded."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from mrcore import adapters, errors
from mrcore.adapters import base, command, script
from tests import standins, waiting

STARTED = datetime.fromtimestamp(standins.STARTED_S, UTC)
UNITS: dict[str, dict[str, Any]] = {
    "systemctl": {"adapter": "systemd", "unit": "mr-worker.service"},
    "docker": {"adapter": "docker", "unit": "api-blue"},
    "pm2": {"adapter": "pm2", "unit": "api"},
    "kubectl": {"adapter": "kubectl", "unit": "api", "namespace": "prod", "context": "east"},
}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recorded tools, first on PATH, and a PM2_HOME with a daemon's socket."""
    standins.lay(tmp_path / "bin")
    (tmp_path / "pm2").mkdir()
    (tmp_path / "pm2" / "rpc.sock").touch()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PM2_HOME", str(tmp_path / "pm2"))
    return tmp_path / "bin"


@pytest.mark.parametrize("tool", UNITS)
async def test_a_unit_is_asked_and_restarted(tools: Path, tool: str) -> None:
    unit = adapters.build(UNITS[tool])
    before = await unit.state()
    assert (before.state, before.why) == ("ready", "")
    assert before.since is not None
    assert before.since.replace(microsecond=0) == STARTED
    assert unit.name in await unit.restart()
    after = await unit.state()
    assert (before.pid, before.since, before.restarts) != (after.pid, after.since, after.restarts)
    assert after.state == "ready"
    standins.know(tools, tool, state="down")
    down = await unit.state()
    assert (down.state, bool(down.why)) == ("failed", True)


@pytest.mark.parametrize("tool", UNITS)
async def test_a_unit_that_the_tool_does_not_know(tools: Path, tool: str) -> None:
    unit = adapters.build(UNITS[tool] | {"unit": "nobody"})
    with pytest.raises(errors.NotFound, match="nobody"):
        await unit.state()


@pytest.mark.parametrize(
    ("tool", "needs"),
    [
        ("systemctl", "{user} ALL=(root) NOPASSWD: {bin}/systemctl restart mr-worker.service"),
        ("docker", "usermod -aG docker {user}"),
        ("pm2", "run the core as that user"),
        ("kubectl", "--user=system:serviceaccount:ops:mrcore"),
    ],
)
async def test_a_missing_right_is_said_as_the_line_that_gives_it(
    tools: Path, tool: str, needs: str
) -> None:
    unit = adapters.build(UNITS[tool])
    standins.know(tools, tool, refuses=True)
    with pytest.raises(errors.NotPermitted) as caught:
        await unit.restart()
    assert needs.format(user=getpass.getuser(), bin=tools) in caught.value.fix


@pytest.mark.parametrize(
    ("tool", "more", "refuser"),
    [
        ("systemctl", {"sudo": True}, "sudo"),
        ("docker", {}, "docker"),
        ("pm2", {}, "pm2"),
        ("kubectl", {}, "kubectl"),
    ],
)
async def test_a_right_is_known_before_it_is_used(
    tools: Path, tool: str, more: dict[str, Any], refuser: str
) -> None:
    unit = adapters.build(UNITS[tool] | more)
    before = standins.know(tools, tool)
    assert (await unit.allowed()).endswith(".")
    standins.know(tools, refuser, refuses=True)
    with pytest.raises(errors.NotPermitted) as caught:
        await unit.allowed()
    assert caught.value.fix
    after = standins.know(tools, tool)
    assert (after["pid"], after["restarts"]) == (before["pid"], before["restarts"])


async def test_polkit_does_not_tell_before_it_is_tried(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = adapters.build(UNITS["systemctl"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(errors.Unsupported, match="only when it is tried") as caught:
        await unit.allowed()
    assert f"NOPASSWD: {tools}/systemctl restart mr-worker.service" in caught.value.fix
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert await unit.allowed() == "root may restart every unit."


async def test_sudo_is_used_only_where_it_is_said_and_never_asks(tools: Path) -> None:
    unit = adapters.build(UNITS["systemctl"] | {"sudo": True})
    before = await unit.state()
    await unit.restart()
    assert (await unit.state()).pid != before.pid
    standins.know(tools, "sudo", refuses=True)
    assert (await unit.state()).state == "ready"
    with pytest.raises(errors.NotPermitted) as caught:
        await unit.restart()
    assert "sudo = true" not in caught.value.fix


async def test_details_of_the_tools(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    container, app = adapters.build(UNITS["docker"]), adapters.build(UNITS["pm2"])
    assert (await container.state()).version == "mentor/api:2026.03.1"
    standins.know(tools, "docker", health="unhealthy")
    assert "unhealthy" in (await container.state()).why
    standins.know(tools, "pm2", state="down")
    assert (await app.state()).why == "1 of 2 instances are online"
    (Path(os.environ["PM2_HOME"]) / "rpc.sock").unlink()
    with pytest.raises(errors.Unreachable, match="No pm2 daemon lives in"):
        await app.state()  # asking would start one


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"adapter": "ansible"}, "docker, kubectl, pm2, script, systemd"),
        ({"adapter": "docker", "unit": "--privileged"}, "unit"),
        ({"adapter": "docker", "unit": "a", "shell": "x"}, "shell"),
        ({"adapter": "script", "argv": ["x.sh"], "sha256": "0" * 64, "pid_file": "/x"}, "absolute"),
        ({"adapter": "script", "argv": ["/x.sh"], "sha256": "abc", "pid_file": "/x"}, "sha256"),
    ],
)
def test_wrong_settings_are_a_sentence(tools: Path, table: dict[str, Any], says: str) -> None:
    with pytest.raises(errors.SettingsError, match=says):
        adapters.build(table, where="sources.deploy.units.x")


def test_a_tool_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(errors.SettingsError, match="docker is not on the PATH"):
        adapters.build(UNITS["docker"])


# -- running


async def test_at_its_deadline_a_tool_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = f"sleep 600 & echo $! $$ > {pids}.new; mv {pids}.new {pids}; wait"
    running = asyncio.ensure_future(command.run(["/bin/sh", "-c", code], deadline_s=600))
    await waiting.until(pids.exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    both = [int(pid) for pid in pids.read_text().split()]
    await waiting.until(lambda: not any(map(_alive, both)), what="their end")
    with pytest.raises(errors.Unreachable, match=r"did not end within 0.05 s and was killed"):
        await command.run(["/bin/sleep", "600"], deadline_s=0.05)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a program that runs as root")
async def test_what_may_not_be_killed_is_said_to_go_on() -> None:
    """A tool under sudo is root's: who started it may not end it."""
    setpriv = shutil.which("setpriv") or pytest.skip("needs setpriv")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        tool = Path(folder) / "as-root"
        shutil.copy(setpriv, tool)
        tool.chmod(0o4755)
        said = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", _AS_NOBODY, tool], capture_output=True, text=True
        )
        assert f"{tool} did not end within 0.5 s and could not be killed" in said.stdout, said
        pid = int(said.stdout.split()[-1])
        assert psutil.Process(pid).name() == "sleep"
        psutil.Process(pid).kill()


_AS_NOBODY = """
import asyncio, os, sys, psutil
from mrcore import errors
from mrcore.adapters import command
os.setgroups([]), os.setgid(65534), os.setuid(65534)
argv = [sys.argv[1], "--reuid", "0", "sleep", "600"]
try:
    asyncio.run(command.run(argv, deadline_s=0.5))
except errors.Unreachable as error:
    print(error, psutil.Process().children()[0].pid)
"""


async def test_what_it_leaves_in_the_background_goes_on_and_is_not_waited_for(
    tmp_path: Path,
) -> None:
    said = await command.run(["/bin/sh", "-c", "sleep 600 & echo $!"], deadline_s=20)
    pid = int(said.out)
    assert _alive(pid)
    psutil.Process(pid).kill()


async def test_only_the_end_of_much_output_is_kept() -> None:
    code = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done"
    said = await command.run(["/bin/sh", "-c", code], deadline_s=60)
    assert said.cut
    assert len(said.out) <= command.CAP_BYTES
    assert said.out.endswith("line 19999\n")


async def test_a_tool_is_told_nothing_that_it_need_not_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "s3cr3t")
    said = await command.run(["/usr/bin/env"], deadline_s=20)
    names = {line.split("=")[0] for line in said.out.splitlines()}
    assert names <= {"PATH", "HOME", "USER", "LOGNAME", "LC_ALL", "TZ", "PWD", "SHLVL", "_"}


def test_last_words_hide_secrets() -> None:
    said = command.Said(1, "", "connecting\npassword=hunter22 refused\n")
    assert "hunter22" not in said.last_words()
    assert "refused" in said.last_words()


# -- the pinned script


@pytest.fixture
def pinned(tmp_path: Path) -> Callable[..., script.Pinned]:
    """Write a script and pin it."""

    def make(text: str, *arguments: str) -> script.Pinned:
        path = tmp_path / "it.sh"
        path.write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return script.Pinned(script.Pin(argv=(str(path), *arguments), sha256=digest))

    return make


async def test_a_pinned_script_runs_in_its_folder_without_a_shell(
    pinned: Callable[..., script.Pinned], tmp_path: Path
) -> None:
    it = pinned("#!/bin/sh\npwd\nprintf '[%s]' \"$@\"\n", "{colour}", "$(id)", "a {colour} b")
    said = await it.run({"colour": "green; id"})
    assert said.code == 0
    assert said.out == f"{tmp_path}\n[green; id][$(id)][a {{colour}} b]"


async def test_another_content_is_refused_with_both_hashes(
    pinned: Callable[..., script.Pinned], tmp_path: Path
) -> None:
    it = pinned("#!/bin/sh\ntouch done\n")
    it.path.write_text("#!/bin/sh\ntouch evil\n")
    found = hashlib.sha256(it.path.read_bytes()).hexdigest()
    with pytest.raises(errors.NotPermitted, match=found):
        await it.allowed()
    with pytest.raises(errors.NotPermitted) as caught:
        await it.run()
    assert found in str(caught.value)
    assert it.pin.sha256 in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["it.sh"]


async def test_what_runs_is_what_was_compared(
    pinned: Callable[..., script.Pinned], tmp_path: Path
) -> None:
    """The script rewrites its own file while it runs: a shell reads its script bit by bit."""
    text = f"#!/bin/sh\nprintf '#!/bin/sh\\necho evil\\n' > {tmp_path}/it.sh\necho good\n"
    said = await pinned(text).run()
    assert said.out == "good\n"


async def test_no_script_no_pipe_no_giant(
    pinned: Callable[..., script.Pinned], tmp_path: Path
) -> None:
    it = pinned("#!/bin/sh\n")
    it.path.unlink()
    with pytest.raises(errors.NotFound, match="There is no script"):
        await it.run()
    os.mkfifo(it.path)
    with pytest.raises(errors.NotPermitted, match="not a regular file"):
        await it.digest()
    it.path.unlink()
    it.path.write_bytes(b"x" * (script.MOST_BYTES + 1))
    with pytest.raises(errors.NotPermitted, match="larger than 1 MiB"):
        await it.digest()
    it = pinned("no shebang")
    with pytest.raises(errors.Unreachable, match="cannot be started"):
        await it.run()


@pytest.mark.parametrize(
    ("text", "state", "why"),
    [(None, "stopped", "there is no"), ("4194304", "failed", "is gone")],
)
async def test_a_pid_file_without_a_process(
    tmp_path: Path, text: str | None, state: str, why: str
) -> None:
    file = tmp_path / "it.pid"
    if text:
        file.write_text(text)
    argv = ["/bin/true"]
    table = {"adapter": "script", "argv": argv, "sha256": "0" * 64, "pid_file": str(file)}
    now = await adapters.build(table).state()
    assert now.state == state
    assert why in now.why
    file.write_text("no pid")
    with pytest.raises(errors.Unreachable, match="has no pid"):
        await adapters.build(table).state()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-01T12:00:00.123456789Z", datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)),
        ("2026-03-01T12:00:00.5Z", datetime(2026, 3, 1, 12, 0, 0, 500000, UTC)),
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("soon", None),
        (None, None),
    ],
)
def test_instants_of_tools(text: str | None, at: datetime | None) -> None:
    assert base.instant(text) == at


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
