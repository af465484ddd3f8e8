"""How long a Redis serves nobody else for what the core sends it in one packet, by its own count.

Another client's longest wait says the same where the machine has nothing else to do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import redis

from mrcore.sources.redis import link


@dataclass
class Blocks:
    """The longest packet of each command: server's ms, how many commands it had."""

    longest: dict[str, tuple[float, int]] = field(default_factory=dict)

    def note(self, name: str, took_ms: float, commands: int) -> None:
        self.longest[name] = max(self.longest.get(name, (0.0, 0)), (took_ms, commands))

    def __str__(self) -> str:
        ranked = sorted(((took, n, name) for name, (took, n) in self.longest.items()), reverse=True)
        return ", ".join(f"{took_ms:.1f} ms ({n} × {name})" for took_ms, n, name in ranked[:3])


@contextlib.contextmanager
def counting(url: str) -> Iterator[Blocks]:
    """Count what sources in this process send while the block runs, a packet after the other.

    Redis reads a packet of up to 16 KiB at once and answers all of it before it serves others, so
    a longer one is a block of less than what is counted.
    """
    blocks, turn = Blocks(), asyncio.Lock()
    ask = link.Client.ask

    async def counted(self: link.Client, *commands: link.Command) -> list[link.Reply]:
        names = {str(command[0]).lower() for command in commands}
        async with turn:
            stats.config_resetstat()
            replies = await ask(self, *commands)
            used = stats.info("commandstats")
        took_us = sum(
            one["usec"]
            for name, one in used.items()
            if name.removeprefix("cmdstat_").partition("|")[0] in names - {"config"}
        )
        blocks.note(" ".join(sorted(names)), took_us / 1000, len(commands))
        return replies

    with (
        contextlib.closing(redis.Redis.from_url(url)) as stats,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(link.Client, "ask", counted)
        yield blocks
