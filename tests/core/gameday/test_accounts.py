"""Faults on the simulated consoles: what a service takes is another, and is as before again."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette import applications, requests, responses, routing

from mrcore.gameday.faults import accounts, base, meetings, services
from tests.core.gameday import stages


@dataclasses.dataclass
class Consoles:
    """Every console of the simulated services: what was said to each, in order."""

    said: list[tuple[str, dict[str, Any]]] = dataclasses.field(default_factory=list)

    def app(self) -> applications.Starlette:
        """They answer everything with 200."""

        async def hear(request: requests.Request) -> responses.Response:
            self.said.append((request.url.path, await request.json()))
            return responses.JSONResponse({})

        return applications.Starlette(
            routes=[routing.Route("/control/{rest:path}", hear, methods=["POST"])]
        )


@contextlib.asynccontextmanager
async def _consoles(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Consoles]:
    made = Consoles()
    transport = httpx.ASGITransport(made.app())

    async def console(stage: base.Stage, path: str, said: dict[str, Any]) -> dict[str, Any]:
        async with httpx.AsyncClient(transport=transport, base_url="http://consoles") as client:
            return dict((await client.post(path, json=said)).json())

    monkeypatch.setattr(services, "console", console)
    yield made


@pytest.mark.parametrize(
    ("fault", "broken", "mended"),
    [
        (
            accounts.Answers(service="mrtest", fault="403"),
            ("/control/faults", {"service": "mrtest", "fault": "403"}),
            ("/control/faults", {"service": "mrtest", "fault": "ok"}),
        ),
        (
            meetings.TurnDown(),
            ("/control/turn", {"turn": "down"}),
            ("/control/turn", {"turn": "up"}),
        ),
        (
            services.KnownOff(),
            ("/control/faults/known", {"known": "off"}),
            ("/control/faults/known", {"known": "on"}),
        ),
    ],
    ids=["service", "turn", "known"],
)
async def test_what_a_console_was_told_is_taken_back(
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: base.Fault,
    broken: tuple[str, Any],
    mended: tuple[str, Any],
) -> None:
    async with _consoles(monkeypatch) as heard, stages.stage(state) as stage:
        memo = await fault.before(stage)
        await fault.inject(stage, memo)
        assert heard.said == [broken]
        await fault.clean(stage, memo)
        assert heard.said == [broken, mended]


async def test_both_secrets_get_a_new_version(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _consoles(monkeypatch) as heard, stages.stage(state) as stage:
        await accounts.Put(values={"EMAIL_PASS": "new"}).inject(stage, {})
    assert [said["secret"] for _, said in heard.said] == list(accounts.BOTH)
    assert all(said["set"] == {"EMAIL_PASS": "new"} for _, said in heard.said)
