"""One source that is watched: its task's state, its status, and who waits for its next sample."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from mrcore import deadline, settings
from mrcore.model import base, core, ref, wire
from mrcore.sources import base as sources

Opener = Callable[[], Awaitable[tuple[sources.Source, settings.SourceSettings]]]
"""Imports and builds a source; may raise SettingsError, which is final."""


class Watch:
    """One source: its task, its status, and who waits for its next sample."""

    def __init__(self, name: str, kind: str, opener: Opener) -> None:
        usual = settings.SourceSettings(kind=kind)
        self.opener = opener
        self.source: sources.Source | None = None
        self.begun = False
        """Whether it has been entered, perhaps only half."""
        self.entered = False
        self.caller = deadline.Caller()
        self.poked = asyncio.Event()
        self.tried = asyncio.Event()
        self.waiting: list[asyncio.Future[None]] = []
        self.last_sample_at: datetime | None = None
        self.sample_ms: wire.Point | None = None
        self.hopeless = False
        self.status = core.SourceStatus(
            ref=ref.make("core", "source", name),
            verdict=base.Verdict(level=base.Level.UNKNOWN, code="starting", why="Starting."),
            name=name,
            source_kind=kind,
            interval_s=usual.interval_s,
            deadline_s=usual.deadline_s,
        )

    async def open(self) -> sources.Source:
        """Import and build the source; its settings say how often to look and how long to wait."""
        if self.source is None:
            self.source, own = await self.opener()
            self.status = self.status.model_copy(
                update={"interval_s": own.interval_s, "deadline_s": own.deadline_s}
            )
        return self.source

    def succeeded(self, now: datetime) -> None:
        """Note a good sample; the status changes only when it was not good before."""
        described = self.source.describe() if self.source else wire.Description()
        watching = self.status.state == "watching"
        self.status = self.status.model_copy(
            update={
                "verdict": base.OK,
                "state": "watching",
                "since": self.status.since if watching else now,
                "last_sample_at": None,
                "failures": 0,
                "kinds": described.kinds,
                "collections": described.collections,
                "capabilities": described.capabilities,
            }
        )

    def failed(self, now: datetime, code: str, why: str) -> None:
        """Note a failure with its reason."""
        failing = self.status.state == "failing"
        self.status = self.status.model_copy(
            update={
                "verdict": base.Verdict(level=base.Level.UNKNOWN, code=code, why=why),
                "state": "failing",
                "since": self.status.since if failing else now,
                "last_sample_at": self.last_sample_at,
                "failures": self.status.failures + 1,
            }
        )
