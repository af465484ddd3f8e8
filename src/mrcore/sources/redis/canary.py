"""The truth about a Redis: a write that is read back. PING answers when no write works."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from redis import exceptions

from mrcore.model import base
from mrcore.sources.redis import faults, link

KEY = "mr:canary:core"
DEADLINE_S = 0.5
_EXPIRE_S = 60


@dataclass(frozen=True)
class Canary:
    """What became of one write; `ok` is None where it could not be tried."""

    ok: bool | None
    why: str
    took_ms: float | None = None
    code: str = "canary"

    @property
    def verdict(self) -> base.Verdict:
        """`bad` when writes do not work, `unknown` when nobody knows."""
        if self.ok:
            return base.OK
        level = base.Level.UNKNOWN if self.ok is None else base.Level.BAD
        return base.Verdict(level=level, code=self.code, why=self.why)


HANGS = Canary(False, f"a write is not answered within {DEADLINE_S * 1000:g} ms", code="hangs")


def bad(verdict: base.Verdict) -> Canary:
    """A write that does not work, for a reason that is known from elsewhere."""
    return Canary(False, verdict.why, code=verdict.code)


async def write(client: link.Client) -> Canary:
    """SET, GET and compare in one packet, so that another core's canary cannot come between.

    On a Cluster that is done on every primary: what one of them refuses is told.
    """
    nonce, keys = secrets.token_hex(8).encode(), client.canaries
    started = time.perf_counter()
    replies = await client.ask(
        *(
            command
            for key in keys
            for command in (("SET", key, nonce, "EX", _EXPIRE_S), ("GET", key))
        )
    )
    took_ms = (time.perf_counter() - started) * 1000
    for key, wrote, read in zip(keys, replies[::2], replies[1::2], strict=True):
        if isinstance(wrote, Exception):
            return _refused(wrote, f"SET on {key}")
        if isinstance(read, Exception):
            return _refused(read, f"GET on {key}")
        if read != nonce:
            return Canary(
                False,
                "a write was confirmed, and something else was read back",
                code="lost_write",
            )
    return Canary(True, "", took_ms)


def _refused(reply: Exception, what: str) -> Canary:
    if isinstance(reply, exceptions.NoPermissionError):
        needs = link.needs(reply, what.split()[0])
        why = f"writes are not proven: {needs} and ~mr:canary:*"
        return Canary(None, why, code="not_permitted")
    if (known := faults.of_reply(reply)) is not None:
        code, why = known
        return Canary(False, why, code=code)
    return Canary(False, f"{what} was refused: {str(reply).rstrip('.')}", code="refuses")
