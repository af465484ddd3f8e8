"""Postgres or Valkey hangs: nothing freezes, its panes say so with an age, and it comes back."""

from __future__ import annotations

import re

import pytest

from mrcore import client
from mrcore.model import base
from tests import waiting
from tests.e2e import finding, running, terminal

pytestmark = pytest.mark.xdist_group("failure")

PANES = {"postgres": ("POSTGRES",), "valkey": ("QUEUES", "REDIS")}
WELL = {"postgres": r"● (pg|postgres) ", "valkey": r"● (redis|valkey|huey|\w+Queue) "}
"""What would claim that all is well with a server or with what is in it."""


TOLD = {
    "postgres": ("core/source/pg", base.Level.UNKNOWN),
    "valkey": ("redis/node/main", base.Level.BAD),
}
"""Who says that a server is stopped, and how: Redis's own source knows what that is."""


async def _level(connected: client.CoreClient, told: base.Ref) -> base.Level | None:
    found = await finding.entity(connected, told)
    return found.verdict.level if found is not None else None


def _age_s(text: str, pane: str) -> int | None:
    """The age that a pane's title names, when it says that what it shows is not known."""
    found = re.search(rf"{pane} [?◌] (?:unknown|as of)[^\n]*?(\d+) ?s\b", text)
    return int(found[1]) if found else None


def _ours(calm: running.Stack, server: str) -> set[tuple[str, int]]:
    """The local ends of the core's connections to a server: the same after as before."""
    url = calm.ready["postgres" if server == "postgres" else "redis"]
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    serve = next(p for p in calm.family() if p.pid == calm.pid("serve"))
    connections = serve.net_connections("tcp")
    return {tuple(c.laddr) for c in connections if c.raddr and c.raddr.port == port}


def _watch(screen: terminal.Terminal, pane: str, until_s: int) -> None:
    """Use the screen until the pane is so old: it answers every key, whatever hangs."""
    age_s = 0
    while age_s < until_s:
        screen.press("2")
        screen.until("▸ queues")
        screen.press("1")
        text = screen.until(lambda text: _age_s(text, pane) is not None)
        now_s = _age_s(text, pane)
        assert now_s is not None
        assert now_s >= age_s
        age_s = now_s


@pytest.mark.parametrize("until_s", [5, pytest.param(60, marks=pytest.mark.proof)])
@pytest.mark.parametrize("server", ["postgres", "valkey"])
async def test_a_stopped_server_freezes_nothing_and_comes_back_on_its_connections(
    calm: running.Stack, calm_core: client.CoreClient, server: str, until_s: int
) -> None:
    async def is_now(level: base.Level) -> bool:
        return await _level(calm_core, told) is level

    told, stopped = TOLD[server]

    await waiting.until(lambda: is_now(base.Level.OK), timeout_s=60)
    before = _ours(calm, server)
    pid = calm.pid(server)
    with terminal.attached(calm.state) as screen:
        screen.until(WELL[server])
        running.stop(pid)
        try:
            await waiting.until(lambda: is_now(stopped), timeout_s=30)
            for pane in PANES[server]:
                screen.until(lambda text, pane=pane: _age_s(text, pane) is not None)  # type: ignore[misc]
            # Each source that reads it has its own deadline.
            screen.until(lambda text: not re.search(f"{WELL[server]}|all well", text))
            assert re.search(r"\? \d+ unknown", screen.text)
            for pane in PANES[server]:
                _watch(screen, pane, until_s)
            checked = calm.mrtui("check", check=False)
            assert checked.returncode in (2, 3), checked.stdout
        finally:
            running.go_on(pid)
        await waiting.until(lambda: is_now(base.Level.OK), timeout_s=30)
        screen.until(lambda text: all(_age_s(text, pane) is None for pane in PANES[server]))
        screen.until(WELL[server])
    assert calm.pid(server) == pid
    assert _ours(calm, server) == before
