"""Running a core in this process: its sockets, its files in the state folder, its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable

from mrcore import core, errors, folder, settings, version
from mrcore.api import app, gate, server, tls
from mrcore.sources import base
from mrcore.trust import anchor

IDLE_LOOK_S = 1.0

log = logging.getLogger(__name__)

_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


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
    check_socket(own)
    secured = tls.context(own)
    path = own.socket or where.runtime / "core.sock"
    listeners = [server.bind_unix(path, own.socket_group)]
    mine = server.identity(path)
    try:
        if own.listen:
            listeners.append(server.bind_tcp(own.listen, secured=secured is not None))
        await _serve(where, own, listeners, secured, idle_exit=idle_exit, announce=announce)
    finally:
        if server.identity(path) == mine:  # else somebody has put another there
            path.unlink(missing_ok=True)
        for listener in listeners:
            listener.close()
        for leftover in (where / "core.json", where / "token"):
            leftover.unlink(missing_ok=True)


def check_socket(own: settings.Settings) -> None:
    """Raise SettingsError for a socket that those whom it is meant for could not open."""
    if own.logins and not own.socket_group:
        raise errors.SettingsError(
            "logins is set and socket_group is not: nobody else could open the socket.",
            fix='For example socket_group = "mrcore".',
        )
    if own.socket_group and own.socket is None:
        raise errors.SettingsError(
            "socket_group is set and socket is not: its private folder lets nobody else in.",
            fix='For example socket = "/run/mrcore/core.sock".',
        )


def _hosts(own: settings.Settings) -> set[str]:
    """What this core is called beside localhost: its names, and the address that it listens on."""
    address = server.address_of(own.listen.rpartition(":")[0])
    return {*own.hosts, *([str(address)] if address and not address.is_unspecified else [])}


async def _serve(
    where: folder.StateFolder,
    own: settings.Settings,
    listeners: list[socket.socket],
    secured: ssl.SSLContext | None,
    *,
    idle_exit: bool,
    announce: Callable[[], None],
) -> None:
    behind = core.Core(own, where, now=base.utc_now)
    clients = gate.Clients()

    def listening() -> None:
        _introduce(where, behind, listeners)
        announce()

    api = app.create(behind, clients, hosts=_hosts(own))
    running = server.Server(api, listening=listening, quiet=behind.quiet, tls=secured)
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
    """Say in the state folder how this core is reached, and where its audit is anchored."""
    where.write_text(anchor.SAID, f"{behind.anchor_path}\n")
    control = ""
    if len(listeners) > 1:
        own = behind.settings
        name = own.hosts[0] if own.hosts else ""
        control = server.url_of(listeners[1], name=name, secured=own.tls_key is not None)
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
    where_to = " and on ".join(filter(None, (listeners[0].getsockname(), control)))
    log.info("The core answers on %s.", where_to)
    if not behind.settings.socket_group and not behind.settings.logins:
        log.info("It guards you against slips, not against yourself: this user is its admin.")


async def _leave_when_idle(
    behind: core.Core, clients: gate.Clients, running: server.Server
) -> None:
    limit_s = behind.settings.idle_exit_s
    while not running.should_exit:
        await asyncio.sleep(min(IDLE_LOOK_S, limit_s / 4))
        if clients.idle_s >= limit_s and not behind.door.busy:
            log.info("Nobody used this core for %g s: it ends.", limit_s)
            running.should_exit = True
