"""A simulated core that has slots and trails besides, at the instant of the other facts."""

from __future__ import annotations

from mrcore.model import base, plans, slot, wire
from tests.tui import facts, simulated

ALL = "slots/slots/all"
ASHA = "slots/mentor/0a7c"


def counted() -> list[base.Entity]:
    """All slots, and those of two mentors."""
    return [
        slot.Slots(
            ref=ALL,
            name="all",
            counts=slot.Counts(
                total=1_204, available=310, booked=502, future=780, expired=424, expired_unbooked=37
            ),
            mentors=2,
            actions=("slots.clean", "slots.enqueue"),
        ),
        slot.Mentor(
            ref=ASHA,
            name="Asha Iyer",
            counts=slot.Counts(
                total=800, available=310, booked=302, future=580, expired=220, expired_unbooked=37
            ),
        ),
        slot.Mentor(
            ref="slots/mentor/0b11",
            name="Ravi Menon",
            counts=slot.Counts(total=404, booked=200, future=200, expired=204),
        ),
    ]


def slots() -> list[base.Entity]:
    """Two that nobody booked, and one to come."""
    return [
        slot.Slot(
            ref=f"slots/slot/{n}",
            mentor="Asha Iyer",
            starts_at=facts.ago(seconds),
            ends_at=facts.ago(seconds - 1_800),
            booked_by="" if seconds > 0 else "5f0c1c1e",
        )
        for n, seconds in enumerate((90_000, 7_200, -3_600))
    ]


def trails() -> list[base.Entity]:
    """Somebody logged in as somebody else; an invoice was changed."""
    return [
        slot.Trail(
            ref="slots/trail/login_logs/1/a",
            actions=("trail.reveal",),
            trail="login_logs",
            at=facts.ago(340),
            who="email:7f3a91",
            what="master_login",
            about="email:0c55aa",
            address="10.0.0.7",
        ),
        slot.Trail(
            ref="slots/trail/gst_audit_log/2/b",
            actions=("trail.reveal",),
            trail="gst_audit_log",
            at=facts.ago(90_000),
            who="email:7f3a91",
            what="update gst_paise",
            about="pay_9 INV-2026-0041",
            old="18000",
            new="36000",
        ),
    ]


class Simulated(simulated.Simulated):
    """With a source of kind slots."""

    async def live(self) -> wire.Snapshot:
        known = await super().live()
        mine = wire.Changed(source="slots", at=facts.ago(0.4), upserts=tuple(counted()))
        return known.model_copy(update={"sources": (*known.sources, mine)})

    def _rows(self, collection: str) -> list[base.Entity]:
        if collection in ("slots", "trails"):
            return slots() if collection == "slots" else trails()
        return super()._rows(collection)

    async def detail(self, ref: str) -> wire.Detail:
        for entity in (*counted(), *slots(), *trails()):
            if entity.ref == ref:
                return wire.Detail(at=facts.NOW, entity=entity)
        return await super().detail(ref)

    def _targets(self, action: str, selection: plans.Selection) -> tuple[list[str], int]:
        return list(selection.refs), 0
