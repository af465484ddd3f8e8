"""Rows for keys: type, expiry, size and memory of the few that are in view."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from redis import exceptions

from mrcore import redact
from mrcore.model import base, redis, ref
from mrcore.sources.redis import link, scan

SIZE = {
    "string": "STRLEN",
    "list": "LLEN",
    "hash": "HLEN",
    "set": "SCARD",
    "zset": "ZCARD",
    "stream": "XLEN",
}
"""What counts a key of each type, in constant time."""

_PER_KEY = 4


async def rows(
    client: link.Client, source: str, names: Sequence[bytes], now: datetime
) -> list[redis.Key]:
    """A row a key, in two round trips; keys that have gone since are left out.

    MEMORY USAGE takes its default samples: SAMPLES 0 would read a whole hash. A key that this
    login may not touch is a row that says so.
    """
    if not names:
        return []
    replies = await client.ask(*(command for name in names for command in _questions(client, name)))
    facts = [replies[i : i + _PER_KEY] for i in range(0, len(replies), _PER_KEY)]
    counted = [
        (name, SIZE[kind])
        for name, (type_, *_) in zip(names, facts, strict=True)
        if (kind := _text(type_)) in SIZE
    ]
    sizes = await client.ask(*((command, name) for name, command in counted))
    size_of = {name: size for (name, _), size in zip(counted, sizes, strict=True)}
    # PTTL counts from now, PEXPIRETIME from the epoch.
    since = now if client.expiry == "PTTL" else datetime.fromtimestamp(0, UTC)
    return [
        _row(source, name, fact, size_of.get(name), since)
        for name, fact in zip(names, facts, strict=True)
        if _text(fact[0]) != "none"
    ]


def _questions(client: link.Client, name: bytes) -> tuple[link.Command, ...]:
    return (
        ("TYPE", name),
        (client.expiry, name),
        ("MEMORY", "USAGE", name),
        ("OBJECT", "ENCODING", name),
    )


def _row(
    source: str, name: bytes, facts: list[link.Reply], size: link.Reply, since: datetime
) -> redis.Key:
    type_, expiry_ms, memory, encoding = facts
    address = ref.make(source, "key", name)
    if isinstance(type_, Exception):
        return redis.Key(
            ref=address, name=redact.label(scan.readable(name)), verdict=_refused(type_)
        )
    return redis.Key(
        ref=address,
        name=redact.label(scan.readable(name)),
        verdict=_refused(size) if isinstance(size, Exception) else base.OK,
        type=_text(type_),
        expires_at=_expiry(expiry_ms, since),
        size=size if isinstance(size, int) else None,
        memory_bytes=memory if isinstance(memory, int) else None,
        encoding=_text(encoding),
    )


def _text(reply: link.Reply) -> str:
    return reply.decode() if isinstance(reply, bytes) else ""


def _expiry(expiry_ms: link.Reply, since: datetime) -> datetime | None:
    if not isinstance(expiry_ms, int) or expiry_ms < 0:
        return None
    try:
        return since + timedelta(milliseconds=expiry_ms)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _refused(reply: Exception) -> base.Verdict:
    if isinstance(reply, exceptions.NoPermissionError):
        return base.Verdict(
            level=base.Level.UNKNOWN,
            code="not_permitted",
            why=f"this login may not read it: {link.needs(reply, 'TYPE')}",
        )
    return base.Verdict(level=base.Level.UNKNOWN, code="error", why=str(reply))
