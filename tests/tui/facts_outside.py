"""Meetings, the machine, patterns of logs, a dead man's switch, at the other facts' instant."""

from __future__ import annotations

from mrcore.model import alert, backend, base, host, log, meeting
from tests.tui import facts


def entities() -> list[base.Entity]:
    """One of each kind."""
    return [
        meeting.Meeting(
            ref="meetings/meeting/room-7",
            verdict=facts.warn("no_answer", "2 people, and no offer was answered"),
            name="room-7",
            backend="blue",
            state="no_answer",
            state_since=facts.ago(64),
            opened_at=facts.ago(300),
            peers=2,
            offers=1,
        ),
        meeting.Signalling(ref="meetings/signalling/blue", name="blue", refused=2),
        meeting.Origin(ref="meetings/origin/https%3A%2F%2Fx", name="https://x", status_code=200),
        meeting.Turn(ref="meetings/turn/main", name="main", target="127.0.0.1:3478", ok=True),
        backend.Cache(
            ref="backend/cache/kpi-dashboard",
            verdict=facts.warn("wrong", "it is not what the database says of then"),
            name="kpi-dashboard",
            computed_at=facts.ago(300),
            equal=False,
        ),
        host.Host(ref="host/host/vm1", name="vm1", cores=2, memory_bytes=8_000_000_000),
        host.Disk(ref="host/disk/state", name="state", path="/var/lib/mr", total_bytes=10**11),
        host.Certificate(ref="host/certificate/api", name="api:443", expires_at=facts.ago(-86_400)),
        log.LogPattern(ref="logs/pattern/http_5xx", name="http_5xx", expr=" 5[0-9][0-9] "),
        alert.Heartbeat(
            ref="core/heartbeat/backup",
            name="backup",
            state="up",
            declared="every 24 h",
            succeeded_at=facts.ago(3_600),
            due_at=facts.ago(-82_800),
        ),
    ]
