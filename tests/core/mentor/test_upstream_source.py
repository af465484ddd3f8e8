"""What the source `upstreams` says of the simulated services, the secrets and the money."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from mrcore import errors
from mrcore.mentor import (
    config,
    exotel,
    lms,
    secret,
    smtp_sink,
    tools,
    unsettled,
    upstream_exotel,
    upstream_http,
    upstream_secrets,
)
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources import upstreams
from mrcore.stack import addresses, credentials, outside
from tests import waiting
from tests.core.mentor import conftest, serving

TOKEN = SecretStr("the manager's token")


@dataclasses.dataclass
class World:
    """The services, their console, and the source that watches them."""

    url: str
    console: httpx.AsyncClient
    source: source_base.Source

    async def entity(self, ref: base.Ref) -> Any:
        found = {each.ref: each for each in (await self.source.sample()).entities}
        return found[ref]

    async def probe(self, name: str) -> Any:
        """Ask one service now, through the action; how it is then."""
        of = f"upstreams/upstream/{name}"
        await self.heard(name)
        chosen = plans.Selection(refs=(of,))
        planned = [p async for p in self.source.plan("check.run", chosen, {}, lambda n, t: None)]
        targets = [p for p in planned if isinstance(p, plans.Target)]
        (done,) = await self.source.apply("check.run", targets, {}, plans.By(login="asha"))
        assert done.outcome is plans.Outcome.DONE
        return await self.entity(of)

    async def heard(self, name: str) -> Any:
        """Wait for its first answer."""
        of = f"upstreams/upstream/{name}"

        async def asked() -> Any:
            found = await self.entity(of)
            return found if found.probed_at else None

        return await waiting.until(asked, what=f"an answer of {name}", timeout_s=60)

    async def tell(self, path: str, **said: Any) -> None:
        (await self.console.post(f"/control/{path}", json=said)).raise_for_status()


@pytest.fixture
async def world(
    seeded: str, app: asyncpg.Connection, env: dict[str, str], sink: smtp_sink.Sink
) -> AsyncIterator[World]:
    env |= {
        "EXOTEL_SID": "mrmentor1",
        "EXOTEL_API_KEY": "a key",
        "EXOTEL_API_TOKEN": "its token",
        "EXOTEL_CALLER_ID": "08047112233",
        "EXOTEL_SUBDOMAIN": exotel.MUMBAI,
        "RAZORPAY_KEY_ID": "not asked here",
    }
    values = {name: env[name] for name in secret.KEPT if name in env}
    manager = upstream_secrets.Secrets(values, TOKEN, source_base.utc_now())
    calls = upstream_exotel.Exotel(exotel.Settings.read(env))
    made = upstream_http.Upstreams(
        conftest.SEED,
        conftest.TINY,
        sink,
        lambda: conftest.NOW,
        extra=[*calls.routes(), *manager.routes(source_base.utc_now)],
    )
    async with serving.serving(made.app()) as url, httpx.AsyncClient(base_url=url) as console:
        await app.execute("UPDATE sync_configs SET base_url = $1", url)
        words = credentials.Credentials(
            **{
                **{field.name: "x" for field in dataclasses.fields(credentials.Credentials)},
                "secrets": TOKEN.get_secret_value(),
            }
        )
        server = addresses.Server("redis://127.0.0.1", own=False)
        ports = {"smtp_port": int(env["EMAIL_PORT"]), "upstreams_port": int(url.rsplit(":")[-1])}
        places = addresses.Addresses(
            1, server, server, switch_port=1, turn_port=1, backend_ports={}, **ports
        )
        table = outside.source(places, words, conftest.as_role(seeded, "mr_watcher"))
        settings = upstreams.Settings.model_validate({**table, "every_s": 3600})
        source = upstreams.open_source("upstreams", settings, now=source_base.utc_now)
        async with source:
            opened = World(url, console, source)
            await waiting.until(lambda: _sees(source), what="a sample", timeout_s=60)
            yield opened


async def _sees(source: source_base.Source) -> bool:
    try:
        await source.sample()
    except errors.Unreachable:
        return False
    return True


async def test_the_right_cluster_is_named_where_the_other_answers_401(world: World) -> None:
    assert (await world.heard("exotel")).auth_ok
    await world.tell("exotel", home=exotel.SINGAPORE)
    found = await world.probe("exotel")
    assert (found.status_code, found.verdict.code) == (401, "wrong_cluster")
    assert exotel.SINGAPORE in found.verdict.why
    # What the secret says is what is asked, and no process had to be restarted for that.
    name = "mr-mentor-backend/development"
    await world.tell("secrets", secret=name, set={"EXOTEL_SUBDOMAIN": exotel.SINGAPORE})
    assert (await world.probe("exotel")).auth_ok


async def test_mail_is_probed_without_a_mail(world: World, sink: smtp_sink.Sink) -> None:
    assert (await world.heard("smtp")).status_code == 235
    await world.tell("smtp", logins="refuse")
    found = await world.probe("smtp")
    assert (found.status_code, found.auth_ok, found.verdict.code) == (535, False, "535")
    assert not sink.counters["delivered"]
    await world.tell("smtp", logins="accept", password="rotated by hand")
    assert (await world.probe("smtp")).status_code == 535
    name = "mr-mentor-backend/development"
    await world.tell("secrets", secret=name, set={"EMAIL_PASS": "rotated by hand"})
    assert (await world.probe("smtp")).status_code == 235
    for server, said in (("away", (None, "unreachable")), ("busy", (421, "error"))):
        await world.tell("smtp", server=server)
        found = await world.probe("smtp")
        assert (found.status_code, found.verdict.code) == said
    await world.tell("smtp", server="there")
    assert (await world.probe("smtp")).status_code == 235


FAULTS: dict[str, tuple[str, bool | None]] = {
    "401": ("auth", False),
    "403": ("auth", False),
    "429": ("limited", None),
    "503": ("error", None),
}


async def test_every_fault_of_the_console_is_told_apart(world: World) -> None:
    for fault, (code, auth_ok) in FAULTS.items():
        await world.tell("faults", service="mrtest", fault=fault)
        found = await world.probe("mrtest-main")
        assert (found.status_code, found.verdict.code) == (int(fault), code)
        assert found.auth_ok is auth_ok
    await world.tell("faults", service="mrtest", fault="ok")
    assert (await world.probe("mrtest-main")).verdict == base.OK


async def test_a_config_is_probed_where_and_with_the_key_that_are_stored(
    world: World, app: asyncpg.Connection
) -> None:
    assert (await world.heard("graphy-main")).auth_ok
    await world.tell("keys", service="graphy", keys=["a new key"])
    assert (await world.probe("graphy-main")).status_code == 401
    await app.execute("UPDATE sync_configs SET api_key = 'a new key' WHERE id = 'graphy-main'")
    assert (await world.probe("graphy-main")).auth_ok
    await app.execute("UPDATE sync_configs SET base_url = 'http://127.0.0.1:1'")
    assert (await world.probe("graphy-main")).verdict.code == "unreachable"
    await app.execute("UPDATE sync_configs SET base_url = ''")
    assert (await world.probe("graphy-main")).verdict.code == "not_set"


async def test_the_backends_own_calls_are_counted(
    world: World, env: dict[str, str], sink: smtp_sink.Sink
) -> None:
    at_hand = tools.Tools(config.Config.read(env), now=source_base.utc_now)
    await world.tell("faults", service="mrtest", fault="403")
    with pytest.raises(httpx.HTTPStatusError):
        await lms.sync_results(at_hand, config_id="mrtest-main")
    await world.tell("faults", service="mrtest", fault="ok")
    await lms.sync_results(at_hand, config_id="mrtest-main")
    await at_hand.aclose()
    found = await world.entity("upstreams/upstream/mrtest-main")
    assert (found.calls, found.refused, found.failed) == (2, 1, 0)


async def test_who_runs_with_an_older_secret_is_stale(
    world: World, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    names = {"MR_SECRETS_URL": f"{world.url}/secrets", "MR_SECRETS_TOKEN": TOKEN.get_secret_value()}
    told = {**names, "NODE_ENV": "development", "EMAIL_USER": "mine"}
    version = await _read(told)
    assert told["EMAIL_USER"] == "mine"
    assert told["EMAIL_PASS"] == env["EMAIL_PASS"]
    await secret.note(app, "worker", config.Config.read(told), conftest.NOW)
    before = await world.entity("upstreams/secret/worker")
    assert (before.version, before.stale) == (version, False)
    await world.tell("secrets", secret=secret.NAMES[0], set={"EMAIL_PASS": "rotated-value"})
    after = await world.entity("upstreams/secret/worker")
    assert (after.version, after.stale, after.verdict.code) == (version, True, "stale")
    assert after.current != version
    other = await world.entity("upstreams/secret/mr-mentor-backend%2Fproduction")
    assert other.verdict.code == "forgotten"
    await world.tell("secrets", secret=secret.NAMES[1], set={"EMAIL_PASS": "rotated-value"})
    other = await world.entity("upstreams/secret/mr-mentor-backend%2Fproduction")
    assert other.verdict == base.OK
    shown = (await world.source.sample()).model_dump_json()
    assert env["EMAIL_PASS"] not in shown
    assert "rotated-value" not in shown


async def _read(told: dict[str, str]) -> str:
    return await asyncio.to_thread(secret.read, told)


async def test_orders_not_told_of_and_payments_not_settled_are_counted(
    world: World, app: asyncpg.Connection
) -> None:
    now = source_base.utc_now()
    assert (await world.entity("upstreams/webhook/razorpay")).unanswered == 0
    assert (await world.entity("upstreams/payment/all")).verdict == base.OK
    made = (
        "INSERT INTO payments (user_id, order_id, amount_paise, gst_paise, created_at)"
        " SELECT id, 'order_late', 100, 15, $1 FROM users LIMIT 1"
    )
    await app.execute(made, now - timedelta(minutes=11))
    found = await world.entity("upstreams/webhook/razorpay")
    assert (found.unanswered, found.verdict.code) == (1, "silent")
    captured = (
        "UPDATE payments SET status = 'captured', captured_at = $1 WHERE order_id = 'order_late'"
    )
    await app.execute(captured, now - timedelta(minutes=2))
    assert (await world.entity("upstreams/webhook/razorpay")).unanswered == 0
    found = await world.entity("upstreams/payment/all")
    assert (found.without_invoice, found.without_grant, found.unproven) == (1, 1, 1)
    invoiced = (
        "INSERT INTO invoices (payment_id, number, amount_paise, gst_paise, issued_at)"
        " SELECT id, 'INV-LATE', 100, 15, $1 FROM payments WHERE order_id = 'order_late'"
    )
    await app.execute(invoiced, now)
    found = await world.entity("upstreams/payment/all")
    assert (found.without_invoice, found.without_grant) == (0, 1)
    assert found.verdict.why == "0 captured without invoice, 1 without grant, 0 granted twice"
    (listed,) = await unsettled.listed(app, now)
    assert (listed["granted"], listed["invoiced"]) == (False, True)


async def test_what_was_captured_is_proven_by_its_grant_its_invoice_and_its_trail(
    world: World, app: asyncpg.Connection
) -> None:
    trailed = await app.fetch(
        "SELECT id, razorpay_payment_id AS name, captured_at FROM payments p"
        " WHERE status = 'captured' AND EXISTS (SELECT FROM superadmin.gst_audit_log a"
        " WHERE a.payment_id = p.razorpay_payment_id) LIMIT 3"
    )
    change = "UPDATE payments SET captured_at = $2, razorpay_payment_id = $3 WHERE id = $1"
    lost = (
        "UPDATE payments SET razorpay_payment_id = 'pay_without' WHERE id = $1",
        "DELETE FROM invoices WHERE payment_id = $1",
        "DELETE FROM token_grants WHERE payment_id = $1",
    )
    for paid, loss in zip(trailed, lost, strict=True):
        await app.execute(change, paid["id"], source_base.utc_now(), paid["name"])
        assert (await world.entity("upstreams/payment/all")).unproven == 0
        await app.execute(loss, paid["id"])
        assert (await world.entity("upstreams/payment/all")).unproven == 1
        await app.execute(change, paid["id"], paid["captured_at"], paid["name"])
    assert (await world.entity("upstreams/payment/all")).unproven == 0, "it is of the last hour"


async def test_how_often_the_last_late_webhook_was_sent_is_counted(
    world: World, app: asyncpg.Connection
) -> None:
    assert (await world.entity("upstreams/webhook/razorpay")).late_times == 0
    now = source_base.utc_now()
    await app.execute(
        "INSERT INTO razorpay_events (event_id, event, payment_id, received_at, deliveries)"
        " SELECT 'late', 'payment.captured', razorpay_payment_id, $1, 3 FROM payments"
        " WHERE razorpay_payment_id IS NOT NULL LIMIT 1",
        now,
    )
    found = await world.entity("upstreams/webhook/razorpay")
    assert (found.late_at, found.late_times) == (now, 3)
