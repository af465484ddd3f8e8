"""What a watcher of a play has seen, as a test writes it down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from mrcore.alerts import rule as rules
from mrcore.gameday import faults, scenario, watch
from mrcore.model import alert, base, wire

T0 = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
RULES = rules.read(rules.shipped(), "rules.toml", 20)
J = scenario.shipped(faults.KINDS, RULES)["J"]


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def fired(rule: str, at_s: float = 1.0, **more: Any) -> alert.Alert:
    """An alert that fired so long after the beginning and was told."""
    said: dict[str, Any] = {
        "ref": f"core/alert/{rule}/x",
        "rule": rule,
        "severity": alert.Severity.P1,
        "phase": alert.Phase.FIRING,
        "subject": "redis/node/main",
        "name": "main",
        "summary": "",
        "since": later(at_s - 0.5),
        "fired_at": later(at_s),
        "told_at": later(at_s),
    }
    return alert.Alert(**(said | more))


async def seen(*entities: base.Entity, samples_s: tuple[float, ...] = ()) -> watch.Watcher:
    """A watcher that has heard these, and of these samples of Redis."""
    events = [
        wire.Snapshot(at=T0, environment="local", core_version="1"),
        wire.Changed(source="core", at=later(9), upserts=entities),
        *(wire.Changed(source="redis", at=later(at_s)) for at_s in samples_s),
    ]

    class Client:
        async def changes(self) -> AsyncIterator[wire.Snapshot | wire.Changed | wire.Touched]:
            for event in events:
                yield event

    made = watch.Watcher(now=lambda: later(10))
    await made.follow(Client())
    return made
