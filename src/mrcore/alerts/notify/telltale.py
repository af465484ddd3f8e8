"""What was told of an alert, as its detail shows it."""

from __future__ import annotations

from mrcore import errors
from mrcore.model import base, wire
from mrcore.store import database
from mrcore.store import outbox as store

SHOWN_MAX = 40


async def section(ledger: database.Database, ref: base.Ref) -> wire.Section:
    """The newest first; a sentence where the ledger cannot be read."""
    try:
        found = await ledger.look(lambda c: store.lines(c, ref, SHOWN_MAX))
    except errors.StoreError as error:
        return wire.Section(id="told", title="Notifications", form="text", text=str(error))
    fields = tuple(wire.Field(name=_name(line), value=_said(line)) for line in found)
    return wire.Section(id="told", title="Notifications", fields=fields)


def _name(line: store.Line) -> str:
    return f"{line.at:%Y-%m-%d %H:%M:%S} {line.kind}"


def _said(line: store.Line) -> str:
    """Where, whether it came there, and why it was told."""
    why = f" ({line.why})" if line.why else ""
    if not line.channel:
        return f"to no channel: on the screen only{why}"
    if line.outcome == store.SENT:
        tries = f", at the {_ordinal(line.tries)} try" if line.tries > 1 else ""
        return f"{line.channel}: sent {line.ended_at:%H:%M:%S}{tries}{why}"
    if line.outcome == store.DROPPED:
        return f"{line.channel}: not sent: {line.error}{why}"
    if line.tries:
        next_ = f"next try {line.due_at:%H:%M:%S}"
        times = "once" if line.tries == 1 else f"{line.tries} times"
        return f"{line.channel}: failed {times}: {line.error} {next_}{why}"
    return f"{line.channel}: due {line.due_at:%H:%M:%S}{why}"


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")
