"""Run by test_retry_crash in a process of its own: a served core over real sources, that dies."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.core import crash_core, harness

ARMED = "armed"


def run(
    said: Connection, state: Path, sources: dict[str, Any], chunk: int, when: str, number: int
) -> None:
    """Serve until it kills itself, before or after it commits a certain write of the ledger.

    Writes count from when there is a file `armed` in its folder; `said` hears that it answers.
    """
    crash_core.chunks_of(chunk)
    crash_core.die_at(state / ARMED, when, number)
    asyncio.run(_serve(said, state, sources))


async def _serve(said: Connection, state: Path, sources: dict[str, Any]) -> None:
    async with harness.running(state, sources=sources):
        said.send("ready")
        await asyncio.Event().wait()
