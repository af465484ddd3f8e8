"""What a channel is given to tell: alerts of one group, why, and what was found. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from mrcore.alerts import telling
from mrcore.model import alert as alerts
from mrcore.model import base

ITEMS_MAX = 50
TEXT_MAX = 600

_WHYS = {
    telling.Kind.FIRED: "it fires",
    telling.Kind.STILL: "it still fires",
    telling.Kind.ESCALATED: "nobody has acknowledged it",
    telling.Kind.FLAPPING: "it goes to and fro",
    telling.Kind.RESOLVED: "its beginning was told here",
}
_RANK = list(alerts.Severity)


class Item(base.Frozen):
    """One alert of a message; `kind` is what is told of it, `why` for what reason, and here."""

    alert: base.Ref
    kind: telling.Kind
    severity: alerts.Severity
    rule: str
    name: str
    subject: base.Ref
    summary: str
    why: str
    at: base.Instant
    fired_at: base.Instant | None = None
    runbook: str = ""
    diagnosis: str = ""

    @property
    def ended(self) -> bool:
        """Whether it is its end that is told."""
        return self.kind is telling.Kind.RESOLVED


class Message(base.Frozen):
    """What is told at once; `key` is the same at every try, and no other message has it.

    `more` is how many alerts there are beside the `items`.
    """

    key: str
    environment: str
    group: str
    at: base.Instant
    items: tuple[Item, ...]
    more: int = 0
    test: bool = False

    @property
    def severity(self) -> alerts.Severity:
        """The worst of them."""
        return min((item.severity for item in self.items), key=_RANK.index)

    @property
    def ended(self) -> bool:
        """Whether it only tells of ends."""
        return all(item.ended for item in self.items)

    @property
    def title(self) -> str:
        """One line: the worst alert, and how many others."""
        first = leading(self.items)
        others = len({item.alert for item in self.items}) - 1 + self.more
        state = _STATES[first.kind]
        head = f"[{self.environment}] {first.severity} {state}: {first.rule}"
        on = f" on {first.name}" if first.name else ""
        return f"{head}{on}{f', and {others} more' if others else ''}"

    @property
    def text(self) -> str:
        """Everything, in lines."""
        lines = [line for item in self.items for line in _lines(item)]
        if self.more:
            lines.append(f"… and {self.more} more; mrtui shows them all (6).")
        return "\n".join(lines)


_STATES = {
    telling.Kind.FIRED: "firing",
    telling.Kind.STILL: "still firing",
    telling.Kind.ESCALATED: "unanswered",
    telling.Kind.FLAPPING: "flapping",
    telling.Kind.RESOLVED: "resolved",
}


def leading(items: Sequence[Item]) -> Item:
    """Which one stands for all: one that has not ended, the worst, the first."""
    return min(items, key=lambda item: (item.ended, _RANK.index(item.severity), item.at))


def why(kind: telling.Kind, said: str, severity: alerts.Severity, channel: str, to: str) -> str:
    """Why it is told, and why there: `to` names the setting that sends it to this channel."""
    if kind is telling.Kind.RESOLVED:
        return "; ".join(filter(None, (said, _WHYS[kind])))
    return f"{said or _WHYS[kind]}; {to or severity.value} goes to {channel}"


def key(parts: Iterable[object]) -> str:
    """What tells this message from every other."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]


def test(environment: str, channel: str, now: datetime) -> Message:
    """A message that says that it is none."""
    item = Item(
        alert="core/alert/test/core%2Fcore%2Fself",
        kind=telling.Kind.FIRED,
        severity=alerts.Severity.INFO,
        rule="test",
        name=channel,
        subject="core/core/self",
        summary="This is a test: nothing is wrong.",
        why="somebody has asked for it (mrcore alerts test)",
        at=now,
        fired_at=now,
    )
    made = key((environment, channel, "test", now.isoformat()))
    return Message(
        key=made, environment=environment, group="core/test", at=now, items=(item,), test=True
    )


def bounded(items: Sequence[Item]) -> tuple[tuple[Item, ...], int]:
    """The first so many, the worst among them, and how many are left out."""
    ordered = sorted(items, key=lambda item: (item.ended, _RANK.index(item.severity), item.at))
    return tuple(ordered[:ITEMS_MAX]), max(0, len(ordered) - ITEMS_MAX)


def _lines(item: Item) -> Iterable[str]:
    name = f" on {item.name}" if item.name else ""
    at = item.at if item.ended else item.fired_at or item.at
    state = _STATES[item.kind].upper()
    yield f"{state} {item.severity} {item.rule}{name}, {at:%Y-%m-%d %H:%M:%S} UTC"
    yield f"  {item.summary[:TEXT_MAX]}"
    if item.diagnosis:
        yield f"  found: {item.diagnosis[:TEXT_MAX]}"
    if item.runbook and not item.ended:
        yield f"  runbook {item.runbook}"
    yield f"  why: {item.why}"
    yield f"  mr://{item.alert}"
