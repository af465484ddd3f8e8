"""What a killed supervisor left behind: found in processes.json, ended before a new start.

On Linux children die with their parent; macOS has nothing of the kind.
"""

from __future__ import annotations

import shlex
import signal
from pathlib import Path
from typing import Any

import psutil

from mrcore import folder
from mrcore.stack import supervisor

_GRACE_S = 5.0
_SAME_START_S = 2.0


def leftovers(state: folder.StateFolder) -> list[psutil.Process]:
    """The processes of a dead supervisor that still run, with their descendants.

    A pid alone proves nothing, it may have been given to another program: its start time and
    its binary must be those that were written down.
    """
    table = state.read_json(supervisor.FILE) or {}
    found: list[psutil.Process] = []
    for row in table.get("processes", []):
        found += _family(row)
    return found


def sweep(state: folder.StateFolder) -> int:
    """End the leftovers: SIGINT (Postgres's fast shutdown) or SIGTERM, then SIGKILL; how many."""
    alive = leftovers(state)
    for process in alive:
        _send(process, signal.SIGCONT)
        _send(process, signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    _, deaf = psutil.wait_procs(alive, timeout=_GRACE_S)
    for process in deaf:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(deaf, timeout=_GRACE_S)
    return len(alive)


def _family(row: dict[str, Any]) -> list[psutil.Process]:
    try:
        process = psutil.Process(int(row["pid"]))
        began_s = float(row["started_s"])
        command = process.cmdline()
        binary = Path(shlex.split(str(row["command"]))[0]).name
        if abs(process.create_time() - began_s) > _SAME_START_S:
            return []
        # Valkey rewrites its command line into one title that still begins with its binary.
        if not command or Path(command[0].split()[0]).name != binary:
            return []
        return [process, *process.children(recursive=True)]
    except (psutil.Error, KeyError, TypeError, ValueError, IndexError):
        return []


def _send(process: psutil.Process, signum: signal.Signals) -> None:
    try:
        process.send_signal(signum)
    except psutil.NoSuchProcess:
        return
