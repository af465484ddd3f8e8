"""Meetings, what they need, and a dead man's switch, at the instant of the other facts."""

from __future__ import annotations

from mrcore.model import alert, base, meeting
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
        alert.Heartbeat(
            ref="core/heartbeat/backup",
            name="backup",
            state="up",
            declared="every 24 h",
            succeeded_at=facts.ago(3_600),
            due_at=facts.ago(-82_800),
        ),
    ]
