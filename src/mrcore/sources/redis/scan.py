"""Names of keys, a page at a time: SCAN under a budget, never KEYS."""

from __future__ import annotations

import itertools
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from mrcore import errors
from mrcore.model import plans
from mrcore.sources.redis import link

BUDGET_S = 0.2
FIRST_COUNT = 100
MOST_COUNT = 2000
CALL_S = 0.001
MOST_STASHES = 64
MOST_MATCHED = 512

Keep = Callable[[bytes], bool]


@dataclass(frozen=True)
class Scanned:
    """Names found, where to go on (None: nowhere), and about how many keys were looked at."""

    names: list[bytes]
    cursor: str | None
    scanned: int


class Scanner:
    """Scans; keeps what one SCAN call gave beyond a page, because SCAN cannot give it again.

    A cursor is `<SCAN's cursor>.<looked at>.<stash>`, opaque to everybody else.
    """

    def __init__(self) -> None:
        self._stashes: OrderedDict[int, list[bytes]] = OrderedDict()
        self._tokens = itertools.count(1)

    async def page(
        self, client: link.Client, query: plans.Query, cursor: str | None, keep: Keep
    ) -> Scanned:
        """At most `query.limit` names within the budget; may be none although there is a cursor.

        One SCAN call is kept near 1 ms of the server by its COUNT. A name may come twice when
        the server rehashes, as Redis documents; never twice in a page.
        Raises NotFound for a cursor that is not ours (any more).
        """
        at, scanned, found = self._resume(cursor)
        found = [name for name in found if keep(name)]
        count, began = FIRST_COUNT, time.perf_counter()
        match = _escape(query.prefix.encode()) + b"*" if query.prefix else b""
        while at != b"" and len(found) < query.limit:
            asked = count if match or query.text else min(count, query.limit - len(found))
            started = time.perf_counter()
            reply = (await client.ask(_command(at, match, asked)))[0]
            if isinstance(reply, Exception):
                raise errors.NotPermitted(f"Keys cannot be listed: {link.needs(reply, 'SCAN')}.")
            now = time.perf_counter()
            next_at, names = reply
            at = b"" if next_at == b"0" else next_at
            scanned += asked if match else len(names)
            known = set(found)
            found += [name for name in dict.fromkeys(names) if name not in known and keep(name)]
            count = _adapt(count, now - started)
            if now - began > BUDGET_S:
                break
        return Scanned(
            found[: query.limit], self._suspend(at, scanned, found[query.limit :]), scanned
        )

    def _resume(self, cursor: str | None) -> tuple[bytes, int, list[bytes]]:
        if cursor is None:
            return b"0", 0, []
        parts = cursor.split(".")
        if len(parts) != 3 or not all(part.isdecimal() or not part for part in parts):
            raise _too_old(cursor)
        at, scanned, token = parts
        stash: list[bytes] = []
        if token:
            if int(token) not in self._stashes:
                raise _too_old(cursor)
            stash = self._stashes[int(token)]
        return at.encode(), int(scanned or 0), stash

    def _suspend(self, at: bytes, scanned: int, rest: list[bytes]) -> str | None:
        if not at and not rest:
            return None
        token = ""
        if rest:
            number = next(self._tokens)
            self._stashes[number] = rest
            token = str(number)
            while len(self._stashes) > MOST_STASHES:
                self._stashes.popitem(last=False)
        return f"{at.decode()}.{scanned}.{token}"


def readable(name: bytes) -> str:
    """A key's bytes as text; what is not UTF-8 becomes backslash escapes."""
    return name.decode("utf-8", "backslashreplace")


def keep(text: str) -> Keep:
    """The filter of a query: a case-insensitive regular expression, `!` in front inverts it.

    Raises Unsupported with what is wrong with the expression.
    """
    if not text:
        return lambda name: True
    wanted = not text.startswith("!")
    try:
        pattern = re.compile(text.removeprefix("!"), re.IGNORECASE)
    except re.error as error:
        raise errors.Unsupported(f"{text!r} is not a regular expression: {error}.") from error
    return lambda name: bool(pattern.search(readable(name[:MOST_MATCHED]))) is wanted


def _command(at: bytes, match: bytes, count: int) -> link.Command:
    return ("SCAN", at, *(("MATCH", match) if match else ()), "COUNT", count)


def _adapt(count: int, took_s: float) -> int:
    if took_s > CALL_S:
        return max(count // 2, 10)
    return min(count * 2, MOST_COUNT) if took_s < CALL_S / 2 else count


def _escape(prefix: bytes) -> bytes:
    """A prefix that means itself in a glob pattern."""
    return re.sub(rb"([*?\[\]\\^])", rb"\\\1", prefix)


def _too_old(cursor: str) -> errors.NotFound:
    return errors.NotFound(
        f"The cursor {cursor[:40]!r} leads nowhere (any more).", fix="Start at the beginning."
    )
