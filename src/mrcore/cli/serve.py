"""`mrcore serve`: run the core of one state folder, here or detached."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import click

from mrcore import errors, folder, lean
from mrcore.stack import logfile, ready

START_S = 20.0
_LOOK_S = 0.02
_TAIL_LINES = 5
_PROBE = b"GET /livez HTTP/1.1\r\nHost: mrcore\r\nConnection: close\r\n\r\n"


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="State folder (or MR_STATE).")
@click.option("--settings", type=click.Path(path_type=Path), help="Settings, TOML or JSON.")
@click.option("--detach", is_flag=True, help="Leave it running; return when it answers.")
@click.option("--idle-exit", is_flag=True, help="End after idle_exit_s without a client.")
def command(state: Path | None, settings: Path | None, detach: bool, idle_exit: bool) -> None:
    """Run the core: watch, act, answer.

    Without --settings it reads settings.json of the state folder, or else settings.toml of the
    user's configuration folder mr, or else only MRCORE_* of the environment.

    Example: mrcore serve --state /tmp/mr --detach
    """
    where = folder.StateFolder(state).make()
    if detach:
        start_detached(where, settings, idle_exit=idle_exit)
        return
    with where.lock("core.lock", _refusal(where)):
        _serve(where, settings, idle_exit=idle_exit)
    # A source's call that will not end, or its thread, would hold the interpreter back.
    logging.shutdown()
    os._exit(0)


def start_detached(where: folder.StateFolder, settings: Path | None, *, idle_exit: bool) -> None:
    """Leave a core running that outlives this process and its terminal.

    Returns when it answers, at once when one does already.
    Raises StackError with the end of its log when it does not come up within 20 s.
    """
    child = None if where.locked("core.lock") else _spawn(where, settings, idle_exit=idle_exit)
    deadline_s = time.monotonic() + START_S
    while not _answers(where):
        ended = child is not None and child.poll() is not None
        if (ended and not where.locked("core.lock")) or time.monotonic() > deadline_s:
            log = where / "logs" / "core.log"
            lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
            raise errors.StackError(
                f"The core of {where.path} did not start: {' / '.join(lines)}", fix=f"See {log}."
            )
        time.sleep(_LOOK_S)


def _serve(where: folder.StateFolder, path: Path | None, *, idle_exit: bool) -> None:
    lean.web()
    # Half a second of imports that neither a refusal nor --detach needs.
    from mrcore import redact, settings
    from mrcore.api import serving

    redact.use(where.key(redact.KEY_FILE, redact.KEY_BYTES))
    from mrcore.cli import log

    own = settings.load(path or settings.find(where.path))
    log.set_up(settings.secrets_of(own))
    # Not asyncio.run(): it waits for every task, also for one that swallows its cancellation.
    loop = asyncio.new_event_loop()
    loop.run_until_complete(serving.serve(where, own, idle_exit=idle_exit, announce=ready.announce))


def _spawn(
    where: folder.StateFolder, settings: Path | None, *, idle_exit: bool
) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "mrcore", "serve", "--state", str(where.path)]
    argv += ["--settings", str(settings.absolute())] if settings else []
    argv += ["--idle-exit"] if idle_exit else []
    logs = where / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if k != ready.VARIABLE}
    logfile.set_aside(logs / "core.log")
    with (logs / "core.log").open("ab") as log:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )


def _answers(where: folder.StateFolder) -> bool:
    """Whether the folder's core answers on its socket."""
    found = where.read_json("core.json") or {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2.0)
        try:
            connection.connect(str(found["socket"]))
            connection.sendall(_PROBE)
            return connection.recv(64).startswith(b"HTTP/1.1 200")
        except (KeyError, OSError):
            return False


def _refusal(where: folder.StateFolder) -> str:
    pid = (where.read_json("core.json") or {}).get("pid")
    who = f"process {pid}" if pid else "another process, which is just starting,"
    return f"{who} is already the core of {where.path}.".capitalize()
