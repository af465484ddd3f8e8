"""Entities of what was counted: pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from mrcore.model import base, ref, upstream
from mrcore.sources.upstreams import counted, manager

TOGETHER = timedelta(minutes=30)
"""Secrets that change together do so within this."""


def with_calls(entity: upstream.Upstream, found: counted.Counted | None) -> upstream.Upstream:
    """A service with what the backend's own calls came to."""
    row = found.calls.get(entity.name) if found else None
    if row is None:
        return entity
    names = ("calls", "refused", "limited", "failed")
    update = {**{name: row[name] for name in names}, "last_call_at": row["last_at"]}
    return entity.model_copy(update=update)


def passive(
    source: str, found: counted.Counted, usual_gap_s: float | None = None
) -> list[base.Entity]:
    """Webhooks by provider, of Razorpay's with how far apart they are, and what payments led to."""
    made: list[base.Entity] = []
    for name, row in found.hooks.items():
        unanswered = found.money["unanswered"] if name == "razorpay" else 0
        made.append(
            upstream.Webhook(
                ref=ref.make(source, "webhook", name),
                name=name,
                last_at=row["last_at"],
                last_hour=row["last_hour"],
                usual_gap_s=usual_gap_s if name == "razorpay" else None,
                late_at=found.money["late_at"] if name == "razorpay" else None,
                late_times=found.money["late_times"] if name == "razorpay" else 0,
                unanswered=unanswered,
                verdict=_judge(unanswered, "silent", f"{unanswered} orders are not told of"),
            )
        )
    names = ("without_invoice", "without_grant", "double_grants")
    lost, bare, twice = (found.money[name] for name in names)
    why = f"{lost} captured without invoice, {bare} without grant, {twice} granted twice"
    made.append(
        upstream.Payments(
            ref=ref.make(source, "payment", "all"),
            name="payments",
            without_invoice=lost,
            without_grant=bare,
            double_grants=twice,
            unproven=found.money["unproven"],
            verdict=_judge(lost + bare + twice, "not_settled", why),
        )
    )
    return made


def _judge(count: int, code: str, why: str) -> base.Verdict:
    return base.Verdict(level=base.Level.BAD, code=code, why=why) if count else base.OK


def secrets(
    source: str, found: counted.Counted | None, current: Mapping[str, manager.Current]
) -> list[base.Entity]:
    """Each secret, whether another that changes with it is newer; each process with its version."""
    newest = max((each.changed_at for each in current.values()), default=None)
    made: list[base.Entity] = []
    for name, now in current.items():
        behind = newest is not None and newest - now.changed_at > TOGETHER
        forgotten = base.Verdict(
            level=base.Level.WARN, code="forgotten", why="another secret was changed, this one not"
        )
        made.append(
            upstream.Secret(
                ref=ref.make(source, "secret", name),
                name=name,
                secret=name,
                version=now.version,
                current=now.version,
                changed_at=now.changed_at,
                verdict=forgotten if behind else base.OK,
            )
        )
    return [*made, *_processes(source, found, current)]


def _processes(
    source: str, found: counted.Counted | None, current: Mapping[str, manager.Current]
) -> list[base.Entity]:
    made: list[base.Entity] = []
    for row in found.processes if found else ():
        now = current.get(row["secret"])
        stale = now is not None and now.version != row["version"]
        why = f"runs with an older version of {row['secret']}: restart it"
        verdict = base.Verdict(level=base.Level.BAD, code="stale", why=why) if stale else base.OK
        made.append(
            upstream.Secret(
                ref=ref.make(source, "secret", row["process"]),
                name=row["process"],
                secret=row["secret"],
                version=row["version"],
                current=now.version if now else "",
                stale=stale,
                read_at=row["read_at"],
                changed_at=now.changed_at if now else None,
                verdict=verdict,
            )
        )
    return made
