"""The syncs against the simulated upstream services, and what those refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from mrcore import errors
from mrcore.mentor import aarya, integrations, lms, smtp_sink, tools, upstream_http
from tests import waiting
from tests.core.mentor import conftest, serving


@pytest.fixture
async def upstreams(
    app: asyncpg.Connection, sink: smtp_sink.Sink
) -> AsyncIterator[upstream_http.Upstreams]:
    """Upstreams of the same seed, with their address in every config."""
    made = upstream_http.Upstreams(
        conftest.SEED, conftest.TINY, sink, lambda: conftest.NOW, hang_s=2
    )
    async with serving.serving(made.app()) as url:
        await app.execute("UPDATE sync_configs SET base_url = $1", url)
        yield made


async def test_progress_is_kept_and_new_students_are_asked_for(
    at_hand: tools.Tools, app: asyncpg.Connection, upstreams: upstream_http.Upstreams
) -> None:
    kept = await lms.sync_progress(at_hand, config_id="graphy-main")
    assert kept == await app.fetchval("SELECT count(*) FROM progress WHERE source = 'mrlearn'") > 0
    synced = "SELECT last_synced_at FROM sync_configs WHERE id = 'graphy-main'"
    assert await app.fetchval(synced) == conftest.NOW
    asked = [task.kwargs for task in at_hand.queues["mrlearnNewStudentSyncQueue"].pending()]
    assert asked == [{"config_id": "graphy-main", "page": page} for page in range(2)]


async def test_new_students_become_users_once(
    at_hand: tools.Tools, app: asyncpg.Connection, upstreams: upstream_http.Upstreams
) -> None:
    before = await app.fetchval("SELECT count(*) FROM users")
    assert await lms.import_students(at_hand, config_id="graphy-main", page=0) == 3
    assert await app.fetchval("SELECT count(*) FROM users") == before + 3
    upstreams.asked.clear()  # the same page again
    assert await lms.import_students(at_hand, config_id="graphy-main", page=0) == 0


async def test_a_known_student_in_capitals_breaks_the_whole_page_each_time(
    at_hand: tools.Tools, app: asyncpg.Connection, upstreams: upstream_http.Upstreams
) -> None:
    before = await app.fetchval("SELECT count(*) FROM users")
    for _ in range(2):
        with pytest.raises(asyncpg.UniqueViolationError, match="users_email_key"):
            await lms.import_students(at_hand, config_id="graphy-main", page=1)
    assert await app.fetchval("SELECT count(*) FROM users") == before


async def test_results_are_kept(
    at_hand: tools.Tools, app: asyncpg.Connection, upstreams: upstream_http.Upstreams
) -> None:
    kept = await lms.sync_results(at_hand, config_id="mrtest-main")
    assert kept == await app.fetchval("SELECT count(*) FROM progress WHERE source = 'mrtest'") > 0


async def test_calls_are_kept_with_their_lead(
    at_hand: tools.Tools, app: asyncpg.Connection, upstreams: upstream_http.Upstreams
) -> None:
    kept = await aarya.sync(at_hand, config_id="elevenlabs")
    found = "SELECT count(*) FROM ai_calls WHERE caller = 'aarya' AND reconciled_at = $1"
    assert kept == await app.fetchval(found, conftest.NOW) == 5
    upstreams.asked.clear()
    assert await aarya.sync(at_hand, config_id="elevenlabs") == 5
    assert await app.fetchval(found, conftest.NOW) == 5


async def test_a_stale_key_is_401_each_time(
    at_hand: tools.Tools, upstreams: upstream_http.Upstreams
) -> None:
    for _ in range(2):
        with pytest.raises(httpx.HTTPStatusError, match="401 Unauthorized"):
            await lms.sync_progress(at_hand, config_id="graphy-partner")


async def test_every_fourth_request_is_429_and_the_retry_works(
    at_hand: tools.Tools, upstreams: upstream_http.Upstreams
) -> None:
    upstreams.asked["mrtest"] = 3
    with pytest.raises(httpx.HTTPStatusError, match="429 Too Many Requests"):
        await lms.sync_results(at_hand, config_id="mrtest-main")
    assert await lms.sync_results(at_hand, config_id="mrtest-main") > 0


async def test_a_service_that_hangs_is_a_timeout(
    at_hand: tools.Tools,
    upstreams: upstream_http.Upstreams,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(integrations, "_TIMEOUT_S", 0.2)
    upstreams.asked["mrtest"] = 8
    with pytest.raises(httpx.ReadTimeout):
        await lms.sync_results(at_hand, config_id="mrtest-main")


async def test_a_config_that_is_off_or_unknown_is_a_sentence(at_hand: tools.Tools) -> None:
    with pytest.raises(errors.SettingsError, match="'mrtest-main' has no address"):
        await lms.sync_results(at_hand, config_id="mrtest-main")
    with pytest.raises(errors.SettingsError, match="no enabled sync config 'nothing'"):
        await lms.sync_results(at_hand, config_id="nothing")


async def test_the_control_turns_mail_logins_off_and_on(
    upstreams: upstream_http.Upstreams, sink: smtp_sink.Sink
) -> None:
    async with (
        serving.serving(upstreams.app()) as url,
        httpx.AsyncClient(base_url=url, timeout=waiting.LONG_S) as client,
    ):
        assert (await client.post("/control/smtp", json={"logins": "refuse"})).status_code == 200
        assert sink.refuse_logins
        assert (await client.post("/control/smtp", json={"logins": "accept"})).status_code == 200
        assert not sink.refuse_logins
        assert (await client.post("/control/smtp", json={"logins": "?"})).status_code == 400
        assert (await client.get("/control/counters")).json() == {"smtp": {}, "http": {}}


async def test_without_a_config_all_callers_are_synced(
    at_hand: tools.Tools, upstreams: upstream_http.Upstreams
) -> None:
    assert await aarya.sync(at_hand) == 5
    assert upstreams.asked["elevenlabs"] == 1
