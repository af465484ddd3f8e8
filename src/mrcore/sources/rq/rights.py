"""What this login needs of Redis to act."""

from __future__ import annotations

from mrcore.sources.engine import rights

_KEYS = {"rq:*": "rq:queue:mr", "mr:rq:*": "mr:rq:quarantine:mr"}
_NEEDED: rights.Needed = {
    "HGET": ("f",), "HMGET": ("f",), "HGETALL": (), "HSET": ("f", "v"), "HSETNX": ("f", "v"),
    "HDEL": ("f",), "GET": (), "SET": ("v",), "DEL": (), "EXISTS": (), "RENAME": ("@",),
    "PEXPIRE": ("1",), "PEXPIREAT": ("1",), "EXPIRE": ("1",), "PERSIST": (), "PTTL": (),
    "ZADD": ("1", "m"), "ZREM": ("m",), "ZSCORE": ("m",), "ZRANGE": ("0", "1"),
    "ZREVRANGE": ("0", "1"), "LPUSH": ("v",), "RPUSH": ("v",), "LPOP": (), "RPOP": (),
    "LREM": ("1", "v"), "LINDEX": ("0",), "LINSERT": ("BEFORE", "a", "b"), "LLEN": (),
    "LPOS": ("v",), "LRANGE": ("0", "1"), "LTRIM": ("0", "1"), "SADD": ("v",),
}  # fmt: skip
"""What the scripts do to keys: command and arguments after the key; `@` is the key."""


class Rights(rights.Rights):
    """What is missing to act on RQ's queues."""

    def __init__(self, login: str) -> None:
        super().__init__(login, _NEEDED, _KEYS, ("TIME",))
