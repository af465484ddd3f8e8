"""A core whose source repeats the address that it was given, password and all, in every error.

It logs as `mrcore serve` does, says in one line how it is reached, and ends with its standard
input, whose first line is the address. Usage: python -m tests.core.leaking_core STATE
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mrcore import settings
from mrcore.cli import log
from mrcore.model import plans, wire
from tests.core import doors, harness


class Leaking(harness.Jobs):
    """Plans well, and breaks with what it was told in all else."""

    def __init__(self, dsn: str) -> None:
        super().__init__("leaking")
        self.dsn = dsn

    async def sample(self) -> wire.Sample:
        raise RuntimeError(f"could not connect to {self.dsn}: Bearer {self.dsn}")

    async def detail(self, ref: str) -> wire.Detail:
        raise ValueError(f"could not connect to {self.dsn}")

    async def apply(
        self, action: str, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        raise KeyError(self.dsn)


async def main(state: Path, dsn: str) -> None:
    """Answer until nobody listens any more."""
    source = Leaking(dsn)
    source.add("1", "2")
    own = settings.Settings(sources={"leaking": {"dsn": dsn}})
    log.set_up(settings.secrets_of(own))
    async with doors.opened(state, source) as here:
        bearer = await here.token("asha", "admin")
        print(json.dumps({"url": here.url, "bearer": bearer}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.stdin.readline().strip()))
