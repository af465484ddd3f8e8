"""What this login needs of Redis to act."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore.sources.bullmq import library, places
from mrcore.sources.engine import rights

_NEEDED: rights.Needed = {
    "HGET": ("f",), "HMGET": ("f",), "HGETALL": (), "HSET": ("f", "v"), "HMSET": ("f", "v"),
    "HDEL": ("f",), "HEXISTS": ("f",), "GET": (), "SET": ("v",), "DEL": (), "EXISTS": (),
    "INCR": (), "PEXPIRE": ("1",), "PTTL": (), "DUMP": (), "RESTORE": ("0", "v"),
    "ZADD": ("1", "m"), "ZREM": ("m",), "ZSCORE": ("m",), "ZCARD": (),
    "ZRANGE": ("0", "1"), "ZREVRANGEBYSCORE": ("1", "0"),
    "LPUSH": ("v",), "RPUSH": ("v",), "LPOP": (), "LREM": ("1", "v"), "LTRIM": ("0", "1"),
    "PERSIST": (),
    "LINDEX": ("0",), "LINSERT": ("BEFORE", "a", "b"), "LLEN": (), "LPOS": ("v",),
    "LRANGE": ("0", "1"), "SADD": ("v",), "SREM": ("v",), "SCARD": (), "SISMEMBER": ("v",),
    "SMEMBERS": (), "XADD": ("*", "f", "v"),
}  # fmt: skip
"""What BullMQ's scripts and ours do to keys: command and arguments after the key."""


class Rights(rights.Rights):
    """What is missing to act on queues of these prefixes: rights, or the official scripts."""

    def __init__(self, prefixes: Sequence[str], login: str) -> None:
        known = {f"{prefix}:*": f"{prefix}:mr:meta" for prefix in prefixes}
        super().__init__(login, _NEEDED, {**known, f"{places.OURS}*": f"{places.OURS}mr"})

    def lacking(self) -> tuple[str, ...]:
        lacks = library.missing()
        return (*((lacks,) if lacks else ()), *super().lacking())
