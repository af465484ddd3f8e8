"""Run by test_canary: a served core that watches a real huey. `python -m … STATE REDIS_URL`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mrcore import sources
from tests.core import harness


async def main(state: Path, url: str) -> None:
    async with harness.running(state, sources.build("huey", {"url": url})[0]):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
