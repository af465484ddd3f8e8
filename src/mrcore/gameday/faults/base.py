"""What every fault has: its arguments, how it is injected, and how it is always taken back."""

from __future__ import annotations

import contextlib
import dataclasses
import random
from typing import Any

import pydantic

from mrcore.gameday import arena

Memo = dict[str, Any]
"""What the clean-up has to know, as JSON: written down before anything is broken."""


@dataclasses.dataclass
class Stage:
    """Where a fault is played: the stack, the seeded dice, what stays open until its end,
    and the
    processes and queues that an operator has spared."""

    arena: arena.Arena
    dice: random.Random
    held: contextlib.AsyncExitStack
    spared: set[str] = dataclasses.field(default_factory=set)
    parts: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What a fault leaves for its operators: people in a room, a payment."""


class Fault(pydantic.BaseModel):
    """One fault; its fields are its arguments.

    `clean` is called whatever has happened, perhaps by another process, after an `inject` that was
    begun, and perhaps twice: it has to be right every time.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    async def before(self, stage: Stage) -> Memo:
        """Look at how it is, for the clean-up; changes nothing."""
        return {}

    async def inject(self, stage: Stage, memo: Memo) -> None:
        """Break it."""
        raise NotImplementedError

    async def clean(self, stage: Stage, memo: Memo) -> None:
        """Mend what was broken, where nobody has."""
