"""One correlation id from a request through its jobs, in JSON beside the free text."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import asyncpg
import httpx
import pytest
import redis

from mrcore import journal
from mrcore.mentor import config, console, mail, queues, tools, trace
from tests.core.mentor import conftest

LEAD = {"name": "Asha", "email": "asha@learners.example", "phone": "+911234567890"}


def structured(caplog: pytest.LogCaptureFixture, logger: str) -> list[dict[str, Any]]:
    """The lines of JSON of a logger."""
    lines = [console.formatter().format(r) for r in caplog.records if r.name == logger]
    return [json.loads(line) for line in lines]


def payloads(env: dict[str, str], queue: str) -> list[dict[str, Any]]:
    pool = redis.ConnectionPool(**config.Config.read(env).redis.options())
    try:
        return [task.kwargs for task in queues.hueys(pool)[queue].pending()]
    finally:
        pool.disconnect()


async def test_a_request_brings_its_id_to_its_job_and_both_lines(
    web: httpx.AsyncClient, env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    headers = {"x-correlation-id": "from-the-phone-1", "x-platform": "my-analytics-school"}
    answer = await web.post("/api/leads", json=LEAD, headers=headers)
    assert answer.headers["x-correlation-id"] == "from-the-phone-1"
    carried = {"correlationId": "from-the-phone-1", "platform": "my-analytics-school"}
    [payload] = payloads(env, "emailQueue")
    assert payload["trace"] == carried
    [line] = structured(caplog, "request")
    assert line.items() >= {**carried, "method": "POST", "path": "/api/leads"}.items()
    assert (line["status"], line["level"]) == (201, "info")
    old = [console.formatter().format(r) for r in caplog.records if r.name == "api"]
    assert len(old) == 1
    assert re.fullmatch(
        r"\S+Z INFO \[api\] lead \S+ from website \(my-analytics-school\)", old[0]
    ), "what production prints is printed still"


async def test_an_id_that_is_none_of_ours_is_replaced(
    web: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    headers = {"x-correlation-id": 'x","level":"fatal', "x-platform": "elsewhere"}
    answer = await web.post("/api/auth/login", json={"email": "no@one.example"}, headers=headers)
    made = answer.headers["x-correlation-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    [line] = structured(caplog, "request")
    assert (line["correlationId"], line["platform"], line["status"]) == (made, "", 200)


async def test_health_is_polled_and_says_nothing_while_it_is_good(
    web: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert (await web.get("/api/health")).status_code == 200
    assert structured(caplog, "request") == []


def test_a_job_passes_its_id_on_and_says_how_it_ended(
    env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Through the journal, as a worker runs it; Postgres cannot be reached, so they fail."""
    caplog.set_level(logging.INFO)
    settings = config.Config.read({**env, "DB_PORT": "1"})
    pool = redis.ConnectionPool(**settings.redis.options())
    at_hand = tools.Tools(settings, now=lambda: conftest.NOW)
    made = queues.hueys(pool, lambda: at_hand)
    ids = []
    for queue, job in (("kpiQueue", "calculateKpi"), ("missOzoneQueue", "reconcileCalls")):
        with trace.within(trace.Trace("the-request-1", "mr-mentor")):
            ids.append(made[queue].add(job))
        book = journal.of(made[queue])
        claim = book.claim()
        assert claim is not None
        book.run(claim)
        book.heart.stop()
    lines = structured(caplog, "job")
    assert [(one["queue"], one["job"], one["jobId"]) for one in lines] == [
        ("kpiQueue", "calculateKpi", ids[0]),
        ("missOzoneQueue", "reconcileCalls", ids[1]),
    ]
    carried = {"correlationId": "the-request-1", "platform": "mr-mentor", "outcome": "failed"}
    assert all(one.items() >= carried.items() for one in lines)
    assert [one["level"] for one in lines] == ["warning", "error"], "the first is tried again"
    pool.disconnect()


async def test_the_id_reaches_what_a_job_enqueues(at_hand: tools.Tools) -> None:
    with trace.within(trace.Trace("the-request-2")):
        await at_hand.add("notificationQueue", "sendWhatsApp", phone="+91", template="Nudge")
    [task] = at_hand.queues["notificationQueue"].pending()
    assert task.kwargs["trace"] == {"correlationId": "the-request-2", "platform": ""}


async def test_the_trail_of_an_email_names_the_request(
    at_hand: tools.Tools, app: asyncpg.Connection
) -> None:
    lead = await app.fetchrow("SELECT id, email, name FROM leads LIMIT 1")
    assert lead is not None
    with trace.within(trace.Trace("the-request-3")):
        await mail.send_welcome(
            at_hand, to=lead["email"], name=lead["name"], seller="S", lead_id=str(lead["id"])
        )
        with pytest.raises(Exception, match="550"):
            await mail.send_reminder(at_hand, to="a@bounce.example", name="A", title="T")
    rows = await app.fetch(
        "SELECT lead_id, recipient, template, status, correlation_id FROM mas_crm.lead_email_log"
        " ORDER BY template DESC"
    )
    assert [tuple(row) for row in rows] == [
        (lead["id"], lead["email"], "welcome", "sent", "the-request-3"),
        (None, "a@bounce.example", "reminder", "failed", "the-request-3"),
    ]
