"""Calls and messages through Exotel's right cluster, what the wrong one says, and no Exotel."""

from __future__ import annotations

import contextlib
import dataclasses
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest
from starlette import applications

from mrcore.mentor import app as mentor_app
from mrcore.mentor import exotel, upstream_exotel
from tests import waiting
from tests.core.mentor import conftest, serving

CALL, SMS = "/api/exotel/click-to-call", "/api/exotel/sms"
TOKEN = "the webhook's"
STATUS = "SELECT status FROM exotel_sends WHERE sid = $1"


def told(url: str) -> dict[str, str]:
    """The environment of a backend whose Exotel is at `url`, on the right cluster."""
    return {
        "EXOTEL_SID": "mrmentor1",
        "EXOTEL_API_KEY": "a key",
        "EXOTEL_API_TOKEN": "its token",
        "EXOTEL_CALLER_ID": "08047112233",
        "EXOTEL_SUBDOMAIN": exotel.MUMBAI,
        "EXOTEL_SMS_SENDER_ID": "MRMNTR",
        "EXOTEL_WEBHOOK_TOKEN": TOKEN,
        "MR_EXOTEL_URL": f"{url}/exotel",
    }


@dataclasses.dataclass
class Office:
    """A backend, Exotel and its console, and somebody of sales with a lead."""

    web: httpx.AsyncClient
    exotel: upstream_exotel.Exotel
    console: httpx.AsyncClient
    sales: dict[str, str]
    lead: uuid.UUID
    phone: str

    async def post(self, path: str, **more: Any) -> httpx.Response:
        body = {"leadId": str(self.lead), **more}
        return await self.web.post(path, json=body, headers=self.sales)

    async def tell(self, kind: str, token: str, **form: str) -> httpx.Response:
        return await self.web.post(f"/api/exotel/{kind}-status", params={"token": token}, data=form)


@contextlib.asynccontextmanager
async def opened(
    env: dict[str, str], app: asyncpg.Connection, **changed: str
) -> AsyncIterator[Office]:
    """An office whose backend is told `changed` besides."""
    service = upstream_exotel.Exotel(exotel.Settings.read(told("")))
    lead = await app.fetchrow("SELECT id, phone FROM leads ORDER BY id LIMIT 1")
    assert lead is not None
    async with serving.serving(applications.Starlette(routes=service.routes())) as url:
        made = mentor_app.create("blue", {**env, **told(url), **changed}, now=lambda: conftest.NOW)
        async with (
            serving.serving(made) as backend,
            httpx.AsyncClient(base_url=backend, timeout=waiting.LONG_S) as web,
            httpx.AsyncClient(base_url=url, timeout=waiting.LONG_S) as console,
        ):

            async def ready() -> bool:
                return (await web.get("/api/health")).status_code == 200

            await waiting.until(ready)
            sales = await conftest.bearer(app, env, "sales")
            yield Office(web, service, console, sales, lead["id"], lead["phone"])


@pytest.fixture
async def office(env: dict[str, str], app: asyncpg.Connection) -> AsyncIterator[Office]:
    async with opened(env, app) as made:
        yield made


async def test_a_click_rings_caller_and_lead_and_a_message_is_sent(
    office: Office, app: asyncpg.Connection
) -> None:
    answer = (await office.post(CALL)).raise_for_status().json()
    assert (answer["success"], answer["enabled"]) == (True, True)
    [sent] = office.exotel.sent
    own = await app.fetchval("SELECT phone FROM users WHERE role = 'sales' ORDER BY id LIMIT 1")
    assert (sent["From"], sent["To"], sent["CallerId"]) == (own, office.phone, "08047112233")
    assert "StatusCallback" not in sent, "nobody could reach us there"
    assert await app.fetchval(STATUS, answer["sid"]) == "queued"
    written = (await office.post(SMS, body="Your mentor waits")).raise_for_status().json()
    message = office.exotel.sent[-1]
    assert (message["From"], message["To"], message["Body"]) == (
        "MRMNTR",
        office.phone,
        "Your mentor waits",
    )
    kind = "SELECT kind FROM exotel_sends WHERE sid = $1"
    assert await app.fetchval(kind, written["sid"]) == "sms"


async def test_the_wrong_cluster_answers_401_and_the_right_one_200(
    env: dict[str, str], app: asyncpg.Connection
) -> None:
    async with opened(env, app, EXOTEL_SUBDOMAIN=exotel.SINGAPORE) as office:
        answer = await office.post(CALL)
        assert answer.status_code == 502
        assert "EXOTEL_SUBDOMAIN api.exotel.com is not this account's" in answer.json()["message"]
        assert not office.exotel.sent
        auth = ("a key", "its token")
        codes = [
            (await office.console.get(f"/exotel/{host}/v1/Accounts/mrmentor1", auth=auth))
            for host in exotel.CLUSTERS
        ]
        assert [answer.status_code for answer in codes] == [401, 200]
        moved = await office.console.post("/control/exotel", json={"home": exotel.SINGAPORE})
        assert moved.status_code == 200
        assert (await office.post(CALL)).status_code == 200


@pytest.mark.parametrize("missing", ["SID", "API_KEY", "API_TOKEN", "CALLER_ID"])
def test_it_is_off_without_any_one_credential(missing: str) -> None:
    assert exotel.Settings.read(told("")).is_on
    assert not exotel.Settings.read({**told(""), f"EXOTEL_{missing}": ""}).is_on


async def test_where_it_is_off_there_is_a_tel_link(
    env: dict[str, str], app: asyncpg.Connection
) -> None:
    async with opened(env, app, EXOTEL_CALLER_ID="") as office:
        answer = await office.post(CALL)
        assert answer.json() == {"success": True, "enabled": False, "tel": f"tel:{office.phone}"}
        assert (await office.post(SMS, body="Hi")).status_code == 503
        assert not office.exotel.sent


async def test_only_sales_call(
    office: Office, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    student = await conftest.bearer(app, env, "student")
    body = {"leadId": str(office.lead)}
    assert (await office.web.post(CALL, json=body, headers=student)).status_code == 403
    assert (await office.web.post(CALL, json=body)).status_code == 401
    nobody = {"leadId": str(uuid.UUID(int=0))}
    assert (await office.web.post(CALL, json=nobody, headers=office.sales)).status_code == 404
    assert not office.exotel.sent


async def test_callbacks_say_how_it_went_and_what_is_over_stays_over(
    office: Office, app: asyncpg.Connection
) -> None:
    sid = (await office.post(CALL)).json()["sid"]
    steps = [("in-progress", "in-progress"), ("completed", "completed"), ("ringing", "completed")]
    for said, kept in steps:
        answer = await office.tell("call", TOKEN, CallSid=sid, Status=said)
        assert answer.status_code == 200
        assert await app.fetchval(STATUS, sid) == kept
    count = "SELECT count(*) FROM exotel_callbacks WHERE sid = $1"
    assert await app.fetchval(count, sid) == 3
    refused = [
        (await office.tell("call", "guess", CallSid=sid, Status="failed"), 401),
        (await office.tell("call", "", CallSid=sid, Status="failed"), 401),
        (await office.tell("call", TOKEN, CallSid="another", Status="failed"), 404),
        (await office.tell("sms", TOKEN, SmsSid=sid, Status="failed"), 404),
        (await office.tell("call", TOKEN, CallSid=sid), 400),
    ]
    assert [
        (answer.status_code, code) for answer, code in refused if answer.status_code != code
    ] == []
    assert await app.fetchval(count, sid) == 3


async def test_a_reachable_backend_is_told_by_exotel_itself(
    env: dict[str, str], app: asyncpg.Connection
) -> None:
    async with opened(env, app, BACKEND_PUBLIC_URL="http://later") as office:
        office.exotel.calls_back = False  # where it was asked to, nobody listens
        sid = (await office.post(CALL)).json()["sid"]
        address = office.exotel.sent[0]["StatusCallback"]
        assert address == f"http://later/api/exotel/call-status?token={quote(TOKEN)}"
        here = address.replace("http://later", str(office.web.base_url).rstrip("/"))
        await office.exotel.tell(here, "call", sid)
        assert await app.fetchval(STATUS, sid) == "completed"


async def test_without_a_webhook_token_no_callback_is_taken(
    env: dict[str, str], app: asyncpg.Connection
) -> None:
    async with opened(env, app, EXOTEL_WEBHOOK_TOKEN="") as office:
        sid = (await office.post(CALL)).json()["sid"]
        answer = await office.tell("call", "", CallSid=sid, Status="failed")
        assert answer.status_code == 401
        assert await app.fetchval(STATUS, sid) == "queued"
