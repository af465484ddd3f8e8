"""To whom a notice goes, in which group, and when. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from mrcore.alerts import finding, telling
from mrcore.model import alert, base
from mrcore.model import ref as refs
from mrcore.store import outbox

BACK_OFF_S = 5.0
BACK_OFF_MAX_S = 300.0


class Routes(NamedTuple):
    """Which severities each channel takes, and where escalations go; times in seconds."""

    severities: Mapping[str, Collection[alert.Severity]]
    escalate_to: Sequence[str] = ()
    group_wait_s: float = 10.0
    group_interval_s: float = 60.0

    def channels(
        self, kind: telling.Kind, severity: alert.Severity, told: Sequence[outbox.Told]
    ) -> list[str]:
        """Which channels are told: an end, those that were told of its beginning."""
        before = [each.channel for each in told if each.channel in self.severities]
        if kind is telling.Kind.RESOLVED:
            return list(dict.fromkeys(before))
        if kind is telling.Kind.ESCALATED and self.escalate_to:
            return list(dict.fromkeys(self.escalate_to))
        return [name for name, takes in self.severities.items() if severity in takes]

    def to(self, kind: telling.Kind) -> str:
        """Which setting sends it there, where it is not its severity."""
        return "what nobody acknowledges" if kind is telling.Kind.ESCALATED else ""

    def due(self, kind: telling.Kind, at: datetime, sent: datetime | None) -> datetime:
        """When a message with this in it is due; `sent` is when its group was told last.

        What nobody acknowledges has waited long enough.
        """
        if kind is telling.Kind.ESCALATED:
            return at
        wait_s = 0.0 if kind is telling.Kind.RESOLVED else self.group_wait_s
        first = at + timedelta(seconds=wait_s)
        return max(first, sent + timedelta(seconds=self.group_interval_s)) if sent else first


def group(root: finding.Key) -> str:
    """The group of everything that comes from one cause: its service, and the rule."""
    of = refs.parse(root.subject)
    about_source = of.source == "core" and of.kind == "source"
    service = of.id if about_source else of.source
    return refs.make(service, root.rule)


def root(key: finding.Key, above: Callable[[finding.Key], finding.Key | None]) -> finding.Key:
    """What an alert comes from in the end; itself where it comes from nothing."""
    seen = {key}
    while (found := above(key)) is not None and found not in seen:
        seen.add(found)
        key = found
    return key


def key_of(ref: base.Ref) -> finding.Key:
    """Which alert a ref is of, also when it is not known any more."""
    rule, subject, *rest = (part.decode() for part in refs.parse(ref).ids)
    abouts: dict[str, alert.About] = {"nodata": "nodata", "error": "error"}
    return finding.Key(rule, abouts.get(rest[0] if rest else "", "condition"), subject)


def back_off(tries: int, jitter: float, after_s: float) -> timedelta:
    """How long to wait after so many failed tries; `jitter` is from 0 to 1."""
    pause_s = min(BACK_OFF_MAX_S, BACK_OFF_S * 2 ** min(tries, 10))
    return timedelta(seconds=max(after_s, pause_s * (0.75 + jitter / 2)))
