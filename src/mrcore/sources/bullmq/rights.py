"""What this login may do: asked of Redis once a minute, so that nothing impossible is offered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from redis import exceptions

from mrcore.model import base
from mrcore.sources.bullmq import library, offers, places
from mrcore.sources.redis import link

EVERY = timedelta(minutes=1)
_NEEDED: dict[str, tuple[str, ...]] = {
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

_ASK = """
if not redis.acl_check_cmd then return {} end
local missing = {}
for i = 1, #ARGV do
  local words = cjson.decode(ARGV[i])
  if not redis.acl_check_cmd(unpack(words)) then missing[#missing + 1] = i end
end
return missing
"""


class Rights:
    """What is missing to act; until it has been asked, nothing is."""

    def __init__(self, prefixes: Sequence[str], login: str) -> None:
        self._login = login
        self._keys = {f"{prefix}:*": f"{prefix}:mr:meta" for prefix in prefixes}
        self._keys[f"{places.OURS}*"] = f"{places.OURS}mr"
        self._asked_at: datetime | None = None
        self.line = ""
        """The ACL line that an administrator has to run, or ''."""

    def offered(self, actions: tuple[base.ActionId, ...]) -> tuple[base.ActionId, ...]:
        """Those of a row's actions that can be taken here at all."""
        if not self.line and not library.missing():
            return actions
        return tuple(action for action in actions if action == offers.REVEAL)

    def sentences(self) -> tuple[str, ...]:
        """What is missing, each as a capability."""
        lacking = (library.missing(), f"actions: needs {self.line}" if self.line else "")
        return tuple(one for one in lacking if one)

    def doubt(self) -> None:
        """Redis has refused something: ask again."""
        self._asked_at = None

    async def ask(self, client: link.Client, now: datetime) -> None:
        """Ask, if that is long ago."""
        if self._asked_at is not None and now - self._asked_at < EVERY:
            return
        commands, probes = list[tuple[str, str]](), list[str]()
        for pattern, key in self._keys.items():
            for command, rest in _NEEDED.items():
                commands.append((pattern, command))
                probes.append(json.dumps([command, key, *rest]))
        said, known = await client.ask(("EVAL", _ASK, 0, *probes), ("EVALSHA", "0" * 40, 0))
        lacks = [
            name
            for name, reply in (("EVAL", said), ("EVALSHA", known))
            if isinstance(reply, exceptions.NoPermissionError)
        ]
        missing = [commands[index - 1] for index in said] if isinstance(said, list) else []
        self.line = self._line(lacks, missing)
        self._asked_at = now

    def _line(self, lacks: list[str], missing: list[tuple[str, str]]) -> str:
        """The ACL line: commands that no key allows, patterns of keys that some commands lack."""
        if "EVAL" in lacks:
            words, patterns = [*lacks, *_NEEDED], list[str]()
        else:
            counts = Counter(command for _, command in missing)
            words = [*lacks, *(c for c, count in counts.items() if count == len(self._keys))]
            part = (p for p, command in missing if command not in words)
            patterns = [f"~{pattern}" for pattern in dict.fromkeys(part)]
        if not words and not patterns:
            return ""
        allowed = (f"+{word.lower()}" for word in words)
        return " ".join(("ACL SETUSER", self._login, *allowed, *patterns))
