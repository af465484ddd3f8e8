"""What can be wrong with a Redis, told apart: a code and a sentence each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from redis import exceptions

from mrcore import errors
from mrcore.model import base
from mrcore.sources import kept
from mrcore.sources.redis import connection, info, link

PROBE_S = 0.4
_UNKNOWN_COMMAND = "MR.PROBE"

REFUSALS: tuple[tuple[type[Exception], str, str, str], ...] = (
    (exceptions.OutOfMemoryError, "", "oom", "writes are refused: maxmemory is reached (OOM)"),
    (
        exceptions.ReadOnlyError,
        "",
        "readonly",
        "writes are refused: this is a read-only replica (READONLY)",
    ),
    (
        exceptions.ResponseError,
        "NOREPLICAS",
        "noreplicas",
        "writes are refused: too few good replicas (NOREPLICAS)",
    ),
    (
        exceptions.ResponseError,
        "MISCONF",
        "misconf",
        "writes are refused: the last save failed (MISCONF)",
    ),
    (
        exceptions.ResponseError,
        "BUSY",
        "busy",
        "nothing else runs: a script does not end (BUSY); SCRIPT KILL ends it",
    ),
)
"""How a refused write begins, and what it means."""

_AWAY: tuple[tuple[type[errors.SourceError], str], ...] = (
    (link.Refused, "refused"),
    (link.Loading, "loading"),
    (kept.NoSlot, "maxclients"),
)


def of_reply(reply: Exception) -> tuple[str, str] | None:
    """Code and sentence of a refusal that is known."""
    words = str(reply)
    for kind, begin, code, why in REFUSALS:
        if isinstance(reply, kind) and words.startswith(begin):
            return code, why
    return None


def away(error: errors.SourceError) -> base.Verdict:
    """The verdict of a server that cannot be asked."""
    code = next((code for kind, code in _AWAY if isinstance(error, kind)), "unreachable")
    return base.Verdict(level=base.Level.BAD, code=code, why=error.sentence.rstrip("."))


def hangs(said: Mapping[str, str], why: str) -> base.Verdict:
    """The verdict of a server that answers INFO (`said`) and no write.

    `paused_actions` is INFO's since Redis 7.4 and Valkey 8; an older one leaves no other cause
    that it would tell.
    """
    if said.get("paused_actions", "none") != "none":
        left_s = info.number(said, "paused_timeout_milliseconds") / 1000
        why = f"clients are paused for {left_s:.0f} s more (CLIENT PAUSE); CLIENT UNPAUSE ends it"
        return base.Verdict(level=base.Level.BAD, code="paused", why=why)
    if "paused_actions" not in said:
        why = f"{why}, and INFO is: writes are paused (CLIENT PAUSE WRITE, or a failover)"
        return base.Verdict(level=base.Level.BAD, code="paused", why=why)
    return base.Verdict(level=base.Level.BAD, code="hangs", why=why)


async def mute(one: link.Link) -> base.Verdict:
    """The verdict of a server that answers neither a write nor INFO.

    A command that does not exist is refused before a pause holds it back (`processCommand`), so
    whoever answers it is paused; a process that is stopped, or that one command keeps busy,
    accepts the connection, because its kernel does, and answers nothing.
    """
    options = one.bare
    if options is None:
        why = "neither a write nor INFO is answered"
        return base.Verdict(level=base.Level.BAD, code="hangs", why=why)
    try:
        async with asyncio.timeout(PROBE_S):
            client = await connection.connect(options)
            try:
                (reply,) = await client.ask((_UNKNOWN_COMMAND,))
            finally:
                await client.close()
    except TimeoutError:
        why = (
            "it accepts connections and answers nothing: its process is stopped, or one command "
            "keeps it busy"
        )
        return base.Verdict(level=base.Level.BAD, code="stopped", why=why)
    except exceptions.AuthenticationError as error:
        reply = error  # NOAUTH, from a server with a password: that comes before a pause too
    except (exceptions.RedisError, OSError) as error:
        return away(one.explain(error))
    if isinstance(reply, Exception) and (known := of_reply(reply)) is not None:
        return base.Verdict(level=base.Level.BAD, code=known[0], why=known[1])
    why = (
        "all clients are paused (CLIENT PAUSE ALL), and so is CLIENT UNPAUSE: "
        "it ends by itself, or with a restart"
    )
    return base.Verdict(level=base.Level.BAD, code="paused_all", why=why)
