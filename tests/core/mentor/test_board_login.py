"""Who is let in: nobody without a password, no other site, no guesser; and what is said of a core
that is away."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fastapi
import httpx
import pytest

from mrcore.mentor.board import login, problem, routes, told
from tests import waiting
from tests.core.mentor import boards, serving

ENV = {"BULL_BOARD_USERNAME": boards.USER, "BULL_BOARD_PASSWORD": boards.PASSWORD}
PATHS = ("/admin/queues", "/admin/queues/api/queues", "/admin/queues/api/none")


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def opened(env: dict[str, str], clock: Clock | None = None) -> httpx.AsyncClient:
    """A client without a login of a board in this process."""
    app = fastapi.FastAPI()
    board = routes.Board(told.Told.read(env), now=clock or Clock())
    app.include_router(board.router)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://board", timeout=waiting.LONG_S
    )


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with opened(ENV) as made:
        yield made


@pytest.mark.parametrize("missing", ["BULL_BOARD_USERNAME", "BULL_BOARD_PASSWORD"])
async def test_there_is_no_default_password(missing: str) -> None:
    async with opened({**ENV, missing: ""}) as web:
        for path in PATHS:
            answer = await web.get(path, auth=(boards.USER, ""))
            assert answer.status_code == 404
            assert "BULL_BOARD_PASSWORD" in answer.json()["message"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "header",
    [
        "",
        f"Bearer {boards.BASIC}",
        "Basic",
        "Basic ???",
        "Basic " + base64.b64encode(b"admin").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + base64.b64encode(f"{boards.USER}:{boards.PASSWORD} ".encode()).decode(),
        "Basic " + base64.b64encode(f"Admin:{boards.PASSWORD}".encode()).decode(),
    ],
)
async def test_without_the_right_login_there_is_the_challenge_of_a_real_board(
    web: httpx.AsyncClient, path: str, header: str
) -> None:
    recorded = boards.recorded()[1]["00-unauthorised"]
    answer = await web.get(path, headers={"authorization": header} if header else {})
    assert (answer.status_code, answer.text or None) == (recorded.status, recorded.answer)
    assert answer.headers["www-authenticate"] == 'Basic realm="queues"'


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://board", "sec-fetch-site": "cross-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
async def test_another_site_is_refused_with_the_right_password(
    web: httpx.AsyncClient, method: str, headers: dict[str, str]
) -> None:
    path = "/admin/queues/api/queues/emailQueue/pause"
    answer = await web.request(method, path, headers=headers, auth=(boards.USER, boards.PASSWORD))
    assert answer.status_code == 403
    assert "Another site" in answer.json()["message"]


def test_the_boards_own_pages_and_programs_pass() -> None:
    login.check_origin({})
    login.check_origin({"origin": "https://board:8443", "host": "board:8443"})
    login.check_origin({"sec-fetch-site": "same-origin"})
    with pytest.raises(problem.Problem):
        login.check_origin({"origin": "https://board", "host": "board:8443"})


async def test_a_guesser_waits_and_who_knows_the_password_does_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    door = login.Door(told.Told.read(ENV), now=clock)
    right = {"authorization": f"Basic {boards.BASIC}"}
    wrong = {"authorization": "Basic " + base64.b64encode(b"admin:1234").decode()}
    for _ in range(login.FAILURES_MAX):
        with pytest.raises(login.Unauthorized):
            door.enter(wrong, "10.0.0.1")
    for headers in (wrong, {"authorization": "Bearer 1"}):
        with pytest.raises(login.TooMany) as told_:
            door.enter(headers, "10.0.0.1")
        assert told_.value.retry_after_s == login.FAILURES_S
        assert door.enter(right, "10.0.0.1") == boards.USER
    with pytest.raises(login.Unauthorized):
        door.enter({}, "10.0.0.1")
    with pytest.raises(login.Unauthorized):
        door.enter(wrong, "10.0.0.2")
    assert caplog.messages == ["board: 10 wrong logins from 10.0.0.1"]
    clock.at += timedelta(seconds=login.FAILURES_S)
    with pytest.raises(login.Unauthorized):
        door.enter(wrong, "10.0.0.1")


async def test_behind_a_proxy_each_client_has_a_limit_of_its_own() -> None:
    app = boards.app(ENV)
    async with (
        serving.serving(app) as url,
        httpx.AsyncClient(base_url=url, timeout=waiting.LONG_S) as web,
    ):

        async def asked(client: str, password: str) -> int:
            headers = {"x-forwarded-for": client}
            auth = (boards.USER, password)
            return (await web.get("/admin/queues", headers=headers, auth=auth)).status_code

        for _ in range(login.FAILURES_MAX):
            # What a client puts in front of it is not believed: the proxy's own word is the last.
            assert await asked("198.51.100.9, 203.0.113.1", "guess") == 401
        assert await asked("203.0.113.1", "guess") == 429
        assert await asked("203.0.113.2", "guess") == 401
        assert await asked("203.0.113.1", boards.PASSWORD) == 503, "in, and no core is there"


def test_no_more_addresses_are_remembered_than_a_thousand() -> None:
    door = login.Door(told.Told.read(ENV), now=Clock())
    wrong = {"authorization": "Basic " + base64.b64encode(b"admin:1234").decode()}
    for number in range(login.ADDRESSES_MAX + 5):
        with pytest.raises(login.Unauthorized):
            door.enter(wrong, f"address {number}")
    assert len(door.failed) == login.ADDRESSES_MAX


async def test_too_many_failures_are_a_429_that_says_how_long(web: httpx.AsyncClient) -> None:
    for _ in range(login.FAILURES_MAX):
        answer = await web.get("/admin/queues", auth=("admin", "guess"))
        assert answer.status_code == 401
    answer = await web.get("/admin/queues", auth=("admin", "guess"))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "61")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"a":1}', "text/plain", 415),
        (b"a=1", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"1" * (routes.BODY_MOST + 1), "application/json", 413),
    ],
)
async def test_a_body_is_json_and_small(
    web: httpx.AsyncClient, content: bytes, kind: str, status: int
) -> None:
    path = "/admin/queues/api/queues/emailQueue/add"
    answer = await web.post(
        path, content=content, headers={"content-type": kind}, auth=(boards.USER, boards.PASSWORD)
    )
    assert answer.status_code == status
    assert answer.json()["error"] == {"key": "ERRORS.INVALID_REQUEST_BODY"}


async def test_a_core_that_is_away_is_said_in_a_sentence(tmp_path: Path) -> None:
    nowhere = {"MR_CORE_URL": f"unix:{tmp_path / 'none.sock'}"}
    lost = {**nowhere, "MR_CORE_TOKEN_FILE": str(tmp_path / "none")}
    for env, words in (({}, "MR_CORE_URL"), (nowhere, "none.sock"), (lost, "MR_CORE_TOKEN_FILE")):
        async with opened({**ENV, **env}) as web:
            for path in PATHS[:2]:
                answer = await web.get(path, auth=(boards.USER, boards.PASSWORD))
                assert answer.status_code == 503
                assert words in answer.json()["message"]
