"""Running a core in this process: its sockets, its files in the state folder, its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import platformdirs

from mrcore import core, folder, settings, version
from mrcore.api import app, gate, server
from mrcore.sources import base

IDLE_LOOK_S = 1.0

_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def find_settings(where: folder.StateFolder) -> Path | None:
    """The settings file when none is named: the state folder's, else the user's, else none."""
    user = platformdirs.user_config_path("mr") / "settings.toml"
    return next((path for path in (where / "settings.json", user) if path.exists()), None)


async def serve(
    where: folder.StateFolder,
    own: settings.Settings,
    *,
    idle_exit: bool,
    announce: Callable[[], None],
) -> None:
    """Run the core until a signal or, with `idle_exit`, until nobody has used it for a while.

    `announce` is called when it answers. Raises SettingsError and StackError before that.
    """
    path = where.runtime / "core.sock"
    listeners = [server.bind_unix(path)]
    try:
        if own.listen:
            listeners.append(server.bind_tcp(own.listen))
        await _serve(where, own, listeners, idle_exit=idle_exit, announce=announce)
    finally:
        for listener in listeners:
            listener.close()
        for leftover in (where / "core.json", where / "token", path):
            leftover.unlink(missing_ok=True)


async def _serve(
    where: folder.StateFolder,
    own: settings.Settings,
    listeners: list[socket.socket],
    *,
    idle_exit: bool,
    announce: Callable[[], None],
) -> None:
    behind = core.Core(own, where, now=base.utc_now)
    clients = gate.Clients()

    def listening() -> None:
        _introduce(where, behind, listeners)
        announce()

    running = server.Server(app.create(behind, clients), listening=listening, quiet=behind.quiet)
    loop = asyncio.get_running_loop()
    for number in _STOP:
        loop.add_signal_handler(number, setattr, running, "should_exit", True)
    async with behind:
        watching = asyncio.create_task(_leave_when_idle(behind, clients, running), name="idle exit")
        if not idle_exit:
            watching.cancel()
        await running.serve(sockets=listeners)
        watching.cancel()


def _introduce(
    where: folder.StateFolder, behind: core.Core, listeners: list[socket.socket]
) -> None:
    """Say in the state folder how this core is reached."""
    control = ""
    if len(listeners) > 1:
        control = server.url_of(listeners[1])
        where.write_text("token", behind.auth.bootstrap())
    where.write_json(
        "core.json",
        {
            "pid": os.getpid(),
            "socket": listeners[0].getsockname(),
            "control": control,
            "version": version.version(),
        },
    )
    logging.getLogger(__name__).info("The core answers on %s.", listeners[0].getsockname())


async def _leave_when_idle(
    behind: core.Core, clients: gate.Clients, running: server.Server
) -> None:
    limit_s = behind.settings.idle_exit_s
    while not running.should_exit:
        await asyncio.sleep(min(IDLE_LOOK_S, limit_s / 4))
        if clients.idle_s >= limit_s and not behind.door.busy:
            logging.getLogger(__name__).info("Nobody used this core for %g s: it ends.", limit_s)
            running.should_exit = True
