"""An order that no webhook told of: left unpaid, or paid and the webhook lost."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from starlette import applications

from mrcore.mentor import app as mentor_app
from mrcore.mentor import (
    checkouts,
    migrate,
    payment_routes,
    razorpay,
    settling,
    tools,
    unsettled,
    upstream_razorpay,
)
from mrcore.runbooks import library
from mrcore.sources.upstreams import counted, rows
from tests import waiting
from tests.core.mentor import conftest, serving, test_payments
from tests.core.runbooks import looked, test_one_payment

MADE = (
    "INSERT INTO payments (user_id, order_id, amount_paise, gst_paise, created_at)"
    " SELECT id, $1, 100, 15, $2 FROM users LIMIT 1"
)
MINUTE = timedelta(minutes=1)


@dataclasses.dataclass
class Till:
    """Orders, Razorpay's side of them, and who asks; `asked` are the orders that it asked of."""

    service: upstream_razorpay.Razorpay
    url: str
    app: asyncpg.Connection
    watcher: asyncpg.Connection
    at_hand: tools.Tools
    now: datetime = conftest.NOW
    asked: list[str] = dataclasses.field(default_factory=list)

    def asker(self, url: str = "") -> checkouts.Checkouts:
        settings = razorpay.Settings.read(test_payments.told(url or self.url))

        async def paid(order: str) -> razorpay.Payment | None:
            self.asked.append(order)
            return await razorpay.paid(settings, order)

        return checkouts.Checkouts(self.at_hand.database, paid, lambda: self.now)

    async def order(self, name: str, age: timedelta = 11 * MINUTE) -> str:
        await self.app.execute(MADE, f"order_{name}", self.now - age)
        return f"order_{name}"

    def pay(self, order: str, status: str = "captured") -> None:
        """At Razorpay; no webhook tells of it."""
        said = {"id": f"pay_{order}", "order_id": order, "amount": 100, "status": status}
        self.service.payments[said["id"]] = said

    async def unanswered(self) -> int:
        """As the source counts it, with its rights."""
        return int((await counted.read(self.watcher, self.now)).money["unanswered"])

    async def by_runbook_d(self) -> tuple[str, tuple[str, ...], bool | None]:
        """Where a run of D that begins now waits, what it found, whether its symptom is gone."""
        seen = rows.passive("upstreams", await counted.read(self.watcher, self.now))
        provider = looked.thing("upstreams/upstream/razorpay", name="razorpay")
        at, known, ask = looked.run("D", (*test_one_payment.SOURCES, provider, *seen))
        return at, known.codes, ask.gone(library.load(None)["D"].symptom).value


@pytest.fixture
async def till(seeded: str, app: asyncpg.Connection, at_hand: tools.Tools) -> AsyncIterator[Till]:
    service = upstream_razorpay.Razorpay(razorpay.Settings.read(test_payments.told("")))
    watcher = await asyncpg.connect(conftest.as_role(seeded, "mr_watcher"))
    async with serving.serving(applications.Starlette(routes=service.routes())) as url:
        yield Till(service, url, app, watcher, at_hand)
    await watcher.close()


async def test_what_nobody_paid_is_told_apart_from_a_lost_webhook(till: Till) -> None:
    await till.order("left")
    failed, back, held, paid = [await till.order(n) for n in ("failed", "back", "held", "paid")]
    till.pay(failed, "failed")
    till.pay(back, "refunded")
    till.pay(held, "authorized")
    till.pay(paid)
    assert await till.unanswered() == 5, "of none it is known"
    await till.asker().ask()
    assert await till.unanswered() == 2
    said = "SELECT order_id FROM payments WHERE unpaid_at = $1"
    rows = await till.app.fetch(said, till.now)
    assert {row["order_id"] for row in rows} == {"order_left", "order_failed", "order_back"}


async def test_a_second_attempt_whose_webhook_was_lost_is_found(till: Till) -> None:
    again, left = [await till.order(name, MINUTE) for name in ("again", "left")]
    for order in (again, left):
        first = razorpay.Payment(f"pay_first_{order}", order, 100, "failed")
        await settling.failed(till.app, first, till.now)
    till.pay(again)
    till.now += 10 * MINUTE
    assert await till.unanswered() == 0
    await till.asker().ask()
    await settling.failed(till.app, first, till.now)
    late = razorpay.Payment(f"pay_first_{again}", again, 100, "failed")
    await settling.failed(till.app, late, till.now)
    assert (sorted(till.asked), await till.unanswered()) == ([again, left], 1)
    found = await unsettled.listed(till.app, till.now)
    assert [(row["orderId"], row["state"]) for row in found] == [(again, "failed")]
    assert await till.by_runbook_d() == ("reconcile", ("never_arrived",), False)


async def test_it_is_known_before_it_counts(till: Till) -> None:
    await till.order("young", 8 * MINUTE)
    await till.asker().ask()
    assert till.asked == []
    till.now += 1.5 * MINUTE
    await till.asker().ask()
    assert till.asked == ["order_young"]
    till.now += MINUTE
    assert await till.unanswered() == 0


async def test_who_comes_back_and_pays_is_found(till: Till) -> None:
    order = await till.order("late")
    asker = till.asker()
    await asker.ask()
    till.pay(order)
    till.now += 4 * MINUTE
    await asker.ask()
    assert (len(till.asked), await till.unanswered()) == (1, 0)
    till.now += MINUTE
    await asker.ask()
    assert (len(till.asked), await till.unanswered()) == (2, 1)


async def test_what_razorpay_does_not_answer_is_not_known(till: Till) -> None:
    await till.order("one")
    await till.order("two")
    nowhere = "http://127.0.0.1:1"
    await till.asker(nowhere).ask()
    assert len(till.asked) == 1, "whoever is away is not asked once for each order"
    await till.asker(f"{till.url}/nowhere").ask()  # 404: not of Razorpay
    assert await till.unanswered() == 2
    till.now += MINUTE
    await till.asker().ask()
    assert await till.unanswered() == 0
    till.now += 5 * MINUTE
    await till.asker(nowhere).ask()
    assert await till.unanswered() == 0, "what was said before stands"


async def test_what_was_paid_stands_until_it_is_settled(till: Till) -> None:
    left, paid = await till.order("left"), await till.order("paid")
    till.pay(paid)
    await till.asker().ask()
    till.now += 180 * MINUTE
    assert [row["orderId"] for row in await unsettled.listed(till.app, till.now)] == [paid]
    assert await till.by_runbook_d() == ("reconcile", ("never_arrived",), False)
    till.asked.clear()
    await till.asker().ask()
    assert (till.asked, await till.unanswered()) == ([paid], 1), f"nobody asks of {left} any more"
    captured = razorpay.Payment.read(till.service.payments[f"pay_{paid}"])
    await settling.settle(till.app, captured, payment_routes.WEBHOOK, till.now)
    assert await unsettled.listed(till.app, till.now) == []
    assert await till.by_runbook_d() == ("", (), True)


async def test_of_what_razorpay_has_not_answered_it_is_asked_until_it_does(till: Till) -> None:
    await till.order("unknown", 8 * MINUTE)
    till.now += 180 * MINUTE
    assert await till.unanswered() == 1
    await till.asker().ask()
    assert await till.unanswered() == 0


async def test_old_orders_of_which_nobody_was_ever_asked_are_no_news(
    till: Till, seeded: str
) -> None:
    (text,) = [text for _, name, text in migrate.files() if name == "0015_standing.sql"]
    ages = {"history": 121 * MINUTE, "told": 121 * MINUTE, "young": 119 * MINUTE}
    till.now = datetime.now(UTC)
    history, told, young = [await till.order(name, age) for name, age in ages.items()]
    asked = "UPDATE payments SET asked_at = created_at WHERE order_id = $1"
    await till.app.execute(asked, told)
    owner = await asyncpg.connect(seeded)
    await owner.execute(f"DROP INDEX payments_standing; {text}")
    await owner.close()
    listed = await unsettled.listed(till.app, till.now)
    assert [row["orderId"] for row in listed] == [told, young], f"{history} never counted"


async def test_two_backends_ask_of_an_order_once(till: Till) -> None:
    made = [await till.order(f"number{number}") for number in range(10)]
    await asyncio.gather(till.asker().ask(), till.asker().ask())
    assert sorted(till.asked) == sorted(made)


async def test_a_backend_asks_by_itself(till: Till, env: dict[str, str]) -> None:
    order = await till.order("left")
    made = mentor_app.create(
        "blue", {**env, **test_payments.told(till.url)}, now=lambda: conftest.NOW
    )

    async def known() -> Any:
        return await till.app.fetchval("SELECT unpaid_at FROM payments WHERE order_id = $1", order)

    async with serving.serving(made):
        assert await waiting.until(known, what="what Razorpay said") == conftest.NOW


async def test_what_is_no_json_is_a_sentence() -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"<html>"})

    async with serving.serving(answer) as url:
        with pytest.raises(razorpay.Failed, match="not understood"):
            await razorpay.paid(razorpay.Settings.read(test_payments.told(url)), "order_x")
