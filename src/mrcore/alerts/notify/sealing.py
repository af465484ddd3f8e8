"""How a message is made of its notices, with what was found out meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from mrcore import hub as hubs
from mrcore.alerts import finding, telling, track
from mrcore.alerts.notify import message, routing
from mrcore.model import alert, base, run
from mrcore.store import alerts as store
from mrcore.store import outbox

Noted = Sequence[tuple[int, store.Notice]]


class Known(Protocol):
    """What is known of alerts: the Book."""

    def above(self, key: finding.Key) -> finding.Key | None: ...
    def standing(self, key: finding.Key) -> track.Track | None: ...
    def runbook(self, rule: str) -> str: ...


class Diagnoses:
    """What runs of runbooks have found out about alerts, as the hub has it."""

    def __init__(self, hub: hubs.Hub, source: str) -> None:
        self._hub = hub
        self._source = source

    def of(self, alert_: base.Ref, fired_at: datetime | None) -> run.Run | None:
        """The newest run that this firing has begun."""
        live = self._hub.known(self._source)
        found = [
            each
            for each in (live.entities.values() if live else ())
            if isinstance(each, run.Run)
            and each.alert == alert_
            and (fired_at is None or each.began_at >= fired_at)
        ]
        return max(found, key=lambda each: each.began_at, default=None)


class Sealer(NamedTuple):
    """Makes messages; a first notification waits `wait_s` at most for a diagnosis under way."""

    environment: str
    known: Known
    diagnosed: Callable[[base.Ref, datetime | None], run.Run | None]
    wait_s: float

    def waits(self, head: outbox.Message, noted: Noted, now: datetime) -> bool:
        """Whether a diagnosis is under way that is worth waiting for."""
        if now >= head.due_at + timedelta(seconds=self.wait_s):
            return False
        ended = {each.alert for _, each in noted if each.kind == telling.Kind.RESOLVED}
        runs = (
            self.diagnosed(each.alert, _instant(each.fired_at))
            for _, each in noted
            if each.kind == telling.Kind.FIRED and each.alert not in ended
        )
        return any(found is not None and found.diagnosed_at is None for found in runs)

    def group(self, noted: Noted) -> str:
        """The one group that all of these come from now; empty where there are several."""
        groups = {self.group_of(each.alert) for _, each in noted}
        return groups.pop() if len(groups) == 1 else ""

    def group_of(self, alert_: base.Ref) -> str:
        """The group of what an alert comes from now."""
        return routing.group(routing.root(routing.key_of(alert_), self.known.above))

    def made(self, head: outbox.Message, noted: Noted, to: routing.Routes) -> message.Message:
        """The message."""
        items = [self.item(each, head.channel, to) for _, each in noted]
        kept, more = message.bounded(items)
        parts = (self.environment, head.channel, head.group, head.id, head.made_at.isoformat())
        return message.Message(
            key=message.key(parts),
            environment=self.environment,
            group=head.group,
            at=max(item.at for item in items),
            items=kept,
            more=more,
        )

    def item(self, each: store.Notice, channel: str, to: routing.Routes) -> message.Item:
        """One alert of a message, with what is known of it now."""
        key, kind = routing.key_of(each.alert), telling.Kind(each.kind)
        severity, fired_at = alert.Severity(each.severity), _instant(each.fired_at)
        seen = self.known.standing(key)
        condition = key.about == "condition"
        return message.Item(
            alert=each.alert,
            kind=kind,
            severity=severity,
            rule=key.rule,
            name=seen.name if seen else track.base_name(key.subject),
            subject=key.subject,
            summary=each.summary,
            why=message.why(kind, each.why, severity, channel, to.to(kind)),
            at=_instant(each.at),
            fired_at=fired_at,
            runbook=self.known.runbook(key.rule) if condition else "",
            diagnosis=self._diagnosis(each.alert, fired_at),
        )

    def _diagnosis(self, alert_: base.Ref, fired_at: datetime | None) -> str:
        found = self.diagnosed(alert_, fired_at)
        if found is None:
            return ""
        if found.diagnosed_at is None:
            return f"runbook {found.runbook} is still looking (run {found.id})"
        return found.diagnosis


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def refs(noted: Iterable[tuple[int, store.Notice]]) -> tuple[base.Ref, ...]:
    """The alerts of a message."""
    return tuple(dict.fromkeys(each.alert for _, each in noted))
