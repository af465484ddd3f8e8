"""A run of D that was begun for one payment settles that one, and looks at what became of it."""

from __future__ import annotations

import pytest

from mrcore.model import base, plans
from mrcore.runbooks import asked, library
from tests.core.runbooks import looked

SOURCES = (looked.source("upstreams", "upstream", "webhook", "payment"),)
SOURCES += (looked.source("slots", "order"), looked.source("backend", "check"))
SOURCES += (looked.source("deploy", "colour"),)
TOLD, UNTOLD, OTHER = "pay_told01", "order_untold01", "order_other01"


def order(name: str, payment_id: str = "") -> base.Entity:
    state = "captured" if payment_id else "created"
    return looked.thing(
        f"slots/order/{name}", name=name, payment_id=payment_id, state=state,
        amount_paise=100, created_at="2026-01-01T11:00:00Z", actions=("payment.reconcile",),
    )  # fmt: skip


def things(*orders: base.Entity, twice: int = 0) -> tuple[base.Entity, ...]:
    return (
        *SOURCES,
        looked.thing("upstreams/upstream/razorpay", name="razorpay"),
        looked.thing("upstreams/webhook/razorpay", name="razorpay", unanswered=2),
        looked.thing("upstreams/payment/all", name="p", without_invoice=1, double_grants=twice),
        *orders,
    )


ALL = (order("order_told01", TOLD), order(UNTOLD), order(OTHER))


@pytest.mark.parametrize(
    ("payment_id", "settled"),
    [("", ALL), (TOLD, ALL[:1]), (UNTOLD, ALL[1:2]), ("pay_nobody", ())],
)
def test_only_what_it_was_begun_for_is_settled(
    payment_id: str, settled: tuple[base.Entity, ...]
) -> None:
    given = {"payment_id": payment_id} if payment_id else {}
    found = looked.request("D", things(*ALL), params=given)
    if not settled:
        assert isinstance(found, asked.Nothing)
        assert found.known
        return
    assert isinstance(found, plans.PlanRequest)
    assert found.selection.refs == tuple(each.ref for each in settled)


@pytest.mark.parametrize(
    ("payment_id", "left", "twice", "proven"),
    [
        (TOLD, ALL, 0, False),
        (TOLD, ALL[1:], 0, True),
        (UNTOLD, ALL[2:], 0, True),
        (TOLD, ALL[1:], 1, False),
        ("", (), 0, False),
    ],
)
def test_it_is_proven_by_what_is_settled_of_that(
    payment_id: str, left: tuple[base.Entity, ...], twice: int, proven: bool
) -> None:
    _, _, ask = looked.run("D", things(*left, twice=twice), params={"payment_id": payment_id})
    proof = library.load(None)["D"].step("reconcile").proof
    assert proof is not None
    assert ask.every(proof.when).value is proven


@pytest.mark.parametrize("lacks", ["without_invoice", "without_grant"])
def test_what_was_captured_is_settled_for_want_of_either(lacks: str) -> None:
    half = looked.thing("upstreams/payment/all", name="p", **{lacks: 1})
    told = looked.thing("upstreams/webhook/razorpay", name="razorpay")
    provider = looked.thing("upstreams/upstream/razorpay", name="razorpay")
    at, known, ask = looked.run("D", (*SOURCES, provider, told, half, ALL[0]))
    assert (at, known.seen, known.codes) == ("reconcile", True, ("nothing",))
    for name in ("reconcile", "resend"):
        proof = library.load(None)["D"].step(name).proof
        assert proof is not None
        assert ask.every(proof.when).value is False


@pytest.mark.parametrize("unproven", [0, 1])
def test_all_are_proven_by_grant_invoice_and_gst_trail(unproven: int) -> None:
    settled = (
        looked.thing("upstreams/webhook/razorpay", name="razorpay"),
        looked.thing("upstreams/payment/all", name="p", unproven=unproven),
    )
    _, _, ask = looked.run("D", (*SOURCES, *settled))
    proof = library.load(None)["D"].step("reconcile").proof
    assert proof is not None
    assert ask.every(proof.when).value is not bool(unproven)
