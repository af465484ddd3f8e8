"""The source `slots` over answers of a simulated backend, said so here; the real one is the rig."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from mrcore import errors, sources
from mrcore.model import plans, slot
from mrcore.sources import base as source_base
from mrcore.sources.slots import doctor, link, rows
from tests import upstream

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
ROW = {
    "id": "00000000-0000-0000-0000-000000000001",
    "mentorId": "00000000-0000-0000-0000-00000000000a",
    "mentorName": "Asha",
    "startsAt": "2026-11-19T10:00:00+00:00",
    "endsAt": "2026-11-19T10:30:00+00:00",
    "bookedBy": None,
}
ALL = "slots/slots/all"
BY = plans.By(login="asha", reason="why", operation=7)


OLDER: dict[str, Any] = {"success": True, "data": [ROW], "deletedCount": 1, "jobId": "1"}
"""What an older Mr. Mentor lists, and what it did: no ETag, no keys honoured."""


def build(url: str) -> source_base.Source:
    table = {"url": url, "token": "a.secret.token"}
    return sources.build("slots", table, now=lambda: NOW)[0]


async def test_a_token_that_is_not_taken_says_what_to_do_and_is_not_told() -> None:
    async with upstream.running(401, {}) as server, build(server.url) as source:
        with pytest.raises(errors.NotPermitted) as caught:
            await source.sample()
        told = link.Settings(url=server.url, token=SecretStr("a.secret.token"))
        [found] = await doctor.examine(told, lambda: NOW)
    assert "(401)" in str(caught.value)
    assert "the JWT of an admin who is logged in now" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert (found.what, found.ok) == ("slots", False)


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b'{"data": 1}', b"[" * 60_000])
async def test_what_is_no_mr_mentor_is_an_error_of_the_source(raw: bytes) -> None:
    async with upstream.running(200, raw) as server, build(server.url) as source:
        with pytest.raises(errors.SourceError):
            await source.sample()


async def test_nobody_there_is_unreachable() -> None:
    async with upstream.running(200, {}) as server:
        url = server.url
    async with build(url) as source:
        with pytest.raises(errors.Unreachable):
            await source.sample()


async def planned(source: source_base.Source, action: str) -> list[source_base.Planned]:
    chosen = plans.Selection(refs=(ALL,))
    return [part async for part in source.plan(action, chosen, {}, lambda done, total: None)]


async def test_a_backend_without_etags_is_looked_at_right_before_and_never_cleaned_twice() -> None:
    async with upstream.running(200, OLDER) as server, build(server.url) as source:
        target, *remarks = await planned(source, "slots.clean")
        assert isinstance(target, plans.Target)
        assert (target.label, target.note) == ("1 expired unbooked slot", "of 1 mentor")
        assert target.at == datetime(2026, 11, 19, 10, 30, tzinfo=UTC)
        texts = [part.text for part in remarks if isinstance(part, plans.Remark)]
        assert texts[0] == "Asha: 1, the oldest ended 2026-11-19 10:30Z"
        assert any("cannot check and act in one step" in text for text in texts)
        [done] = await source.apply("slots.clean", [target], {}, BY)
        assert (done.outcome, done.why) == (plans.Outcome.DONE, "1 deleted")
        assert isinstance(server.body, dict)
        server.body = {**server.body, "data": []}
        [moved] = await source.apply("slots.clean", [target], {}, BY)
        assert moved.outcome is plans.Outcome.SKIPPED
        assert "1 → 0" in moved.why
        before = server.requests
        again = BY.model_copy(update={"again": True})
        [doubted] = await source.apply("slots.clean", [target], {}, again)
        assert (doubted.outcome, doubted.doubtful) == (plans.Outcome.FAILED, True)
        assert "It may have been done." in doubted.why
        assert server.requests == before + 1, "it looked, and did not clean"


async def test_no_free_slot_is_a_warning_and_no_slot_at_all_is_none() -> None:
    gone = slot.Counts(total=3, booked=3, future=3)
    assert rows.whole("slots", gone, 1, "").verdict.code == "exhausted"
    assert rows.whole("slots", slot.Counts(), 0, "").verdict.code == ""
    assert rows.whole("slots", gone, 1, "").actions == ()
