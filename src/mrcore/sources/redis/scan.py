"""Names of keys, a page at a time: SCAN under a budget, never KEYS."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from mrcore import errors, match, redact
from mrcore.model import plans, wire
from mrcore.sources.redis import link

BUDGET_S = 0.2
FIRST_COUNT = 100
MOST_COUNT = 2000
CALL_S = 0.001
TURN_S = 0.005
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
        at, scanned, names = self._resume(cursor)
        count, until = FIRST_COUNT, time.perf_counter() + BUDGET_S
        glob = _escape(query.prefix.encode()) + b"*" if query.prefix else b""
        found: dict[bytes, None] = {}
        names = await _sift(names, found, keep, query.limit, until)
        while at != b"" and not names and len(found) < query.limit:
            started = time.perf_counter()
            if started > until:
                break
            asked = count if glob or query.text else min(count, query.limit - len(found))
            reply = (await client.ask(_command(at, glob, asked)))[0]
            if isinstance(reply, Exception):
                raise errors.NotPermitted(f"Keys cannot be listed: {link.needs(reply, 'SCAN')}.")
            count = _adapt(count, time.perf_counter() - started)
            next_at, names = reply
            at = b"" if next_at == b"0" else next_at
            scanned += asked if glob else len(names)
            names = await _sift(names, found, keep, query.limit, until)
        return Scanned(list(found), self._suspend(at, scanned, names), scanned)

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


def looked(found: Scanned, total: int | None) -> wire.Looked:
    """SCAN says only roughly how many keys it passed; at its end it has passed all."""
    complete = found.cursor is None
    if total is None:
        return wire.Looked(scanned=found.scanned, complete=complete)
    scanned = total if complete else min(found.scanned, total)
    return wire.Looked(scanned=scanned, total=total, complete=complete)


def readable(name: bytes) -> str:
    """A key's bytes as text; what is not UTF-8 becomes backslash escapes."""
    return name.decode("utf-8", "backslashreplace")


def keep(text: str) -> Keep:
    """The filter of a query: a case-insensitive regular expression, `!` in front inverts it.

    Raises BadRequest with what is wrong with the expression.
    """
    matches = match.of(text)
    return lambda name: matches(redact.label(readable(name[:MOST_MATCHED])))


async def _sift(
    names: list[bytes], found: dict[bytes, None], keep: Keep, limit: int, until: float
) -> list[bytes]:
    """Put what is wanted into `found`, letting others run; what there was no room or time for."""
    paused = time.perf_counter()
    for position, name in enumerate(names):
        if len(found) >= limit:
            return names[position:]
        if name not in found and keep(name):
            found[name] = None
        now = time.perf_counter()
        if now > until:
            return names[position + 1 :]
        if now - paused > TURN_S:
            await asyncio.sleep(0)
            paused = time.perf_counter()
    return []


def _command(at: bytes, glob: bytes, count: int) -> link.Command:
    return ("SCAN", at, *(("MATCH", glob) if glob else ()), "COUNT", count)


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
