"""The collection `trails`: every audit trail of the backend searched together, newest first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from mrcore import errors, match
from mrcore.model import base, plans, ref, wire
from mrcore.sources.slots import link, rows

_TICK = timedelta(microseconds=1)
"""What Postgres tells instants apart by."""


class _Place(NamedTuple):
    """Where a page goes on: rows before `until` but those, of its last instant, that were shown."""

    until: datetime
    shown: tuple[str, ...]


class Trails:
    """Of a query `name` is what the backend looks for, exactly: an e-mail address, payment,
    invoice, lead, phone, IP address, agent or correlation id; `state` is one trail."""

    def __init__(self, source: str, backend: link.Link) -> None:
        self._source = source
        self._backend = backend

    async def page(self, query: plans.Query, cursor: str | None, now: datetime) -> wire.Page:
        """Rows that match; a page looks at 1,000. Raises BadRequest, Unsupported, SourceError."""
        fits, place = match.of(query.text), _begin(cursor)
        asked = link.LIST_MAX if query.text else min(query.limit + 1, link.LIST_MAX)
        if place is not None:
            asked = min(asked + len(place.shown), link.LIST_MAX)
        found = await self._ask(_params(query, place, asked, now))
        new = [row for row in found if place is None or row.digest not in place.shown]
        kept: list[rows.Told] = []
        looked = 0
        for row in new:
            if len(kept) == query.limit:
                break
            looked += 1
            if fits(_words(rows_said(self._source, row))):
                kept.append(row)
        more = looked < len(new) or len(found) == asked
        last = _cursor(new[:looked], place) if more and looked else None
        return wire.Page(
            at=now,
            rows=tuple(
                {row.ref: row for row in (rows.trail(self._source, r) for r in kept)}.values()
            ),
            cursor=last,
            looked=wire.Looked(scanned=looked, total=None, complete=last is None),
        )

    async def detail(self, of: base.Ref, now: datetime, *, shown: bool = False) -> wire.Detail:
        """One row in full; with `shown` as it is. Raises NotFound, SourceError."""
        row = await self._find(of)
        entity = rows.trail(self._source, row, shown=shown)
        fields = (
            wire.Field(name="trail", value=entity.trail),
            wire.Field(name="at", value=entity.at.isoformat()),
            *(
                wire.Field(name=title, value=value)
                for title, value in (
                    ("who", entity.who),
                    ("what", entity.what),
                    ("about", entity.about),
                    ("from", entity.address),
                    ("old", entity.old),
                    ("new", entity.new),
                )
                if value
            ),
        )
        part = wire.Section(id="row", title="Row", fields=fields)
        return wire.Detail(at=now, entity=rows.trail(self._source, row), sections=(part,))

    async def _find(self, of: base.Ref) -> rows.Told:
        try:
            trail, at, digest = (part.decode() for part in ref.parse(of).ids)
            instant = datetime.fromisoformat(at)
            if instant.tzinfo is None:
                raise ValueError
            until = instant + _TICK
        except (ValueError, OverflowError):
            raise errors.NotFound(f"There is no {of}.") from None
        asked: dict[str, str | int] = {
            "trail": trail,
            "since": instant.isoformat(),
            "until": until.isoformat(),
            "limit": link.LIST_MAX,
        }
        try:
            found = await self._ask(asked)
        except errors.BadRequest:
            found = []
        for row in found:
            if row.digest == digest:
                return row
        raise errors.NotFound(f"The trails have no {of}.")

    async def _ask(self, asked: dict[str, str | int]) -> list[rows.Told]:
        answer = await self._backend.ask("GET", "admin", "trails", query=asked)
        if answer.status == 404:
            raise errors.Unsupported(f"The backend at {self._backend.url} has no /admin/trails.")
        if answer.status in (400, 422):
            raise errors.BadRequest(f"The backend answers: {answer.said}.")
        return self._backend.read(rows.Trails, answer).data


def rows_said(source: str, row: rows.Told) -> Iterator[str]:
    """What a filter sees: as it is shown."""
    entity = rows.trail(source, row)
    yield from (entity.trail, entity.who, entity.what, entity.about)
    yield from (entity.old, entity.new, entity.address)


def _words(said: Iterator[str]) -> str:
    return " ".join(filter(None, said))


def _params(
    query: plans.Query, place: _Place | None, limit: int, now: datetime
) -> dict[str, str | int]:
    asked: dict[str, str | int] = {"limit": limit}
    if query.name:
        asked["q"] = query.name
    if query.state:
        asked["trail"] = query.state
    if query.younger_s is not None:
        asked["since"] = _ago(now, query.younger_s)
    if place is not None:
        asked["until"] = place.until.isoformat()
    elif query.older_s is not None:
        asked["until"] = _ago(now, query.older_s)
    return asked


def _ago(now: datetime, seconds: float) -> str:
    try:
        return (now - timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        raise errors.BadRequest(f"{seconds:g} s ago is before all time.") from None


def _cursor(looked: Sequence[rows.Told], before: _Place | None) -> str:
    """Where to go on: after the last row that was looked at."""
    last = looked[-1].at
    shown = [row.digest for row in looked if row.at == last]
    if before is not None and before.until == last + _TICK:
        shown += before.shown
    return json.dumps([last.isoformat(), *shown])


def _begin(cursor: str | None) -> _Place | None:
    if cursor is None:
        return None
    try:
        at, *shown = json.loads(cursor)
        last = datetime.fromisoformat(at)
        if last.tzinfo is None or not all(isinstance(one, str) for one in shown):
            raise ValueError
        return _Place(last + _TICK, tuple(shown))
    except (ValueError, TypeError, OverflowError):
        raise errors.BadRequest("This cursor is none of trails.") from None
