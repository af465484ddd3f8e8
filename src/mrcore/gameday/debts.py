"""What is broken and has to be mended: in a file of the state folder before it is broken.

Whoever finds the file mends it: the player at its end, the warden when the player died, and the
next game day in this folder when both did.
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Mapping
from typing import Any

import asyncpg
import httpx
from redis import exceptions

from mrcore import errors, folder
from mrcore.gameday import arena
from mrcore.gameday.faults import KINDS, base

FILE = "gameday.json"
BROKEN = (
    errors.MrError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    exceptions.RedisError,
    httpx.HTTPError,
)
"""What can go wrong with a part that is being broken or mended."""

log = logging.getLogger(__name__)


class Debts:
    """The faults of one state folder that were begun and not mended, in their order."""

    def __init__(self, state: folder.StateFolder) -> None:
        self._state = state
        self.open: list[dict[str, Any]] = list((state.read_json(FILE) or {}).get("faults", []))

    def owe(self, kind: str, args: Mapping[str, Any], memo: base.Memo) -> None:
        """Write down what is about to be broken."""
        self.open.append({"kind": kind, "args": dict(args), "memo": memo})
        self._write()

    async def mend(self, stack: arena.Arena) -> list[str]:
        """Mend everything, the newest first; sentences of what could not be, which stays owed."""
        failed: list[str] = []
        left: list[dict[str, Any]] = []
        async with contextlib.AsyncExitStack() as held:
            stage = base.Stage(stack, random.Random(0), held)  # noqa: S311 - mends without chance
            for debt in reversed(self.open):
                try:
                    fault = KINDS[debt["kind"]].model_validate(debt["args"])
                    await fault.clean(stage, debt["memo"])
                except BROKEN as error:
                    failed.append(f"{debt['kind']} could not be mended: {error}")
                    left.insert(0, debt)
        self.open = left
        self._write()
        return failed

    def _write(self) -> None:
        if self.open:
            self._state.write_json(FILE, {"faults": self.open})
        else:
            (self._state / FILE).unlink(missing_ok=True)
