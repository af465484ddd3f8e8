"""What a login may do: asked of Redis once a minute, so that nothing impossible is offered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from redis import exceptions

from mrcore.model import base
from mrcore.sources.redis import link

EVERY = timedelta(minutes=1)
REVEAL = "job.reveal"
"""What needs no right but to read."""

Needed = Mapping[str, tuple[str, ...]]
"""What an engine's scripts do to keys: command and arguments after the key; `@` is the key."""

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
    """What is missing to act; until it has been asked, nothing is.

    `keys` has a key for every pattern that scripts write to, `keyless` the commands without one.
    """

    def __init__(
        self, login: str, needed: Needed, keys: Mapping[str, str], keyless: tuple[str, ...] = ()
    ) -> None:
        self._login = login
        self._needed = needed
        self._keys = keys
        self._keyless = keyless
        self._asked_at: datetime | None = None
        self.line = ""
        """The ACL line that an administrator has to run, or ''."""

    def lacking(self) -> tuple[str, ...]:
        """Each capability that is missing to act, as a sentence."""
        return (f"actions: needs {self.line}",) if self.line else ()

    def offered(self, actions: tuple[base.ActionId, ...]) -> tuple[base.ActionId, ...]:
        """Those of a row's actions that can be taken here at all."""
        return tuple(a for a in actions if a == REVEAL) if self.lacking() else actions

    def doubt(self) -> None:
        """Redis has refused something: ask again."""
        self._asked_at = None

    async def ask(self, client: link.Client, now: datetime) -> None:
        """Ask, if that is long ago."""
        if self._asked_at is not None and now - self._asked_at < EVERY:
            return
        commands, probes = list[tuple[str, str]](), list[str]()
        for pattern, key in self._keys.items():
            for command, rest in self._needed.items():
                commands.append((pattern, command))
                probes.append(json.dumps([command, key, *(key if w == "@" else w for w in rest)]))
        commands += (("", command) for command in self._keyless)
        probes += (json.dumps([command]) for command in self._keyless)
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
            words, patterns = [*lacks, *self._needed, *self._keyless], list[str]()
        else:
            counts = Counter(command for _, command in missing)
            nowhere = (c for c, n in counts.items() if n == len(self._keys) or c in self._keyless)
            words = [*lacks, *nowhere]
            part = (pattern for pattern, command in missing if command not in words)
            patterns = [f"~{pattern}" for pattern in dict.fromkeys(part)]
        if not words and not patterns:
            return ""
        allowed = (f"+{word.lower()}" for word in words)
        return " ".join(("ACL SETUSER", self._login, *allowed, *patterns))
