"""One look at a server: a write and INFO beside each other, and what both together tell."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from datetime import timedelta

from mrcore import errors
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.redis import canary, faults, info, link

INFO_S = 0.8
"""With the two questions that may follow, this stays within a sample's deadline."""

Looked = tuple[info.Info, int | None]
"""INFO, empty where it may not be asked, and the number of keys."""


class Looking:
    """Asks on two kept connections: a write that hangs never keeps INFO from being read.

    `missing` is what this login lacks; `ahead_ms` how far the server's clock was ahead.
    """

    def __init__(
        self,
        opened: link.Link,
        eye: kept.Kept[link.Client],
        wing: kept.Kept[link.Client],
        now: source_base.Now,
    ) -> None:
        self.missing: dict[str, str] = {}
        self.ahead_ms: float | None = None
        self._link = opened
        self._eye = eye
        self._wing = wing
        self._now = now

    async def seen(self) -> tuple[canary.Canary, Looked]:
        """What became of a write, and INFO; a server that is away is so, and says how.

        Raises NotPermitted, and Unsupported for what is no server that can be watched.
        """
        began = time.perf_counter()
        wrote, looked = await asyncio.gather(self.write(), self._info())
        if isinstance(looked, errors.Unreachable):
            return canary.bad(faults.away(looked)), ({}, None)
        said = looked or ({}, None)
        if wrote is not canary.HANGS:
            return wrote, said
        why = faults.hangs(said[0], wrote.why) if looked else await faults.mute(self._link)
        if why.code == "stopped" or (looked and why.code == "paused"):
            return canary.bad(why), said
        # It answers others: on a host that is short of processor time it is late, no more.
        late = await self.write()
        if late is canary.HANGS:
            return canary.bad(why), said
        took_ms = (time.perf_counter() - began) * 1000 if late.ok else None
        return dataclasses.replace(late, took_ms=took_ms), said

    async def write(self) -> canary.Canary:
        """What becomes of a write."""
        try:
            async with asyncio.timeout(canary.DEADLINE_S):
                return await self._wing.run(canary.write)
        except TimeoutError:
            return canary.HANGS
        except link.Loading as error:
            return canary.bad(faults.away(error))
        except errors.SourceError as error:
            return canary.Canary(None, f"writes are not proven: {error.sentence}")

    async def look(self, client: link.Client) -> Looked:
        """INFO and DBSIZE; what this login may not ask is noted and left empty."""
        asked, started = self._now(), time.perf_counter()
        text, size = await client.ask(("INFO",), ("DBSIZE",))
        halfway = asked + timedelta(seconds=(time.perf_counter() - started) / 2)
        missing = dict(client.missing)
        for reply, name, loss in (
            (text, "INFO", "no memory, clients and rates"),
            (size, "DBSIZE", "no number of keys"),
        ):
            if isinstance(reply, Exception):
                missing[name] = f"{link.needs(reply, name)}: {loss}"
        self.missing = missing
        facts = {} if isinstance(text, Exception) else info.parse(text)
        self.ahead_ms = info.ahead_ms(facts, halfway)
        return facts, None if isinstance(size, Exception) else size

    async def _info(self) -> Looked | errors.Unreachable | None:
        """INFO and DBSIZE, why it cannot be asked, or None where no answer comes."""
        try:
            async with asyncio.timeout(INFO_S):
                return await self._eye.run(self.look)
        except errors.Unreachable as error:
            return error
        except TimeoutError:
            return None
