"""`mrtui find`: hits as they come, how far it looked, and what cannot be searched."""

from __future__ import annotations

import json

import pytest

from mrcore import errors
from mrcore.model import wire
from mrtui import cli
from mrtui.cli import find
from tests.tui import facts, simulated


async def finding(client: simulated.Simulated, *argv: str) -> int:
    """The exit code of `mrtui find …`."""
    return await find._run(cli.parser("find").taken(argv), lambda: client)


async def test_hits_are_printed_with_their_refs_and_how_far_it_looked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = simulated.Simulated()
    assert await finding(client, "535-5.7.8", "--queue", "emailQueue") == 0
    said = capsys.readouterr()
    assert "mr://huey/job/emailQueue/8123  failed  sendOtp  2026-03-12 14:01:30Z" in said.out
    assert said.err == "2 hits, all 2 jobs looked at\n"


async def test_every_queue_is_searched_as_json_and_one_that_cannot_be_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = simulated.Simulated()
    client.unsearchable = "huey/queue/kpiQueue"
    assert await finding(client, "8200", "--json") == 0
    said = capsys.readouterr()
    assert [json.loads(line)["id"] for line in said.out.splitlines()] == ["8200"]
    assert "huey/queue/kpiQueue is not searched: no journal" in said.err


async def test_it_stops_where_it_was_told_and_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = simulated.Simulated()
    far = wire.Looked(scanned=3_000, total=9_000, complete=False)
    client.pages = [wire.Page(at=facts.NOW, cursor="3000", looked=far)]
    assert await finding(client, "x", "--queue", "emailQueue", "--look", "3000") == 1
    said = capsys.readouterr().err
    assert said == "0 hits, newest 3,000 of 9,000 looked at; --look 6000 goes on\n"


async def test_a_queue_that_there_is_not_is_named() -> None:
    with pytest.raises(errors.NotFound, match="'nope'"):
        await finding(simulated.Simulated(), "x", "--queue", "nope")
