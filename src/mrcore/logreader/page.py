"""A page of lines, of one stream or of several merged by time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from mrcore.logreader import cursor, follow, query, walk

BUDGET_S = 0.2
COUNTED_BYTES = 64 << 20
PAGE_BYTES = 1 << 20


class Ask(NamedTuple):
    """What is wanted: `waits` means that only what is new since the cursor is."""

    streams: Sequence[follow.Stream]
    wanted: query.Wanted
    limit: int = 100
    order: str = "newest"
    cursor: cursor.Cursor | None = None
    waits: bool = False


class Answer(NamedTuple):
    """Rows in the order asked for; `cursor` is None where there is nothing more to page to.

    `scanned` of `total` bytes were looked at; `complete` is False when time ran out first.
    """

    items: list[walk.Item]
    gap: str
    cursor: cursor.Cursor | None
    scanned: int
    total: int
    complete: bool

    def rows(self) -> list[dict[str, Any]]:
        """As they travel to the source; a gap is a line of ours behind the last one."""
        rows = [item.row() for item in self.items]
        if self.gap:
            last = rows[-1]
            mark = {"stream": last["stream"], "offset": last["offset"], "text": self.gap}
            rows.append({**mark, "id": f"{last['id']}g{walk.MARKER_SUFFIX}"})
        return rows


def read(ask: Ask, now: float, budget_s: float = BUDGET_S) -> Answer | None:
    """Look for at most about `budget_s`; None when a file was truncated meanwhile: poll, ask again.

    A line whose ref was on an earlier page is on a later one again when lines were folded into it
    or its end was written: it replaces the earlier one.
    """
    until = time.monotonic() + budget_s
    if ask.order == "oldest":
        answer, walks = _forward(ask, now, until)
    elif ask.waits and ask.cursor is not None:
        answer, walks = _newest_since(ask, ask.cursor, now, until)
    else:
        answer, walks = _backward(ask, now, until)
    return answer if walk.same(walks) else None


def _gather(
    walks: Sequence[walk.Walk], limit: int, until: float, *, newest: bool
) -> tuple[list[walk.Item], bool]:
    """Take up to `limit` and 1 MiB, always from the walk whose next is newest (or oldest).

    The second value says whether time ran out before.
    """
    items: list[walk.Item] = []
    room = PAGE_BYTES
    choose = max if newest else min
    going = [w for w in walks if not w.over]
    steps = 0
    while going and len(items) < limit and room > 0:
        best = choose(going, key=lambda w: w.next_key) if len(going) > 1 else going[0]
        if best.ready:
            items.append(best.take())
            room -= items[-1].size
        elif not steps or time.monotonic() < until:  # however late it is, one step is made
            best.step()
            steps += 1
        else:
            return items, True
        if best.over:
            going.remove(best)
    return items, False


def _front(walks: Sequence[walk.Walk]) -> dict[str, cursor.Place]:
    return {w.stream.name: w.place((len(w.chain) - 1, w.ends[-1])) for w in walks if w.chain}


def _backward(ask: Ask, now: float, until: float) -> tuple[Answer, list[walk.Walk]]:
    starts = ask.cursor.back if ask.cursor else {}
    walks = [
        walk.Back(stream, ask.wanted, now, start=starts.get(stream.name))
        for stream in ask.streams
        if ask.cursor is None or starts.get(stream.name)
    ]
    items, late = _gather(walks, ask.limit, until, newest=True)
    more = [w for w in walks if not w.over]
    back = {w.stream.name: w.place(w.position) for w in more}
    front = ask.cursor.front if ask.cursor else _front(walks)
    left = sum(w.remaining() for w in more)
    total = sum(w.absolute((len(w.chain), 0)) for w in _known(walks))
    answer = Answer(
        items=items,
        gap="",
        scanned=total - left,
        total=total,
        complete=not late,
        cursor=cursor.Cursor(dict(back), front) if back or ask.cursor is None else None,
    )
    return answer, list(walks)


def _known(walks: Sequence[walk.Walk]) -> list[walk.Walk]:
    return [w for w in walks if w.chain]


def _newest_since(
    ask: Ask, since: cursor.Cursor, now: float, until: float
) -> tuple[Answer, list[walk.Walk]]:
    """The newest of what was written since the cursor; what does not fit is passed over."""
    walks = [
        walk.Back(stream, ask.wanted, now, floor=since.front.get(stream.name, _birth(stream)))
        for stream in ask.streams
    ]
    total = sum(w.remaining() for w in walks if not w.over)
    items, _ = _gather(walks, max(ask.limit - 1, 1), until, newest=True)
    more = [w for w in walks if not w.over]
    left = sum(w.remaining() for w in more)
    gap = f"── {_lines(more)} lines passed over ──" if left and items else ""
    front = {**since.front, **_front(walks)}
    answer = Answer(
        items=items,
        gap=gap,
        scanned=total - left,
        total=total,
        complete=not left,
        cursor=cursor.Cursor(since.back, front),
    )
    return answer, list(walks)


def _forward(ask: Ask, now: float, until: float) -> tuple[Answer, list[walk.Walk]]:
    front = ask.cursor.front if ask.cursor else {}
    walks = [
        walk.Forward(stream, ask.wanted, now, start=front.get(stream.name))
        for stream in ask.streams
    ]
    items, late = _gather(walks, ask.limit, until, newest=False)
    more = [w for w in walks if not w.over]
    reached = {**front, **{w.stream.name: w.place(w.position) for w in _known(walks)}}
    total = sum(w.absolute((len(w.chain), 0)) for w in walks)
    scanned = sum(w.absolute(w.position) for w in _known(walks))
    back = ask.cursor.back if ask.cursor else {}
    ended = ask.cursor is not None and not ask.waits and not more and not items
    answer = Answer(
        items=items,
        gap="",
        scanned=scanned,
        total=total,
        complete=not late,
        cursor=None if ended else cursor.Cursor(back, reached),
    )
    return answer, list(walks)


def _birth(stream: follow.Stream) -> cursor.Place | None:
    """Where a stream begins that appeared after the cursor was made."""
    return cursor.Place(stream.chain[-1].id, 0) if stream.chain else None


def _lines(walks: Sequence[walk.Walk]) -> str:
    """How many lines were not looked at, counted as far as that is cheap."""
    count, budget, exact = 0, COUNTED_BYTES, True
    for one in walks:
        assert isinstance(one, walk.Back)
        index, upper = one.position
        lower = max(one.floor[1], 0) if one.floor is not None and one.floor[0] == index else 0
        exact = exact and (one.floor is None or one.floor[0] == index)
        while lower < upper and budget > 0:
            data = one.chain[index].bytes_at(lower, min(1 << 20, upper - lower))
            if not data:
                break
            count += data.count(b"\n")
            lower += len(data)
            budget -= len(data)
        exact = exact and lower >= upper
    return f"{count:,}" if exact else f"more than {count:,}"
