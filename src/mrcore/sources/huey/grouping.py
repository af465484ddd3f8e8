"""How huey's journal keeps what has failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mrcore.journal import keys, record
from mrcore.model import base
from mrcore.sources.engine import asking as replies
from mrcore.sources.engine import grouping
from mrcore.sources.huey import asking, discover, jobs, offers, prints, rights, rows
from mrcore.sources.redis import link


class Failures:
    """Reads them; fingerprints that are known are not made again."""

    engine = "huey"
    ask = staticmethod(asking.ask)

    def __init__(self, root: keys.Root, known: prints.Prints, who: rights.Rights) -> None:
        self._root = root
        self._prints = known
        self._who = who
        self._usual = 1
        """How often most of them were tried: that attempt is asked for at once."""

    def where(self, place: discover.Place) -> tuple[str, str]:
        """Raises Unsupported without a journal."""
        jobs.states(place, "failed")
        return place.name, self._root.queue(place.name).state("failed")

    def offered(self, place: discover.Place) -> tuple[base.ActionId, ...]:
        return self._who.offered(offers.ALL)

    async def read(
        self, client: link.Client, place: discover.Place, some: Sequence[grouping.Pair]
    ) -> Mapping[str, grouping.Failure]:
        of, usual = place.name, self._usual
        at = self._root.queue(of)
        fields = ("task", "error", "attempts", f"attempt:{usual}")
        answers = await asking.ask(client, *(("HMGET", at.job(i), *fields) for i, _ in some))
        failed: dict[str, tuple[int, str]] = {}
        names: dict[str, str] = {}
        for (job_id, _), values in zip(some, answers, strict=True):
            task, error, tried, attempt = values or (None, None, None, None)
            if task is None:
                continue
            attempts = int(record.number(tried) or 0)
            failed[job_id] = (attempts, replies.text(error))
            names[job_id] = replies.text(task).rpartition(".")[2]
            if attempts == usual and self._prints.get(of, job_id, attempts) is None:
                self._prints.make(of, job_id, *failed[job_id], attempt)
            self._usual = attempts
        known = await self._prints.read(client, of, failed)
        ended = {job_id: rows.instant(record.number(score.encode())) for job_id, score in some}
        return {i: grouping.Failure(known[i], names[i], ended[i]) for i in known}
