"""How a Bull Board knows us: each way is sent with every question, and its secret nowhere else."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from mrcore import errors, sources
from mrcore.model import plans
from mrcore.sources import base as source_base
from mrcore.sources.bullboard import link
from tests.standins import bullboard as recorded

SECRET = "s%3Aq8Zt0vW1"
BASIC = base64.b64encode(f"asha:{SECRET}".encode()).decode()
WAYS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "cookie": ({"cookie": f"connect.sid={SECRET}"}, {"cookie": f"connect.sid={SECRET}"}),
    "headers": (
        {"headers": {"X-Forwarded-User": "asha", "Authorization": f"Bearer {SECRET}"}},
        {"x-forwarded-user": "asha", "authorization": f"Bearer {SECRET}"},
    ),
    "basic": ({"username": "asha", "password": SECRET}, {"authorization": f"Basic {BASIC}"}),
}
"""The settings, and what the board must be sent."""

JOB = "board/job/emails/3"
BY = plans.By(login="asha", operation=3)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, str]]:
    return WAYS[request.param]


@pytest.fixture
def board(way: tuple[dict[str, Any], dict[str, str]]) -> Iterator[recorded.Board]:
    """A board that answers 401 to everything that is sent without it."""
    with recorded.running("9.10") as made:
        made.wants = way[1]
        yield made


def table(board: recorded.Board, own: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "bullboard", "url": board.url, **own}


async def retried(source: source_base.Source) -> plans.TargetOutcome:
    """One job is planned and retried."""
    selection = plans.Selection(refs=(JOB,))
    parts = source.plan("queue.retry", selection, {}, lambda looked, total: None)
    targets = [part async for part in parts if isinstance(part, plans.Target)]
    (outcome,) = await source.apply("queue.retry", targets, {}, BY)
    return outcome


async def test_it_is_sent_with_every_question(
    way: tuple[dict[str, Any], dict[str, str]],
    board: recorded.Board,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    own = table(board, way[0])
    async with sources.build("board", own)[0] as source:
        sample = await source.sample()
        detail = await source.detail(JOB)
        outcome = await retried(source)
        told = source.describe()
    assert outcome.outcome is plans.Outcome.DONE, outcome
    assert board.paths("PUT") == ["/queues/emails/3/retry"]
    assert all(way[1].items() <= one.headers.items() for one in board.asked)
    found = await sources.examine("board", own)
    assert found[0].ok
    hidden(f"{sample!r} {detail!r} {outcome!r} {told!r} {found!r} {caplog.text}")


async def test_without_it_nothing_is_shown_and_the_refusal_does_not_say_it(
    way: tuple[dict[str, Any], dict[str, str]],
    board: recorded.Board,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    board.wants = {"x-other": "login"}
    own = table(board, way[0])
    async with sources.build("board", own)[0] as source:
        with pytest.raises(
            errors.NotPermitted, match=r"does not take this login \(401\)"
        ) as refused:
            await source.sample()
    found = await sources.examine("board", own)
    assert not found[0].ok
    hidden(f"{refused.getrepr(showlocals=False)} {refused.value!r} {found!r} {caplog.text}")


async def test_a_board_that_says_it_back_is_not_repeated(
    way: tuple[dict[str, Any], dict[str, str]], board: recorded.Board
) -> None:
    board.answers["/queues"] = (500, {"error": f"No session for {way[1]}"})
    async with sources.build("board", table(board, way[0]))[0] as source:
        with pytest.raises(errors.SourceError, match="No session for") as refused:
            await source.sample()
    hidden(str(refused.value))


def test_settings_do_not_show_it(way: tuple[dict[str, Any], dict[str, str]]) -> None:
    own = link.Settings(url="https://app/queues", **way[0])
    hidden(f"{own!r} {own} {own.model_dump()} {own.model_dump_json()}")


def hidden(told: str) -> None:
    """No way to spell the secret is in what was told, which is more than nothing."""
    assert len(told) > 20
    assert [one for one in (SECRET, BASIC) if one in told] == []
