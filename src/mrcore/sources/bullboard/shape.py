"""What a board can do, told by the shape of its queues: it does not say its version. Pure.

The fields and routes by version are those of @bull-board/api 4.12 to 9.10 (each one's routes.js
and queues.js were compared): `delimiter` came with 6.x, `globalConcurrency` with 6.17,
`hasWorkers` and the schedulers with 8.5, `supportsGlobalRateLimit` with 9.5 together with delay,
priority and a retry of all that goes by pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

App = Mapping[str, JsonValue]
"""A queue or a job as the board shows it."""


@dataclass(frozen=True)
class Shape:
    """What a board of that age can do."""

    since: str = "5"

    newest_first: bool = False
    """Stack traces: the newest attempt's first."""

    tells_schedules: bool = False
    """It lists schedulers and workers, and refuses to remove what a scheduler waits on."""

    edits: bool = False
    """It changes delay and priority, and retries a whole state by pages of 100."""

    state_in_retry: bool = True
    """The route that retries one job wants its state; from 6.18.3 on it must not have it."""


_AGES: tuple[tuple[str, Shape], ...] = (
    ("supportsGlobalRateLimit", Shape("9.5", True, True, True, False)),
    ("hasWorkers", Shape("8.5", True, True, False, False)),
    ("globalConcurrency", Shape("6.17", True, False, False, False)),
    ("delimiter", Shape("6", True)),
)


def of(app: App) -> Shape:
    """The shape of the board that shows this queue."""
    return next((shape for field, shape in _AGES if field in app), Shape())


def words(app: App) -> str:
    """`bullmq 6 behind Bull Board 9.5 or newer`: as much as can be told."""
    engine = str(app.get("type") or "bullmq")
    counts = app.get("counts")
    if engine == "bullmq" and isinstance(counts, dict):
        engine += " 5 or older" if "paused" in counts else " 6"
    return f"{engine} behind Bull Board {of(app).since} or newer"
