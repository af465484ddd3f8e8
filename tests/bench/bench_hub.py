"""What a screen is sent when a tenth of a crowd of sessions changes every second."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from pathlib import Path

import httpx
import psutil
import pytest

from mrcore.model import base, postgres, ref, wire
from mrcore.sources import base as source_base
from tests.bench import table
from tests.core import harness

pytestmark = pytest.mark.bench

SESSIONS, CHANGED = 2_000, 100
SECONDS = 10
INTERVAL_S = 1.0
QUERY = (
    "SELECT l.id, l.name, l.email, l.stage, u.name AS owner FROM leads l JOIN users u ON"
    " u.id = l.owner_id WHERE l.stage = $1 AND l.updated_at > $2 ORDER BY l.updated_at LIMIT 50"
)


class Sessions(harness.Simulated):
    """Sessions of which the next hundred have a new statement in every sample."""

    def __init__(self) -> None:
        super().__init__("pg")
        self.entities = tuple(self._session(number) for number in range(SESSIONS))

    async def sample(self) -> wire.Sample:
        every = list(self.entities)
        for number in range(CHANGED):
            index = (self.samples * CHANGED + number) % SESSIONS
            every[index] = self._session(index)
        self.entities = tuple(every)
        return await super().sample()

    def _session(self, number: int) -> base.Entity:
        now = self.now()
        return postgres.Session(
            ref=ref.make("pg", "session", str(4_000 + number), "1763672400000000"),
            actions=("pg.cancel", "pg.terminate"),
            pid=4_000 + number,
            backend_start=now,
            user="mentor_app",
            database="mentor",
            app=f"mentor-backend-{number % 4}",
            client="10.0.3.17",
            state="active",
            state_since=now,
            xact_start=now,
            query_start=now,
            wait="IO:DataFileRead",
            query=QUERY,
        )


async def bench_sessions(tmp_path: Path) -> None:
    source: source_base.Source = Sessions()
    snapshot, received, cpu = 0, 0, 0.0
    async with harness.running(tmp_path / "core") as here:
        harness.watch(here.core, source, interval_s=INTERVAL_S)
        await here.core.monitor.until_watching("pg")
        socket = json.loads((here.where.path / "core.json").read_text())["socket"]
        transport = httpx.AsyncHTTPTransport(uds=socket)
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://mrcore") as web,
            web.stream("GET", "/api/v1/changes") as stream,
        ):
            stream.raise_for_status()
            process, began = psutil.Process(os.getpid()), None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SECONDS + 2):
                    async for part in stream.aiter_raw():
                        if began is None:
                            snapshot += len(part)
                            if part.endswith(b"\n\n"):
                                began, before = time.monotonic(), process.cpu_times().user
                            continue
                        received += len(part)
            assert began is not None
            took_s, cpu = time.monotonic() - began, process.cpu_times().user - before
    table.row(
        "2,000 sessions, 100 changing a second: to a screen",
        f"{received / took_s / 1000:.0f} KB/s after a snapshot of {snapshot / 1000:,.0f} KB;"
        f" {cpu / took_s * 100:.0f} % of a core",
        "≤ 60 KB/s",
        f"of it {len(QUERY) * CHANGED / 1000:.0f} KB/s are statements;"
        f" the whole snapshot every second: {snapshot / INTERVAL_S / 1000:,.0f} KB/s",
    )
    table.row("recording at demo load", "not built yet", "≤ 30 MB a day", "not here")
