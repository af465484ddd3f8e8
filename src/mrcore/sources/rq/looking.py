"""Looking at jobs for a plan: many at once, only what the plan needs of them."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from mrcore import errors, redact
from mrcore.model import base, plans, ref, wire
from mrcore.sources import kept
from mrcore.sources.engine import looking as engine_looking
from mrcore.sources.engine import walking
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, jobs, keys, record, running
from mrcore.sources.rq import walking as own

_FIELDS = (
    "status", "origin", "created_at", "enqueued_at", "started_at", "ended_at", "description",
)  # fmt: skip
PORTION = 500
IDS = 5_000
"""Ids that one round trip brings."""


class Seen(NamedTuple):
    """A job as a plan needs it: `state` is RQ's word for where it is, '' where there is none.

    `score` is its place there and `stamp` its instants, both as they are written. RQ writes anew
    when a job was enqueued whenever it is retried, so how old it is `created_at` tells.
    """

    ref: base.Ref
    id: str
    state: str = ""
    score: str = ""
    stamp: str = ""
    call: str = ""
    times: tuple[datetime | None, ...] = ()
    created_at: datetime | None = None

    @property
    def at(self) -> datetime | None:
        """Since when it is so, as far as that is written down."""
        if self.state == "quarantined":
            return record.epoch((record.number(self.score) or 0.0) / 1000)
        return None if self.state == "scheduled" or not self.times else self.times[-1]

    @property
    def name(self) -> str:
        return record.name(self.call)

    @property
    def label(self) -> str:
        """Its function and id; an id that is not RQ's own may tell of somebody."""
        return engine_looking.label(redact.text(self.name), self.id)

    @property
    def guard(self) -> plans.Args:
        return {"state": self.state, "score": self.score, "stamp": self.stamp}


Looked = engine_looking.Looked[Seen]


class Looker:
    """Looks at the jobs of one source."""

    def __init__(self, hand: kept.Kept[link.Client], source: str, shelf: jobs.Jobs) -> None:
        self._hand = hand
        self._source = source
        self._shelf = shelf

    async def refs(self, of: Sequence[base.Ref]) -> list[Seen]:
        """Each of these, in their order; what is no job's ref is seen as gone."""
        return await self._hand.run(lambda client: refs(client, self._source, of))

    async def selected(self, selection: plans.Selection, now: datetime) -> AsyncIterator[Looked]:
        """What is selected, in portions of at most 500.

        Raises NotFound, Unsupported and BadRequest for a collection that there is not.
        """
        async for looked in engine_looking.chosen(selection.refs, self.refs, PORTION):
            yield looked
        if not selection.ref:
            return
        if selection.collection not in ("jobs", "found"):
            raise errors.Unsupported(f"There is no collection {selection.collection!r}.")
        found = running.ids(self._source, selection.ref, "queue", 1)
        if found is None:
            raise errors.NotFound(f"There is no {selection.ref}; jobs belong to a queue.")
        filters = walking.filters(selection.query)
        portions = self._filtered if filters else self._whole
        async for looked in portions(found[0], selection.query, now):
            yield looked

    async def _whole(self, name: str, query: plans.Query, now: datetime) -> AsyncIterator[Looked]:
        """All of one state, or of all: the ids first, so that those that leave hide none."""
        placed: dict[str, str] = {}
        for state in own.states(query.state):
            start = 0
            while True:
                some = await self._hand.run(
                    functools.partial(
                        jobs.portion,
                        name=name,
                        state=state,
                        start=start,
                        size=IDS,
                        newest=query.order != "oldest",
                    )
                )
                placed |= {one.job_id: state for one in some}
                start += len(some)
                if len(some) < IDS:
                    break
        every = list(placed)
        for start in range(0, len(every), PORTION):
            portion = [
                ref.make(self._source, "job", name, job_id)
                for job_id in every[start : start + PORTION]
            ]
            # A member of a registry may be there without its job, which has been forgotten.
            seen = [one for one in await self.refs(portion) if one.state]
            yield seen, start + len(portion), len(every)

    def _filtered(self, name: str, query: plans.Query, now: datetime) -> AsyncIterator[Looked]:
        """Those that match."""

        async def page(query: plans.Query, cursor: str | None) -> wire.Page:
            return await self._hand.run(
                lambda client: self._shelf.page(client, name, query, cursor, now)
            )

        return engine_looking.filtered(page, query, self.refs)


async def refs(client: link.Client, source: str, of: Sequence[base.Ref]) -> list[Seen]:
    """Each of these, in their order: two round trips."""
    named = {one: running.ids(source, one, "job", 2) for one in of}
    known = {one: found for one, found in named.items() if found is not None}
    commands: list[link.Command] = []
    for name, job_id in known.values():
        commands.append(("HMGET", keys.job(job_id), *_FIELDS))
        commands.append(("ZSCORE", keys.where("quarantined", name), job_id))
    replies = await asking.ask(client, *commands)
    states: dict[base.Ref, tuple[str, Any]] = {}
    for (one, (name, _)), values, held in zip(
        known.items(), replies[::2], replies[1::2], strict=True
    ):
        state = _state(values, name)
        if state:
            states[one] = ("quarantined" if held is not None else state, values)
    scores = await _scores(client, known, states)
    found = {
        one: _seen(one, known[one][1], state, scores.get(one, ""), values)
        for one, (state, values) in states.items()
    }
    return [found.get(one) or Seen(one, (known.get(one) or ("", ""))[1]) for one in of]


async def _scores(
    client: link.Client,
    known: dict[base.Ref, tuple[str, ...]],
    states: dict[base.Ref, tuple[str, Any]],
) -> dict[base.Ref, str]:
    """The place of each in the registry that its state names."""
    asked = [
        (one, ("ZSCORE", keys.where(state, known[one][0]), known[one][1]))
        for one, (state, _) in states.items()
        if state in keys.REGISTRIES and state != "started"
    ]
    replies = await asking.ask(client, *(command for _, command in asked))
    return {one: asking.text(reply) for (one, _), reply in zip(asked, replies, strict=True)}


def _state(values: Any, name: str) -> str:
    status, origin, *_ = values or (None, None)
    if status is None or (origin is not None and asking.text(origin) != name):
        return ""
    state = asking.text(status)
    return "failed" if state == "stopped" else state


def _seen(of: base.Ref, job_id: str, state: str, score: str, values: Any) -> Seen:
    _, _, created, *times, call = values
    stamp = "|".join(asking.text(time) for time in times)
    at = [found for found in (record.instant(time) for time in times) if found is not None]
    made = record.instant(created)
    return Seen(of, job_id, state, score, stamp, asking.text(call), tuple(at), made)
