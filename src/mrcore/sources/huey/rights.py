"""What this login needs of Redis to act."""

from __future__ import annotations

from mrcore.journal import keys
from mrcore.sources.engine import rights

_NEEDED: rights.Needed = {
    "HGET": ("f",), "HMGET": ("f",), "HEXISTS": ("f",), "HSET": ("f", "v"), "HDEL": ("f",),
    "HINCRBY": ("f", "1"), "GET": (), "SET": ("v",), "DEL": (), "UNLINK": (), "EXISTS": (),
    "RENAME": ("@",), "PEXPIRE": ("1",), "PERSIST": (), "ZADD": ("1", "m"), "ZREM": ("m",),
    "ZSCORE": ("m",), "ZCOUNT": ("0", "1"), "ZRANGEBYSCORE": ("0", "1"),
    "ZREVRANGEBYSCORE": ("1", "0"), "LPUSH": ("v",), "RPUSH": ("v",), "LREM": ("1", "v"),
    "LINDEX": ("0",), "LINSERT": ("BEFORE", "a", "b"), "LLEN": (), "LPOS": ("v",), "RPOP": ("1",),
    "SADD": ("v",),
    "SISMEMBER": ("m",),
}  # fmt: skip
"""What the journal's scripts do to keys: command and arguments after the key; `@` is the key."""


class Rights(rights.Rights):
    """What is missing to act on queues of this journal."""

    def __init__(self, root: keys.Root, login: str) -> None:
        known = {
            f"{root.base}*": f"{root.base}mr:job:1",
            f"{keys.SCHEDULE}*": keys.schedule("mr"),
            "huey.*": "huey.redis.mr",
        }
        super().__init__(login, _NEEDED, known)
