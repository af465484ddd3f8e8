"""How a child starts: tied to its parent's life, never as root where root is refused."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mrcore.stack import probes, services, spawn
from tests import servers

TIE = """
import ctypes, os
tie = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(tie), 0, 0, 0)  # PR_GET_PDEATHSIG
print(os.getuid(), os.getgid(), os.getgroups(), tie.value)
"""
TOO_LATE = """
import os
from mrcore.stack import spawn
prepare = spawn.before_exec()
if (middle := os.fork()) == 0:
    # Not the parent that `prepare` knows: what it starts ends before its exec.
    if (child := os.fork()) == 0:
        prepare()
        os._exit(0)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(os.waitstatus_to_exitcode(os.waitpid(middle, 0)[1]))
"""
CAPABILITY = "CapEff:\t0000000000000002"  # CAP_DAC_OVERRIDE and nothing else

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root has something to give up")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux's prctl")


def run(*argv: str, death: signal.Signals = signal.SIGKILL, drop_root: bool = False) -> str:
    prepare = spawn.before_exec(death, drop_root=drop_root)
    done = subprocess.run(
        argv, capture_output=True, text=True, preexec_fn=prepare, check=False, timeout=30
    )
    assert done.returncode == 0, (argv, done.returncode, done.stderr)
    return done.stdout.strip()


@on_linux
@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGINT])
def test_a_child_gets_its_signal_when_we_die(death: signal.Signals) -> None:
    said = run(sys.executable, "-I", "-S", "-c", TIE, death=death)
    assert said.endswith(f" {int(death)}")


@on_linux
@as_root
def test_who_leaves_root_is_nobody_still_tied_and_has_one_capability(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    said = run("/bin/cat", "/proc/self/status", drop_root=True)
    ids = "\t".join([str(nobody.pw_uid)] * 4)
    assert f"Uid:\t{ids}" in said
    assert CAPABILITY in said
    assert "Groups:\t \n" in said
    # Its binary and its data may lie where only root can enter; initdb asks access(2) for them.
    tmp_path.chmod(0o700)
    tool = tmp_path / "private" / "tool"
    tool.parent.mkdir(mode=0o700)
    shutil.copy2("/bin/true", tool)
    run("/usr/bin/test", "-x", str(tool), drop_root=True)
    run(str(tool), drop_root=True)


@on_linux
def test_a_child_whose_parent_died_first_does_not_start() -> None:
    assert run(sys.executable, "-c", TOO_LATE) == "1"


def test_free_ports_are_different_free_and_not_for_outgoing_connections() -> None:
    ports = services.free_ports(50)
    assert len(set(ports)) == 50
    assert all(20000 <= port < 32000 for port in ports)
    with socket.create_server(("127.0.0.1", ports[0])):
        pass


async def test_probes_tell_a_server_from_anything_else(
    postgres: servers.Postgres, valkey: servers.Valkey
) -> None:
    assert await probes.postgres(postgres.port, "mr_admin")
    assert not await probes.postgres(valkey.port, "mr_admin")
    assert not await probes.postgres(services.free_port(), "mr_admin")
    assert await probes.valkey(valkey.port)
    assert not await probes.valkey(postgres.port)
    assert not await probes.valkey(services.free_port())
    assert await probes.reachable("127.0.0.1", valkey.port)
    assert not await probes.reachable("127.0.0.1", services.free_port())
