"""What acting on alerts answers, in the words of plans."""

from __future__ import annotations

from datetime import datetime, timedelta

from mrcore import errors
from mrcore.alerts import book, track
from mrcore.model import base, plans


def target(found: track.Track) -> plans.Target:
    fired = found.state.fired_at
    return plans.Target(
        ref=found.key.ref,
        label=f"{found.rule} {found.name}",
        guard={"fired_at": fired.isoformat() if fired else ""},
        note=found.summary,
        at=fired,
    )


def same(kept: book.Book, target: plans.Target) -> track.Track | None:
    """The alert, if it is still the same firing."""
    found = kept.find(target.ref)
    if found is None or not found.state.open or found.state.fired_at is None:
        return None
    return found if found.state.fired_at.isoformat() == target.guard["fired_at"] else None


def done(
    target: plans.Target, memento: plans.Args | None = None, why: str = ""
) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE, why=why, memento=memento)


def skipped(target: plans.Target, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)


def left_out(where: base.Ref, why: str) -> plans.LeftOut:
    return plans.LeftOut(why=why, count=1, samples=(where,))


def number(args: plans.Args, name: str, usual: int, most: int, *, least: int = 1) -> int:
    """An argument in whole minutes; the command line gives it as text."""
    value = args.get(name, usual)
    if value == "":
        value = usual
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 7:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise errors.BadRequest(f"{name} is {str(value)[:40]!r}: it is {least} to {most:,}.")
    return value


def grave(text: str, when: bool) -> plans.Remark:
    """What a plan causes; of high risk, and to be known before, `when` that is so."""
    if not when:
        return plans.Remark(text=text)
    return plans.Remark(text=text, level=base.Level.WARN, risk=plans.Risk.HIGH)


def span(begins: datetime, ends: datetime, now: datetime) -> str:
    """`until 02:21Z, for 30 minutes`; dated on another day, with a start that is to come."""
    starts = f"from {_instant(begins, now)} " if begins > now else ""
    return f"{starts}until {_instant(ends, now)}, for {_length(ends - begins)}"


def _instant(at: datetime, now: datetime) -> str:
    """An instant in UTC, to the minute."""
    return f"{at:%H:%M}Z" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}Z"


def _length(lasts: timedelta) -> str:
    """A length of whole minutes in words: `1 day 2 hours`."""
    hours, minutes = divmod(lasts.seconds // 60, 60)
    parts = ((lasts.days, "day"), (hours, "hour"), (minutes, "minute"))
    return " ".join(f"{n} {unit}{'s' if n > 1 else ''}" for n, unit in parts if n)
