"""`python -m tests.core.small_stack STATE [CODE]`: the real servers and one tiny child.

The child has a child of its own in another session, as Postgres and RQ make them. With CODE the
stack is only a one-shot of that Python code.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from mrcore import folder
from mrcore.settings import Settings
from mrcore.sources import base
from mrcore.stack import boot, plan, supervisor

CHILD = """
import os, subprocess, sys
inner = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
subprocess.Popen(inner, start_new_session=True)
os.write(int(os.environ["MR_READY_FD"]), b"1")
import time; time.sleep(600)
"""
SERVERS = ("initdb", "postgres", "valkey")


def parts(whole: plan.Plan) -> list[supervisor.Spec]:
    """Two servers as the whole stack has them, then the child."""
    servers = [spec for spec in whole.specs() if spec.name in SERVERS]
    after = tuple(spec.name for spec in servers)
    argv = (sys.executable, "-I", "-S", "-c", CHILD)
    return [*servers, supervisor.Spec("child", argv, whole.env(), after=after)]


def one_shot(whole: plan.Plan) -> list[supervisor.Spec]:
    """Only a one-shot that runs the code of the command line."""
    argv = (sys.executable, "-I", "-S", "-c", sys.argv[2])
    return [supervisor.Spec("seed", argv, whole.env(), once=True)]


def up(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `mrcore up` to its end: for what it refuses."""
    argv = [sys.executable, "-m", "mrcore", "up", "--state", str(state), *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def _ready(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def _tell(step: boot.Step) -> None:
    print(f"{step.name} {step.state} {step.why}".strip(), file=sys.stderr, flush=True)


if __name__ == "__main__":
    asyncio.run(
        boot.run(
            folder.StateFolder(sys.argv[1]),
            boot.Order(Settings()),
            now=base.utc_now,
            tell=_tell,
            ready=_ready,
            parts=one_shot if sys.argv[2:] else parts,
        )
    )
