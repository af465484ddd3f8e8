"""Run by test_store: writes audit rows until it is killed, and prints each row that is kept."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from mrcore.store import files
from mrcore.trust import anchor, audit


async def main(folder: Path) -> None:
    ledger = files.ledger(folder)
    ledger.after = anchor.Keeper(folder / "elsewhere" / "anchor.json").keep
    n = 0
    while True:
        n += 1
        entry = audit.Entry(
            at=datetime.now(UTC), stage="intent", login="t", action="x", text=str(n)
        )
        await ledger.run(lambda connection, entry=entry: audit.append(connection, entry))
        print(n, flush=True)


asyncio.run(main(Path(sys.argv[1])))
