"""`payment.reconcile`: orders that were not settled are granted and invoiced, each exactly once.

Razorpay is asked by the backend, never from here, when it is planned and when it is done. The
backend does it only where what was planned is all that lacks, in one transaction; it honours
`Idempotency-Key`, so that what a core did before it ended is told, not done again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal

import pydantic
from pydantic import alias_generators

from mrcore import errors
from mrcore.model import base, plans, ref, upstream
from mrcore.sources import base as source_base
from mrcore.sources.slots import link

ACTION = "payment.reconcile"
_PAISE = 100
_UNTOLD = base.Verdict(level=base.Level.BAD, code="untold", why="no webhook told what became of it")
_CAPTURED = base.Verdict(
    level=base.Level.BAD, code="not_settled", why="captured, and not granted and invoiced"
)


class _Read(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(
        alias_generator=alias_generators.to_camel, populate_by_name=True
    )


class Row(_Read):
    """One order of a list."""

    order_id: str
    amount_paise: pydantic.NonNegativeInt
    created_at: pydantic.AwareDatetime
    payment_id: str | None = None
    state: Literal["created", "captured", "failed", "refunded"]
    granted: bool
    invoiced: bool


class Listed(_Read):
    """Answer of `GET /finance/unsettled`, the oldest first."""

    data: list[Row]


class Would(_Read):
    """What a payment leads to, or why nothing would be done; `granted` is whether it was."""

    why: str = ""
    payment_id: str = ""
    amount_paise: pydantic.NonNegativeInt = 0
    tokens: pydantic.NonNegativeInt = 0
    granted: bool = False
    invoiced: bool = False


class Asked(_Read):
    """Answer of `GET /finance/unsettled/:order`."""

    data: Would


class Settled(_Read):
    """Answer of `POST /finance/reconcile`: what it has made."""

    tokens: pydantic.NonNegativeInt
    invoice: str
    granted: bool
    invoiced: bool


class Money:
    """Lists orders, and settles them."""

    def __init__(self, source: str, backend: link.Link) -> None:
        self._source = source
        self._backend = backend

    async def orders(self) -> list[upstream.Order]:
        """Those that were not settled; none of an older Mr. Mentor, which has no such route."""
        answer = await self._backend.ask("GET", "finance", "unsettled")
        if answer.status == 404:
            return []
        return [self._order(row) for row in self._backend.read(Listed, answer).data]

    async def plan(
        self, selection: plans.Selection, progress: source_base.Progress
    ) -> AsyncIterator[source_base.Planned]:
        """What Razorpay says was paid, and what each would get."""
        known = {each.ref: each for each in await self.orders()}
        for number, one in enumerate(selection.refs, 1):
            order = known.get(one)
            if order is None:
                yield plans.LeftOut(
                    why="There is no such unsettled order.", count=1, samples=(one,)
                )
            else:
                yield await self._planned(order)
            progress(number, len(selection.refs))

    async def apply(self, chunk: Sequence[plans.Target], by: plans.By) -> list[plans.TargetOutcome]:
        """One after the other."""
        return [await self._settle(target, by) for target in chunk]

    async def _planned(self, order: upstream.Order) -> source_base.Planned:
        path = ("finance", "unsettled", order.name)
        would = (await self._backend.get(Asked, *path)).data
        if not would.payment_id or (would.granted and would.invoiced):
            why = f"{would.why or 'It is granted and invoiced'}: nothing is to be done."
            return plans.LeftOut(why=why, count=1, samples=(order.ref,))
        tokens = f"grants {would.tokens:,} token{'s'[: would.tokens != 1]}"
        parts = [tokens] * (not would.granted) + ["issues an invoice"] * (not would.invoiced)
        return plans.Target(
            ref=order.ref,
            label=f"payment {would.payment_id} of {money(would.amount_paise)}",
            note=" and ".join(parts),
            guard=would.model_dump(include={"payment_id", "granted", "invoiced"}),
            at=order.created_at,
        )

    async def _settle(self, target: plans.Target, by: plans.By) -> plans.TargetOutcome:
        has = {name: target.guard[name] for name in ("granted", "invoiced")}
        body = {"paymentId": target.guard["payment_id"], "onlyIf": has}
        headers = {"idempotency-key": source_base.mark(by, ACTION, target.guard)}
        outcome, why, doubtful = plans.Outcome.FAILED, "", by.again
        try:
            answer = await self._backend.ask(
                "POST", "finance", "reconcile", headers=headers, body=body
            )
            if answer.status == 412:
                outcome = plans.Outcome.SKIPPED
                why = "It has moved on: something of it was settled meanwhile."
            elif "idempotent-replayed" in answer.headers and not by.again:
                outcome, why = plans.Outcome.SKIPPED, "It has moved on: it was settled before."
            elif answer.good:
                done = self._backend.read(Settled, answer)
                outcome, doubtful = plans.Outcome.DONE, False
                parts = [f"{done.tokens:,} granted"] * done.granted
                why = ", ".join([*parts, *[f"invoice {done.invoice}"] * done.invoiced])
            else:
                why = f"The backend says: {answer.said}."
        except errors.SourceError as error:
            why, doubtful = f"{error} It may have been done.", True
        doubtful = doubtful and outcome is plans.Outcome.FAILED
        return plans.TargetOutcome(ref=target.ref, outcome=outcome, why=why, doubtful=doubtful)

    def _order(self, row: Row) -> upstream.Order:
        return upstream.Order(
            ref=ref.make(self._source, "order", row.order_id),
            name=row.order_id,
            amount_paise=row.amount_paise,
            created_at=row.created_at,
            state=row.state,
            payment_id=row.payment_id or "",
            granted=row.granted,
            invoiced=row.invoiced,
            verdict=_CAPTURED if row.state == "captured" else _UNTOLD,
            actions=(ACTION,),
        )


def money(paise: int) -> str:
    """An amount in rupees."""
    return f"₹{paise // _PAISE:,}.{paise % _PAISE:02d}"
