"""A schedule's row: what it declares, and what it does as the journal remembers it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from mrcore import redact
from mrcore.journal import record
from mrcore.model import base, queue, ref
from mrcore.queues import ticks, words
from mrcore.sources.huey import obeying, offers, rights, rows

_WHOLE = (b"queue", b"job", b"declared", b"every_s", b"template")


def same(found: Mapping[str, Mapping[bytes, bytes]]) -> dict[str, tuple[str, ...]]:
    """By the name of each that enqueues something: under which names the very same is declared.

    The same is the same job with the same arguments, as often, into the same queue.
    """
    alike: dict[tuple[bytes | None, ...], list[str]] = {}
    for name, facts in found.items():
        if facts.get(b"template") and b"removed_at" not in facts:
            alike.setdefault(tuple(facts.get(field) for field in _WHOLE), []).append(name)
    return {name: tuple(sorted(names)) for names in alike.values() for name in names}


def schedule(
    source: str,
    name: str,
    facts: dict[bytes, bytes],
    who: rights.Rights,
    now: datetime,
    registered: Sequence[str] = (),
) -> queue.Schedule:
    """A declared schedule from its hash; `registered` are the names that it is declared under."""

    def text(field: str) -> str:
        return facts.get(field.encode(), b"").decode("utf-8", "replace")

    def at(field: str) -> datetime | None:
        return rows.instant(record.number(facts.get(field.encode())))

    does = ticks.truth(told(facts, registered))
    return queue.Schedule(
        ref=ref.make(source, "schedule", name),
        verdict=_verdict(facts, does, now),
        actions=who.offered(
            offers.of_schedule(
                template=bool(facts.get(b"template")),
                removed=b"removed_at" in facts,
                differs=obeying.differs(*(text(name) for name in ("interval_s", "every_s"))),
            )
        ),
        engine="huey",
        name=name,
        queue=text("queue"),
        job=text("job"),
        declared=text("declared"),
        interval_s=record.number(facts.get(b"interval_s")),
        next_at=at("next_at"),
        last_enqueued_at=at("last_enqueued_at"),
        last_succeeded_at=does.last_succeeded_at,
        missed=does.missed,
        observed_s=does.observed_s,
        overrun=does.overrun,
        registered=max(1, len(registered)),
    )


def _verdict(facts: dict[bytes, bytes], does: ticks.Truth, now: datetime) -> base.Verdict:
    """That nothing is enqueued is worst; what stays wrong is not hidden by what is over."""

    def text(field: str) -> str:
        return facts.get(field.encode(), b"").decode("utf-8", "replace")

    next_at = rows.instant(record.number(facts.get(b"next_at")))
    if b"removed_at" in facts:
        by, why = text("removed_by"), redact.text(text("removed_why")) or "no reason given"
        why = f"Removed{f' by {by}' if by else ''} ({why}): it enqueues nothing."
        return base.Verdict(level=base.Level.WARN, code="removed", why=why)
    if next_at is not None and now - next_at > timedelta(seconds=60):
        why = "It is due and nobody enqueues it: no scheduler runs."
        return base.Verdict(level=base.Level.BAD, code="overdue", why=why)
    missed = ticks.missed(does, now) is not None
    if missed and does.verdict.code not in ("interval_off", "doubled"):
        why = "Ticks were missed while no scheduler ran; one run made up for them."
        return base.Verdict(level=base.Level.WARN, code="missed", why=why)
    if missed:
        said = f"{does.verdict.why}; ticks were missed while no scheduler ran"
        return does.verdict.model_copy(update={"why": said})
    since = rows.instant(record.number(facts.get(b"registered_at")))
    if does.verdict.code == "interval_off" and since is not None and does.observed_s is None:
        said = f"registered again at {words.clock(since, now)}, not observed yet"
        return does.verdict.model_copy(update={"why": f"{does.verdict.why}; {said}"})
    return does.verdict


def told(facts: dict[bytes, bytes], registered: Sequence[str] = ()) -> ticks.Told:
    """What a schedule's hash says of its past."""
    return ticks.Told(
        declared_s=record.number(facts.get(b"interval_s")),
        registered_s=record.number(facts.get(b"every_s")),
        ticks=tuple(_instants(facts.get(b"ticks"))),
        runs=tuple(_runs(facts.get(b"runs"))),
        missed=int(record.number(facts.get(b"missed")) or 0),
        missed_at=rows.instant(record.number(facts.get(b"missed_at"))),
        last_succeeded_at=rows.instant(record.number(facts.get(b"last_succeeded_at"))),
        registered=max(1, len(registered)),
        registrars=registered,
    )


def _instants(value: bytes | None) -> Iterator[datetime]:
    for word in (value or b"").split():
        if (at := rows.instant(record.number(word))) is not None:
            yield at


def _runs(value: bytes | None) -> Iterator[ticks.Ran]:
    """`started:ended:outcome`, each."""
    for word in (value or b"").split():
        began, _, rest = word.partition(b":")
        ended, _, outcome = rest.partition(b":")
        if (at := rows.instant(record.number(ended))) is not None:
            yield ticks.Ran(at, rows.instant(record.number(began)), outcome == b"succeeded")
