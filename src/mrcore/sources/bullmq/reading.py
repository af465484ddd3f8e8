"""Rows of jobs by their ids, and their payloads as they are kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mrcore.model import base, queue
from mrcore.sources.bullmq import asking, places, rows
from mrcore.sources.redis import link

SMALL_BYTES = 2_048
"""A payload that is read to see when a job expires; a larger one only before it is retried."""

_S = queue.JobState
_EXPIRING = frozenset({_S.FAILED, _S.WAITING, _S.PRIORITIZED, _S.DELAYED, _S.PAUSED})
_MAY_SAY = re.compile(rb"exp|valid|good|not[_-]?after", re.IGNORECASE)


class Spot(NamedTuple):
    """A job in a state, with its score there where that is a sorted set."""

    state: queue.JobState
    id: str
    score: str = ""


class Row(NamedTuple):
    """A row, the record that it was made of, and the payload where it was read."""

    job: queue.Job
    record: rows.Record
    payload: bytes | None = None


def hash_of(place: places.Place, spot: Spot) -> str:
    """The key of a job's hash: a quarantined one lies in ours."""
    if spot.state is _S.QUARANTINED:
        return f"{place.ours}quarantine:{spot.id}"
    return place.job(spot.id)


async def read(
    client: link.Client,
    maker: rows.Maker,
    place: places.Place,
    spots: Sequence[Spot],
    *,
    payload: bool = False,
    may: tuple[base.ActionId, ...] = (),
) -> dict[str, Row]:
    """Rows by id of those that are there; `payload` is whether all payloads are read too.

    Raises NotPermitted.
    """
    asked: list[link.Command] = []
    for spot in spots:
        key = hash_of(place, spot)
        wanted = [*rows.FIELDS, "stacktrace"] if spot.state is _S.FAILED else [*rows.FIELDS]
        asked.append(("HMGET", key, *wanted))
        asked.append(("HGET", key, "data") if payload else ("HSTRLEN", key, "data"))
        if spot.state is _S.ACTIVE:
            asked.append(("EXISTS", f"{key}:lock"))
        elif spot.state is _S.QUARANTINED:
            asked.append(("HMGET", f"{key}:info", "state", "by", "why"))
    replies = iter(await asking.ask(client, *asked))
    seen: list[tuple[Spot, rows.Record | None, Any, Any, Any]] = []
    for spot in spots:
        values = asking.items(next(replies)) or [None] * len(rows.FIELDS)
        found = rows.Record.of(spot.id, values[: len(rows.FIELDS)])
        trace = (*values[len(rows.FIELDS) :], None)[0]
        size, more = next(replies), None
        if spot.state in (_S.ACTIVE, _S.QUARANTINED):
            more = next(replies)
        seen.append((spot, found, trace, size, more))
    payloads = await _small(client, place, ((s, size) for s, one, _, size, _ in seen if one))
    made: dict[str, Row] = {}
    for spot, one, trace, said, more in seen:
        if one is None:
            continue
        data = said if payload else payloads.get(spot.id)
        job = maker.job(
            place,
            one,
            spot.state,
            score=spot.score,
            locked=more != 0,
            held=_held(spot, more),
            trace=trace,
            payload=data if may_say(data) and spot.state in _EXPIRING else None,
            may=may,
        )
        made[spot.id] = Row(job, one, data if isinstance(data, bytes) else None)
    return made


def may_say(payload: Any) -> bool:
    """Whether a payload may say when it expires: one that cannot is not parsed."""
    return isinstance(payload, bytes) and _MAY_SAY.search(payload) is not None


async def _small(
    client: link.Client, place: places.Place, sizes: Iterable[tuple[Spot, Any]]
) -> Mapping[str, Any]:
    small = [
        spot
        for spot, size in sizes
        if spot.state in _EXPIRING and isinstance(size, int) and 0 < size <= SMALL_BYTES
    ]
    asked = (("HGET", hash_of(place, spot), "data") for spot in small)
    replies = await asking.ask(client, *asked)
    return {spot.id: reply for spot, reply in zip(small, replies, strict=True)}


def _held(spot: Spot, values: Any) -> rows.Held | None:
    if spot.state is not _S.QUARANTINED:
        return None
    before, by, why = (asking.text(v) for v in asking.items(values) or (None, None, None))
    return rows.Held(rows.instant(spot.score), before, by, rows.shown(why))
