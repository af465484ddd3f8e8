"""How BullMQ keeps what has failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mrcore.model import base
from mrcore.queues import fingerprint
from mrcore.sources.bullmq import asking, places, rows
from mrcore.sources.engine import grouping
from mrcore.sources.redis import link


class Failures:
    """Reads them."""

    engine = "bullmq"
    ask = staticmethod(asking.ask)

    def where(self, place: places.Owner) -> tuple[str, str]:
        return place.at.shown, place.at.base + "failed"

    def offered(self, place: places.Owner) -> tuple[base.ActionId, ...]:
        return place.may

    async def read(
        self, client: link.Client, place: places.Owner, some: Sequence[grouping.Pair]
    ) -> Mapping[str, grouping.Failure]:
        found: dict[str, grouping.Failure] = {}
        fields = ("name", "failedReason", "stacktrace")
        replies = await asking.ask(client, *(("HMGET", place.at.job(i), *fields) for i, _ in some))
        for (job_id, score), values in zip(some, replies, strict=True):
            name, error, trace = asking.items(values) or (None, None, None)
            if name is not None:
                known = fingerprint.of(asking.text(error), rows.newest(trace))
                ended = rows.instant(score)
                found[job_id] = grouping.Failure(known, asking.text(name), ended)
        return found
