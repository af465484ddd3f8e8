"""What the reader answers: samples, pages now and later, one line, one stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mrcore import errors
from mrcore.logreader import (
    blocks,
    cursor,
    follow,
    generation,
    index,
    page,
    query,
    text,
    walk,
    watch,
)

BUSY_FOR_S = 2.0
TRIES = 3
PACE_S = 0.1
"""Under a flood a screen that follows gets a page so often, not as often as it can ask."""

JSON_MAX = 64 * 1024


class Room:
    """The watched streams and what is being worked out about them."""

    def __init__(self, watched: watch.Watch) -> None:
        self.watch = watched
        self._indexes: dict[str, index.Index] = {}
        self._seen: dict[str, tuple[str, int, int]] = {}
        self._changed_at = 0.0

    def poll(self, now: float) -> None:
        """Follow everything."""
        self.watch.poll(now)
        seen = {name: s.signature(now) for name, s in self.watch.streams.items()}
        if seen != self._seen:
            self._seen, self._changed_at = seen, now

    def busy(self, now: float) -> bool:
        """Whether something was written a moment ago."""
        return 0 <= now - self._changed_at < BUSY_FOR_S

    def has_work(self) -> bool:
        """Whether lines are still being counted."""
        return any(not one.complete for one in self._indexes.values())

    def work(self, budget_s: float) -> None:
        """Count lines on for about `budget_s`."""
        for name, one in list(self._indexes.items()):
            stream = self.watch.streams.get(name)
            if stream is None or one.gen not in stream.chain:
                del self._indexes[name]
            elif not one.complete:
                one.build(budget_s)
                return

    def index(self, stream: follow.Stream, gen: generation.Generation) -> index.Index:
        """The line numbers of a generation, begun when they are first asked for."""
        known = self._indexes.get(stream.name)
        if known is None or known.gen is not gen:
            known = self._indexes[stream.name] = index.Index(gen)
        known.build(0.05)
        return known

    def signature(self, streams: list[follow.Stream], now: float) -> tuple[object, ...]:
        """Differs whenever one of these has something new."""
        return tuple((stream.name, *stream.signature(now)) for stream in streams)

    def waiter(self, request: dict[str, Any], now: float) -> Waiter:
        """A page that is asked for."""
        return Waiter(self, request, now)


class Waiter:
    """A page that is answered now, or with `wait_s` when there is something new."""

    def __init__(self, room: Room, request: dict[str, Any], now: float) -> None:
        self._room = room
        self._name: str = request["stream"]
        self._wanted = query.Wanted(request.get("text", ""), request.get("level", ""))
        self._limit: int = request.get("limit", 100)
        self._order: str = request.get("order", "newest")
        given = request.get("cursor")
        self._cursor = cursor.decode(given) if given else None
        self._waits = bool(request.get("wait_s")) and self._cursor is not None
        self._until = now + float(request.get("wait_s") or 0)
        paced = self._waits and self._order == "newest"
        self._not_before = min(now + PACE_S, self._until) if paced else now
        self._signature: tuple[object, ...] | None = None

    def try_now(self, now: float, *, first: bool = False) -> dict[str, Any] | None:
        """The page if it is there, or its time is over; else None."""
        streams = self._room.watch.chosen(self._name)
        if now < self._not_before:
            return None
        if first:
            for stream in streams:
                stream.poll(now)
        signature = self._room.signature(streams, now)
        if signature == self._signature and now < self._until:
            return None
        self._signature = signature
        answer = self._read(streams, now)
        self._cursor = answer.cursor
        if self._waits and not answer.items and now < self._until:
            if not answer.complete:
                self._signature = None  # there is more to look at
            return None
        return {
            "rows": answer.rows(),
            "cursor": answer.cursor.encode() if answer.cursor else None,
            "scanned": answer.scanned,
            "total": answer.total,
            "complete": answer.complete,
        }

    def _read(self, streams: list[follow.Stream], now: float) -> page.Answer:
        ask = page.Ask(streams, self._wanted, self._limit, self._order, self._cursor, self._waits)
        for _ in range(TRIES):
            answer = page.read(ask, now)
            if answer is not None:
                return answer
            for stream in streams:
                stream.poll(now)
        raise errors.Unreachable(f"The files of {self._name} are truncated all the time.")


def sample(room: Room, now: float) -> dict[str, Any]:
    """Every stream, and what is wrong with the folder."""
    room.poll(now)
    problem = room.watch.problem
    return {
        "streams": [_stream(stream, now) for stream in room.watch.streams.values()],
        "problem": _problem(problem) if problem else None,
        "too_many": room.watch.too_many,
    }


def _stream(stream: follow.Stream, now: float) -> dict[str, Any]:
    gen = stream.current
    tally = stream.tally
    return {
        "name": stream.name,
        "path": text.readable(stream.path),
        "state": stream.state(now),
        "problem": _problem(stream.problem) if stream.problem else None,
        "gone_since": stream.gone_since,
        "rotated_at": stream.rotated_at,
        "last_line_at": stream.wrote_at,
        "size": gen.read if gen else 0,
        "lines": tally.lines,
        "errors": tally.errors,
        "warnings": tally.warnings,
        "matches": tally.matches,
        "notable": [one._asdict() for one in tally.notable],
    }


def _problem(error: errors.SourceError) -> dict[str, str]:
    return {"code": error.code, "sentence": error.sentence, "fix": error.fix}


def stream_detail(room: Room, now: float, *, stream: str) -> dict[str, Any]:
    """One stream with its files and, as far as they are counted, its lines."""
    found = room.watch.chosen(stream)[0]
    found.poll(now)
    gen = found.current
    numbers = room.index(found, gen) if gen else None
    return {
        "stream": _stream(found, now),
        "lines": numbers.lines() if numbers else 0,
        "counted": numbers.complete if numbers else True,
        "generations": [
            {"id": one.id, "size": one.read, "born": one.born, "grew_at": one.grew_at}
            for one in found.chain
        ],
    }


def line(room: Room, now: float, *, stream: str, line_id: str) -> dict[str, Any]:
    """One line whole, with what was folded into it.

    Raises NotFound when its file is gone or the id does not lead to a line.
    """
    found = room.watch.chosen(stream)[0]
    found.poll(now)
    if line_id.endswith(walk.MARKER_SUFFIX):
        raise errors.NotFound(f"{line_id!r} marks a place in {stream!r}; it is not a line of it.")
    identity, _, offset = line_id.rpartition(".")
    place = found.find(identity) if offset.isdigit() else None
    if place is None:
        raise errors.NotFound(f"The line {line_id!r} of {stream!r} is gone with its file.")
    gen = found.chain[place]
    block = blocks.Block(gen, int(offset) // blocks.BLOCK_BYTES, gen.end(now))
    for entry in block.entries:
        if entry.start == int(offset):
            item = walk.Item(stream, cursor.Place(identity, entry.start), (0, 0), entry)
            number = room.index(found, gen).number(entry.start)
            return {"row": item.row(), "number": number, **_whole(gen, entry)}
    raise errors.NotFound(f"There is no line at {offset} of {stream!r}.")


def _whole(gen: generation.Generation, entry: blocks.Entry) -> dict[str, Any]:
    raw = gen.bytes_at(entry.start, min(entry.end - entry.start, text.WHOLE_BYTES + 1))
    whole = text.entry(raw.rstrip(b"\n"))
    return {"whole": whole, "json": _json(whole), "bytes": entry.end - entry.start}


def _json(whole: str) -> Any:
    """The line as JSON, where it is: it was redacted as text, so it is parsed after that."""
    start = whole.find("{")
    if start < 0 or start > 64 or len(whole) > JSON_MAX or not whole.endswith("}"):
        return None
    try:
        return json.loads(whole[start:])
    except ValueError:
        return None


PLAIN: dict[str, Callable[..., dict[str, Any]]] = {
    "sample": sample,
    "stream": stream_detail,
    "line": line,
}
