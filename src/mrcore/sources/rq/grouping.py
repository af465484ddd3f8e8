"""How RQ keeps what has failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mrcore.model import base
from mrcore.queues import fingerprint
from mrcore.sources.engine import grouping
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, keys, offers, record, rights


class Failures:
    """Reads them: a place is a queue's name."""

    engine = "rq"
    ask = staticmethod(asking.ask)

    def __init__(self, who: rights.Rights) -> None:
        self._who = who

    def where(self, place: str) -> tuple[str, str]:
        return place, keys.where("failed", place)

    def offered(self, place: str) -> tuple[base.ActionId, ...]:
        return self._who.offered(offers.ALL)

    async def read(
        self, client: link.Client, place: str, some: Sequence[grouping.Pair]
    ) -> Mapping[str, grouping.Failure]:
        """Those that RQ has forgotten are left out."""
        found: dict[str, grouping.Failure] = {}
        commands: list[link.Command] = []
        for job_id, _ in some:
            commands.append(("HMGET", keys.job(job_id), "ended_at", "description"))
            commands.append(("XREVRANGE", keys.results(job_id), "+", "-", "COUNT", 1))
        replies = await asking.ask(client, *commands)
        for (job_id, _), values, entries in zip(some, replies[::2], replies[1::2], strict=True):
            ended, call = values or (None, None)
            if ended is not None or call is not None:
                known = fingerprint.of("", record.trace(entries))
                name = record.name(asking.text(call))
                found[job_id] = grouping.Failure(known, name, record.instant(ended))
        return found
