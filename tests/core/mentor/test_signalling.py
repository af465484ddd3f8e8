"""Meetings over a real Socket.IO: who gets what, who is not let in, what is logged and counted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import socketio

from mrcore import errors
from mrcore.mentor import config, jwt, origins, signalling, trace
from tests.core.mentor import conftest, serving

ORIGIN = "http://localhost:3000"


class Tab:
    """A browser's tab: one connection, and all that came over it."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.came: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.client.on("*", self._keep)

    async def _keep(self, event: str, data: Any) -> None:
        await self.came.put((event, data))

    async def next(self) -> tuple[str, Any]:
        async with asyncio.timeout(30):
            return await self.came.get()

    async def say(self, event: str, **data: Any) -> Any:
        return await self.client.call(event, data, timeout=30)


@pytest.fixture
async def tokens(app: asyncpg.Connection, env: dict[str, str]) -> list[tuple[str, str]]:
    """Two people: their ids and tokens."""
    rows = await app.fetch("SELECT id, email FROM users WHERE role = 'student' LIMIT 2")
    secret = config.Config.read(env).jwt_secret
    until = conftest.NOW + timedelta(hours=1)
    return [
        (str(r["id"]), jwt.sign(jwt.Claims(r["id"], "student", r["email"], "t", until), secret))
        for r in rows
    ]


@contextlib.asynccontextmanager
async def tab(url: str, token: str) -> AsyncIterator[Tab]:
    made = Tab()
    headers = {"Origin": ORIGIN, trace.HEADER: "a-correlation-id", "x-platform": "mr-mentor"}
    await made.client.connect(
        url, headers=headers, auth={"token": token}, transports=["websocket"], wait_timeout=30
    )
    try:
        yield made
    finally:
        await made.client.disconnect()


async def counted(web: httpx.AsyncClient) -> dict[str, int]:
    found: dict[str, int] = (await web.get("/api/health")).json()["meetings"]
    return found


async def test_two_meet_and_every_event_is_logged_twice(
    url: str,
    web: httpx.AsyncClient,
    tokens: list[tuple[str, str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "socket")
    (one, its), (two, others) = tokens
    async with tab(url, its) as first, tab(url, others) as second:
        assert await first.say("join-room", roomId="r1") == {"success": True, "peers": []}
        assert await second.say("join-room", roomId="r1") == {"success": True, "peers": [one]}
        assert await first.next() == ("user-joined", {"roomId": "r1", "userId": two})
        for sender, taker, who, event in (
            (first, second, one, "offer"),
            (second, first, two, "answer"),
            (first, second, one, "ice-candidate"),
            (first, second, one, "recording"),
            (second, first, two, "presence"),
        ):
            sent = {"roomId": "r1", "sdp": "v=0", "state": "on"}
            assert (await sender.say(event, **sent))["success"]
            assert await taker.next() == (event, {**sent, "userId": who})
        assert await counted(web) == {"rooms": 1, "peers": 2}
        assert (await second.say("leave-room", roomId="r1"))["success"]
        assert await first.next() == ("user-left", {"roomId": "r1", "userId": two})
        assert not (await second.say("offer", roomId="r1"))["success"]
    lines = [r for r in caplog.records if r.name == "socket"]
    told = [r.fields for r in lines if hasattr(r, "fields")]
    assert [each["event"] for each in told][:7] == [
        *("join-room", "join-room", "offer", "answer", "ice-candidate", "recording", "presence")
    ]
    assert {each["correlationId"] for each in told} == {"a-correlation-id"}
    assert told[2]["room"] == "r1"
    assert told[2]["peer"] == one
    assert "v=0" not in json.dumps(told)
    text = [r.getMessage() for r in lines if not hasattr(r, "fields")]
    assert text[2] == f"Socket event: offer room=r1 peer={one}"
    assert len(text) == len(told)


async def test_a_second_tab_takes_over_and_who_hangs_up_is_out(
    url: str, web: httpx.AsyncClient, tokens: list[tuple[str, str]]
) -> None:
    (one, its), (_, others) = tokens
    async with tab(url, others) as other:
        await other.say("join-room", roomId="r1")
        async with tab(url, its) as first, tab(url, its) as second:
            await first.say("join-room", roomId="r1")
            assert (await second.say("join-room", roomId="r1"))["success"]
            assert await first.next() == ("takeover-connection", {"roomId": "r1"})
            assert not (await first.say("offer", roomId="r1"))["success"]
            assert await counted(web) == {"rooms": 1, "peers": 2}
            assert (await other.next())[0] == (await other.next())[0] == "user-joined"
        assert await other.next() == ("user-left", {"roomId": "r1", "userId": one})
        assert await counted(web) == {"rooms": 1, "peers": 1}


@pytest.mark.parametrize("auth", [None, {"token": "no token"}, {"token": ""}, "text"])
async def test_nobody_gets_in_without_a_token_of_the_login(url: str, auth: Any) -> None:
    client = socketio.AsyncClient(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(url, auth=auth, transports=["websocket"], wait_timeout=30)
    await client.disconnect()


async def test_a_page_from_elsewhere_is_refused_and_that_is_logged(
    web: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "socket")
    asked = {"EIO": "4", "transport": "polling"}
    for origin, code in ((ORIGIN, 200), ("http://localhost:3003", 400), ("null", 400)):
        answer = await web.get("/socket.io/", params=asked, headers={"origin": origin})
        assert answer.status_code == code
        assert (answer.headers.get("access-control-allow-origin") == origin) is (code == 200)
    told = [r.fields for r in caplog.records if r.name == "socket" and hasattr(r, "fields")]
    assert [each["origin"] for each in told] == ["http://localhost:3003", "null"]


async def test_what_names_no_room_is_answered_and_hurts_nobody(
    url: str, tokens: list[tuple[str, str]]
) -> None:
    async with tab(url, tokens[0][1]) as only:
        for room in (None, "", "two words", "x" * 101, 7, ["r"], {"a": 1}, "line\nbreak"):
            assert not (await only.say("join-room", roomId=room))["success"]
            assert not (await only.say("offer", roomId=room))["success"]
            assert not (await only.say("leave-room", roomId=room))["success"]
        assert (await only.client.call("join-room", "r1", timeout=30))["success"]


def test_origins_are_the_local_ones_and_those_of_production() -> None:
    given = {"CORS_ORIGINS": "https://app.mrmentor.example, https://admin.mrmentor.example/"}
    assert origins.read(given) - origins.read({}) == {
        "https://app.mrmentor.example",
        "https://admin.mrmentor.example",
    }
    assert set(origins.LOCAL) == origins.read({})
    assert len(origins.LOCAL) == 4
    for wrong in ("app.mrmentor.example", "https://a/path", "ftp://a"):
        with pytest.raises(errors.SettingsError, match="CORS_ORIGINS"):
            origins.read({"CORS_ORIGINS": wrong})


async def test_it_may_be_closed_again() -> None:
    """Its server hangs up before it waits for its polls, and its application when it ends."""
    nobody: Any = None
    sockets = signalling.Signalling(nobody, frozenset())
    async with serving.serving(sockets) as found, httpx.AsyncClient() as client:
        begun = await client.get(
            f"{found}{signalling.PATH}/", params={"EIO": "4", "transport": "polling"}
        )
        assert begun.status_code == 200
        await sockets.close()
        await sockets.close()
