"""A source of a rig that is open and has seen its thing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from mrcore import errors
from mrcore.model import base, wire
from mrcore.sources import base as source_base
from tests import waiting
from tests.contract import rig


@contextlib.asynccontextmanager
async def opened(here: rig.Rig) -> AsyncIterator[source_base.Source]:
    """The source, entered and warm: its first good sample is there."""
    async with here.open() as source:
        await well(source)
        yield source


async def well(source: source_base.Source) -> wire.Sample:
    """Wait for a sample without trouble."""

    async def good() -> wire.Sample | None:
        try:
            async with asyncio.timeout(5):
                sample = await source.sample()
        except (errors.Unreachable, TimeoutError):
            return None
        return sample if not unknown(sample) else None

    return await waiting.until(good, what="a good sample", timeout_s=30)


def unknown(sample: wire.Sample) -> list[base.Entity]:
    """Entities of a sample whose state nobody knows."""
    return [e for e in sample.entities if e.verdict.level is base.Level.UNKNOWN]
