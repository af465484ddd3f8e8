"""The traffic is switched, switched back, and processes begin anew, all through the door."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from mrcore import client
from mrcore.model import core as core_model
from mrcore.model import deploy, plans, stack
from tests import waiting
from tests.e2e import finding, running

pytestmark = pytest.mark.xdist_group("failure")

FINAL = {
    core_model.OperationState.DONE,
    core_model.OperationState.FAILED,
    core_model.OperationState.STOPPED,
}


async def act(core: client.CoreClient, action: str, of: str) -> core_model.Operation:
    """Plan it, apply it, and wait until it is over and has done its one target."""
    plan = await core.plan(action, plans.Selection(refs=(of,)), {})
    assert plan.total == 1, plan.left_out
    started = await core.apply(plan.plan_id, reason="a test", confirm=plan.confirm)

    async def over() -> core_model.Operation | None:
        found = await finding.entity(core, started.ref)
        ended = isinstance(found, core_model.Operation) and found.state in FINAL
        return found if isinstance(found, core_model.Operation) and ended else None

    operation = await waiting.until(over, what=f"the end of {action}", timeout_s=60)
    assert operation.done == 1, (await core.targets(plan.plan_id)).outcomes
    return operation


@contextlib.asynccontextmanager
async def through(calm: running.Stack) -> AsyncIterator[str]:
    """A connection to the switch, and the colour that it was sent to."""
    address = urlsplit(calm.ready["switch"])
    ports = {urlsplit(url).port: colour for colour, url in calm.ready["backends"].items()}
    others = {(c.laddr, c.raddr) for c in _connections(calm.pid("switch"))}  # and who keeps them
    _, writer = await asyncio.open_connection(address.hostname, address.port)

    def sent() -> set[str]:
        made = {(c.laddr, c.raddr) for c in _connections(calm.pid("switch"))} - others
        remote = {there.port for _, there in made if there}
        return {ports[port] for port in remote & ports.keys()}

    (colour,) = await waiting.until(sent, what="a forwarded connection")
    yield colour
    writer.close()
    await waiting.until(lambda: not sent(), what="its end")


async def test_the_traffic_goes_where_it_is_switched_and_back_again(
    calm: running.Stack, calm_core: client.CoreClient
) -> None:
    async with through(calm) as colour:
        assert colour == "blue"
    switched = await act(calm_core, "deploy.switch", "deploy/colour/green")
    async with through(calm) as colour:
        assert colour == "green"
    async with httpx.AsyncClient(timeout=waiting.LONG_S) as web:
        health = await web.get(f"{calm.ready['switch']}/api/health")
    assert health.json()["success"] is True

    async def live() -> bool:
        green = await finding.entity(calm_core, "deploy/colour/green")
        return isinstance(green, deploy.Colour) and green.live

    await waiting.until(live, what="green on the screens")
    await act(calm_core, "undo", switched.ref)
    async with through(calm) as colour:
        assert colour == "blue"


@pytest.mark.parametrize("name", ["worker", "postgres", "valkey", "switch"])
async def test_a_process_begins_anew_without_a_failure(
    calm: running.Stack, calm_core: client.CoreClient, name: str
) -> None:
    before = calm.pid(name)
    await act(calm_core, "process.restart", f"stack/process/{name}")
    assert calm.pid(name) != before
    shown = await finding.entity(calm_core, f"stack/process/{name}")
    assert isinstance(shown, stack.Process)
    assert shown.last_exit.startswith("was restarted by ")


def _connections(pid: int) -> list[Any]:
    return [
        c for c in psutil.Process(pid).net_connections("tcp") if c.status == psutil.CONN_ESTABLISHED
    ]
