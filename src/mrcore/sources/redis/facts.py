"""What a key is now: what its guard is made of, and what a person wants to know before."""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from pydantic import JsonValue

from mrcore.model import redis, ref
from mrcore.sources.redis import keys, link

SMALL_BYTES = 64 * 1024
"""A value up to this is compared by its digest, and can be kept by the core."""

_COUNTED_MOST = 5_000
_MEMBERS_AT_ONCE = 20_000
_BYTES_AT_ONCE = 512 * 1024

_DIGEST = importlib.resources.files(__package__).joinpath("digest.lua").read_text()

T = TypeVar("T")


@dataclass(frozen=True)
class Facts:
    """A key as it is: `digest` is '' where the value is too large to be compared by it."""

    row: redis.Key
    digest: str = ""

    def guard(self) -> dict[str, JsonValue]:
        """What must still hold; not how long it lives on, only whether it expires."""
        return {
            "type": self.row.type,
            "size": self.row.size,
            "expires": self.row.expires_at is not None,
            "digest": self.digest,
        }


async def look(
    client: link.Client, source: str, names: Sequence[bytes], now: datetime
) -> dict[bytes, Facts]:
    """Facts by name, of those that are there; nothing that the server does for it takes long.

    What a collection of up to 5,000 members takes is counted in full before it is dumped: the
    estimate of MEMORY USAGE may miss a large member.
    """
    rows = await keys.rows(client, source, names, now)
    found = {ref.parse(row.ref).ids[0]: Facts(row) for row in rows}
    exact = dict(await _sizes(client, found))
    small = {name: size for name, size in exact.items() if size <= SMALL_BYTES}
    for portion in portions(list(small), lambda name: small[name] + 64, _BYTES_AT_ONCE):
        for name, digest in zip(portion, await _digests(client, portion), strict=True):
            found[name] = replace(found[name], digest=digest)
    return found


async def _sizes(client: link.Client, found: dict[bytes, Facts]) -> list[tuple[bytes, int]]:
    """Bytes of the values that may be small, counted and not estimated."""
    known: list[tuple[bytes, int]] = []
    unknown: dict[bytes, int] = {}
    for name, facts in found.items():
        row = facts.row
        if row.size is None:
            continue
        if row.type == "string":
            known.append((name, row.size))
        elif (row.memory_bytes or 0) <= SMALL_BYTES and row.size <= _COUNTED_MOST:
            unknown[name] = row.size
    for portion in portions(list(unknown), lambda name: unknown[name] + 10, _MEMBERS_AT_ONCE):
        replies = await client.ask(*(("MEMORY", "USAGE", n, "SAMPLES", 0) for n in portion))
        known += [(n, r) for n, r in zip(portion, replies, strict=True) if isinstance(r, int)]
    return known


async def _digests(client: link.Client, names: Sequence[bytes]) -> list[str]:
    """By a script that only reads; where that is not allowed the values are fetched."""
    (reply,) = await client.ask(("EVAL_RO", _DIGEST, len(names), *names))
    if not isinstance(reply, Exception):
        return [digest.decode() for digest in reply]
    return [
        digest_of(dump) if isinstance(dump, bytes) else ""
        for dump in await client.ask(*(("DUMP", name) for name in names))
    ]


def digest_of(dump: bytes) -> str:
    """The digest as Redis's scripts have it; it tells values apart and keeps nothing secret."""
    return hashlib.sha1(dump, usedforsecurity=False).hexdigest()


def portions(items: Sequence[T], cost: Callable[[T], int], most: int) -> Iterator[Sequence[T]]:
    """Runs of items that together cost at most `most`, or one that costs more."""
    begin, spent = 0, 0
    for position, item in enumerate(items):
        price = cost(item)
        if position > begin and spent + price > most:
            yield items[begin:position]
            begin, spent = position, 0
        spent += price
    if begin < len(items):
        yield items[begin:]


def moved(guard: dict[str, Any], now: dict[str, Any]) -> str:
    """From what to what a key has moved on; '' where the guard holds."""
    if now["type"] != guard["type"]:
        return f"{guard['type']} → {now['type']}"
    if now["size"] != guard["size"]:
        return f"length {guard['size']} → {now['size']}"
    if now["expires"] != guard["expires"]:
        return NOW_EXPIRES if now["expires"] else NO_EXPIRY
    if guard["digest"] and now["digest"] != guard["digest"]:
        return CHANGED
    return ""


NOW_EXPIRES = "no TTL → a TTL"
NO_EXPIRY = "a TTL → no TTL"
CHANGED = "its content has changed"
GONE = "there is no such key (any more)"
