"""What every request passes first, over real sockets: bodies, slowness, ends of logins."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from mrcore import client, errors
from mrcore.api import gate, live, peer
from mrcore.model import core as entities
from mrcore.model import wire
from tests.core import doors, harness

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def here(state: Path) -> AsyncIterator[doors.Open]:
    async with doors.opened(state, harness.Jobs()) as here:
        yield here


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem."""
    return answer.status_code, wire.Problem.model_validate(answer.json()).code


async def chunks(size: int) -> AsyncIterator[bytes]:
    """A body whose length is not said."""
    for first in range(0, size, 65_536):
        yield b" " * min(65_536, size - first)


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("over", ["tcp", "socket"])
async def test_a_body_is_bounded_and_what_is_larger_is_told_so(
    here: doors.Open, said: bool, over: str
) -> None:
    bearer = await here.token("asha", "operator")
    connect = here.by_tcp if over == "tcp" else here.by_socket
    async with connect(bearer) as http:
        for size, expected in ((gate.BODY_BYTES, 422), (gate.BODY_BYTES + 1, 413)):
            body = b" " * size if said else chunks(size)
            answer = await http.post("/api/v1/plans", content=body, headers=JSON)
            assert answer.status_code == expected
        assert code(answer) == (413, "too_large")
        assert (await http.get("/api/v1/me")).status_code == 200


async def test_a_body_that_is_said_to_be_huge_is_not_waited_for(here: doors.Open) -> None:
    head = "POST /api/v1/plans HTTP/1.1\r\nHost: mrcore\r\nContent-Type: application/json\r\n"
    answer = await spoken(here, f"{head}Content-Length: 99999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_does_not_come_is_given_up(
    here: doors.Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "BODY_S", 0.05)
    head = "POST /api/v1/plans HTTP/1.1\r\nHost: mrcore\r\nContent-Type: application/json\r\n"
    answer = await spoken(here, f"{head}Content-Length: 10\r\n\r\n{{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"too_slow"' in answer


@pytest.mark.parametrize("said", ["", "GET /livez HTTP/1.1\r\nHost: mrc"])
async def test_a_connection_that_asks_nothing_is_closed(
    here: doors.Open, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr(peer, "HEAD_S", 0.05)
    assert await spoken(here, said) == b""


async def test_a_second_request_that_is_not_finished_is_closed_too(
    here: doors.Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "HEAD_S", 0.05)
    whole = "GET /livez HTTP/1.1\r\nHost: mrcore\r\n\r\n"
    answer = await spoken(here, f"{whole}GET /livez HTT")
    assert answer.count(b"HTTP/1.1 200 ") == 1


async def spoken(here: doors.Open, text: str) -> bytes:
    """What the core says until it closes the connection, when it is told `text`."""
    here.serving.timeout_keep_alive = 0  # no pause for a request that follows an answer
    reader, writer = await asyncio.open_unix_connection(str(here.socket))
    writer.write(text.encode())
    try:
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_a_stream_ends_with_its_token(
    here: doors.Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PING_S", 0.02)
    bearer = await here.token("asha", "viewer")
    async with client.CoreClient.at(url=here.url, token=bearer) as asha:
        stream = asha.changes()
        await anext(stream)
        await anext(stream)
        await here.revoke(bearer)
        with pytest.raises(errors.CoreUnreachable, match="ended the stream"):
            async for _ in stream:
                pass
        with pytest.raises(errors.Unauthenticated):
            await asha.me()


async def test_guesses_are_answered_429_until_there_is_room_and_audited_once(
    here: doors.Open,
) -> None:
    async with here.by_tcp() as http:
        for number in range(12):
            bearer = {"Authorization": f"Bearer guess{number}"}
            answer = await http.get("/api/v1/me", headers=bearer)
    assert code(answer) == (429, "too_many")
    async with here.by_tcp(await here.token("asha", "viewer")) as http:
        assert (await http.get("/api/v1/me")).status_code == 200  # who shares the guesser's address
    assert 0 < int(answer.headers["retry-after"]) <= 60
    async with client.CoreClient.at(url=f"unix:{here.socket}") as me:
        rows = (await me.page("core/core/self", "audit")).rows
    assert [row.action for row in rows if isinstance(row, entities.AuditRow)] == ["login"]
    assert "10 logins from 127.0.0.1 failed within 60 s." in rows[0].model_dump_json()


async def test_guesses_are_refused_as_such_also_when_nothing_can_be_written(
    here: doors.Open,
) -> None:
    await here.core.ledger.read(lambda connection: connection.execute("PRAGMA query_only = 1"))
    async with here.by_tcp() as http:
        wrong = [{"Authorization": f"Bearer guess{number}"} for number in range(12)]
        said = [await http.get("/api/v1/me", headers=headers) for headers in wrong]
    assert [answer.status_code for answer in said] == [401] * 10 + [429] * 2
    assert "readonly" in here.core.ledger.trouble


async def test_me_says_by_which_way_and_a_header_cannot_change_it(here: doors.Open) -> None:
    lies = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "x"}
    bearer = await here.token("asha", "viewer")
    async with here.by_tcp(bearer) as http:
        me = (await http.get("/api/v1/me", headers=lies)).json()
    assert (me["login"], me["via"], me["token"], me["address"]) == ("asha", "token", 1, "127.0.0.1")
    assert me["uid"] is None
    assert (me["armed_until"], me["read_only"]) == (None, False)


async def test_me_says_from_where_the_person_came_by_ssh(here: doors.Open) -> None:
    asks = (
        "import http.client, socket, sys\n"
        "c = http.client.HTTPConnection('mrcore')\n"
        "c.sock = socket.socket(socket.AF_UNIX); c.sock.connect(sys.argv[1])\n"
        "c.request('GET', '/api/v1/me'); print(c.getresponse().read().decode())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        asks,
        str(here.socket),
        env={"SSH_CONNECTION": "198.51.100.7 51122 10.0.0.1 22"},
        stdout=subprocess.PIPE,
    )
    said, _ = await process.communicate()
    me = json.loads(said)
    assert me["via"] == "socket"
    assert me["address"] == ("198.51.100.7" if sys.platform == "linux" else "")


class Broken(harness.Jobs):
    """Answers no question without breaking."""

    async def detail(self, ref: str) -> wire.Detail:
        raise RuntimeError("a defect")


async def test_a_defect_is_a_problem_and_leaves_the_connection_as_it_was(
    state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with doors.opened(state, Broken()) as here, here.by_socket() as http:
        for _ in range(3):
            answer = await http.get("/api/v1/detail?ref=huey/job/emailQueue/1%0A")
            assert code(answer) == (500, "defect")
            assert "connection" not in answer.headers
            assert (await http.get("/livez")).status_code == 200
    assert "GET '/api/v1/detail' broke." in caplog.text
    assert "RuntimeError: a defect" in caplog.text
