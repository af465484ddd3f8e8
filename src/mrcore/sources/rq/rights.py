"""What this login may do: asked of Redis once a minute, so that nothing impossible is offered."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta

from redis import exceptions

from mrcore.model import base
from mrcore.sources.redis import link
from mrcore.sources.rq import offers

EVERY = timedelta(minutes=1)
_KEYS = {"rq:*": "rq:queue:mr", "mr:rq:*": "mr:rq:quarantine:mr"}
_NEEDED: dict[str, tuple[str, ...]] = {
    "HGET": ("f",), "HMGET": ("f",), "HGETALL": (), "HSET": ("f", "v"), "HSETNX": ("f", "v"),
    "HDEL": ("f",), "GET": (), "SET": ("v",), "DEL": (), "EXISTS": (), "RENAME": ("@",),
    "PEXPIRE": ("1",), "PEXPIREAT": ("1",), "EXPIRE": ("1",), "PERSIST": (), "PTTL": (),
    "ZADD": ("1", "m"), "ZREM": ("m",), "ZSCORE": ("m",), "ZRANGE": ("0", "1"),
    "ZREVRANGE": ("0", "1"), "LPUSH": ("v",), "RPUSH": ("v",), "LPOP": (), "RPOP": (),
    "LREM": ("1", "v"), "LINDEX": ("0",), "LINSERT": ("BEFORE", "a", "b"), "LLEN": (),
    "LPOS": ("v",), "LRANGE": ("0", "1"), "SADD": ("v",),
}  # fmt: skip
"""What the scripts do to keys: command and arguments after the key; `@` is the key."""

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

    def __init__(self, login: str) -> None:
        self._login = login
        self._asked_at: datetime | None = None
        self.line = ""
        """The ACL line that an administrator has to run, or ''."""

    def offered(self, actions: tuple[base.ActionId, ...]) -> tuple[base.ActionId, ...]:
        """Those of a row's actions that this login may take."""
        return actions if not self.line else tuple(a for a in actions if a == offers.REVEAL)

    def sentence(self) -> tuple[str, ...]:
        """The capability that is missing, if one is."""
        return (f"actions: needs {self.line}",) if self.line else ()

    def doubt(self) -> None:
        """Redis has refused something: ask again."""
        self._asked_at = None

    async def ask(self, client: link.Client, now: datetime) -> None:
        """Ask, if that is long ago."""
        if self._asked_at is not None and now - self._asked_at < EVERY:
            return
        commands, probes = list[tuple[str, str]](), list[str]()
        for pattern, key in _KEYS.items():
            for command, rest in _NEEDED.items():
                commands.append((pattern, command))
                probes.append(json.dumps([command, key, *(key if w == "@" else w for w in rest)]))
        probes.append(json.dumps(["TIME"]))
        commands.append(("", "TIME"))
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
            words, patterns = [*lacks, *_NEEDED, "TIME"], list[str]()
        else:
            counts = Counter(command for _, command in missing)
            whole = (c for c, n in counts.items() if n == len(_KEYS) or c == "TIME")
            words = [*lacks, *whole]
            part = (pattern for pattern, command in missing if command not in words)
            patterns = list(dict.fromkeys(part))
        if not words and not patterns:
            return ""
        allowed = (f"+{word.lower()}" for word in words)
        return " ".join(
            ("ACL SETUSER", self._login, *allowed, *(f"~{pattern}" for pattern in patterns))
        )
