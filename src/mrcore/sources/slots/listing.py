"""The collection `slots`: what a filter lists, of all mentors or of one, the earliest first."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from mrcore import errors, match
from mrcore.model import base, plans, ref, wire
from mrcore.sources.slots import link, look, rows


class Listing:
    """The route has no cursor and at most 1,000 rows: each page asks for all of them again."""

    def __init__(self, source: str, look_: look.Look) -> None:
        self._source = source
        self._look = look_

    async def page(
        self, of: base.Ref, query: plans.Query, cursor: str | None, now: datetime
    ) -> wire.Page:
        """Slots of a filter (`state`) that match; it says how far it looked.

        They come by their start, whatever order is asked for. Raises BadRequest, SourceError.
        """
        name = query.state or "all"
        if name not in rows.FILTERS:
            known = ", ".join(rows.FILTERS)
            raise errors.BadRequest(f"{name!r} is no filter of slots; there are {known}.")
        fits, begins = match.of(query.text), _begin(cursor)
        found, whose = await self._look.listed(name), self._whose(of)
        rest = [
            row
            for row in found
            if (begins is None or _place(row) > begins) and whose in (None, row.mentor_id)
        ]
        kept = [row for row in rest if fits(_words(row))]
        shown = kept[: query.limit]
        counts = await self._look.counts()
        total = getattr(counts, rows.FILTERS[name]) if whose is None else None
        complete = len(found) < link.LIST_MAX
        return wire.Page(
            at=now,
            rows=tuple(rows.one(self._source, row) for row in shown),
            cursor=_cursor(shown[-1]) if len(kept) > len(shown) else None,
            looked=wire.Looked(scanned=len(found), total=total, complete=complete),
        )

    async def find(self, of: uuid.UUID) -> rows.Row:
        """One slot, as far as the filters list it. Raises NotFound."""
        for name in ("all", "available", "booked", rows.STALE):
            found = await self._look.listed(name)
            for row in found:
                if row.id == of:
                    return row
            if name == "all" and len(found) < link.LIST_MAX:
                break
        raise errors.NotFound(f"No list of the backend has the slot {of} (any more).")

    def _whose(self, of: base.Ref) -> uuid.UUID | None:
        """The mentor whose slots are meant; None for everybody's."""
        return mentor_of(of) if ref.parse(of).kind == "mentor" else None


def mentor_of(of: base.Ref) -> uuid.UUID:
    """The id in a ref. Raises NotFound for what is none."""
    try:
        (raw,) = ref.parse(of).ids
        return uuid.UUID(raw.decode())
    except ValueError:
        raise errors.NotFound(f"There is no {of}.") from None


def oldest(found: Iterable[rows.Row]) -> datetime | None:
    """When the first of them ended."""
    return min((row.ends_at for row in found), default=None)


def _words(row: rows.Row) -> str:
    return f"{row.id} {row.name} {row.booked_by or ''} {row.starts_at:%Y-%m-%d %H:%M}"


def _place(row: rows.Row) -> tuple[datetime, str]:
    return row.starts_at, str(row.id)


def _cursor(row: rows.Row) -> str:
    return f"{row.starts_at.isoformat()} {row.id}"


def _begin(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    at, _, of = cursor.partition(" ")
    try:
        began = datetime.fromisoformat(at)
        if began.tzinfo is None:
            raise ValueError
        return began, str(uuid.UUID(of))
    except ValueError:
        raise errors.BadRequest("This cursor is none of slots.") from None
