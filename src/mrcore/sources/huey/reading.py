"""Rows of jobs by their ids, and their payloads as they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mrcore.journal import keys, record
from mrcore.model import queue
from mrcore.queues import fingerprint
from mrcore.sources.huey import asking, expiring, prints, rows
from mrcore.sources.redis import link

_FAILED = ("failed", "quarantined")
_EXPIRING = ("failed", "waiting", "delayed", "quarantined")
Read = dict[str, tuple[queue.Job, bytes | None]]


class Reader:
    """Reads rows of one source; `limits` are the age limits of its settings."""

    def __init__(
        self, maker: rows.Maker, root: keys.Root, known: prints.Prints, limits: Mapping[str, float]
    ) -> None:
        self.maker = maker
        self.root = root
        self.limits = {name.rpartition(".")[2]: limit_s for name, limit_s in limits.items()}
        self._prints = known

    async def read(
        self, client: link.Client, of: str, ids: Sequence[str], *, payload: bool
    ) -> Read:
        """Rows and, if asked for, payloads of the jobs that are written down.

        Raises NotPermitted.
        """
        at = self.root.queue(of)
        commands: list[link.Command] = []
        last = "payload" if payload else "state"
        for job_id in ids:
            commands.append(("HMGET", at.job(job_id), *record.SUMMARY, last))
            commands.append(("HEXISTS", at.job(job_id), "message"))
            commands.append(("HSTRLEN", at.job(job_id), "payload"))
        replies = await asking.ask(client, *commands)
        found: dict[str, tuple[record.Record, bool, bytes | None]] = {}
        small: list[str] = []
        portions = zip(ids, replies[::3], replies[1::3], replies[2::3], strict=True)
        for job_id, values, has, size in portions:
            if isinstance(values, list) and (one := record.summary(job_id, values[:-1])):
                found[job_id] = (one, has == 1, values[-1] if payload else None)
                if one.state in _EXPIRING and 0 < (size or 0) <= expiring.SMALL_BYTES:
                    small.append(job_id)
        return await self._rows(client, of, found, small, payload=payload)

    async def _rows(
        self,
        client: link.Client,
        of: str,
        found: Mapping[str, tuple[record.Record, bool, bytes | None]],
        small: Sequence[str],
        *,
        payload: bool,
    ) -> Read:
        records = [one for one, *_ in found.values()]
        dead = await self._dead(client, {r.worker for r in records if r.state == "active"})
        held = await self._held(client, of, [r.id for r in records if r.state == "quarantined"])
        known = await self._known(client, of, records)
        if payload:
            said = {job_id: found[job_id][2] for job_id in small}
        else:
            asked = (("HGET", self.root.queue(of).job(job_id), "payload") for job_id in small)
            said = dict(zip(small, await asking.ask(client, *asked), strict=True))
        made: Read = {}
        for job_id, (one, has, given) in found.items():
            row = self.maker.job(
                of,
                one,
                alive=one.worker not in dead,
                kept=has,
                held=held.get(job_id),
                known=known.get(job_id),
                expires_at=self._expires(one, said.get(job_id)),
            )
            made[job_id] = (row, given)
        return made

    def _expires(self, one: record.Record, payload: bytes | None) -> rows.Until:
        if one.state not in _EXPIRING:
            return None
        at = rows.instant(one.enqueued_at)
        return expiring.of_payload(one.task, payload, at, self.limits)

    async def _known(
        self, client: link.Client, of: str, records: Sequence[record.Record]
    ) -> dict[str, fingerprint.Print]:
        failed = {r.id: (r.attempts, r.error) for r in records if r.state in _FAILED and r.error}
        return await self._prints.read(client, of, failed)

    async def _held(self, client: link.Client, of: str, ids: Sequence[str]) -> dict[str, rows.Held]:
        """Since when, by whom and why these are quarantined."""
        at = self.root.queue(of)
        commands: list[link.Command] = []
        for job_id in ids:
            commands.append(("ZSCORE", at.state("quarantined"), job_id))
            commands.append(("HMGET", at.quarantine(job_id), "from", "by", "why"))
        replies = await asking.ask(client, *commands)
        return {
            job_id: rows.Held.of(since, values)
            for job_id, since, values in zip(ids, replies[::2], replies[1::2], strict=True)
        }

    async def _dead(self, client: link.Client, workers: set[str]) -> set[str]:
        names = sorted(workers)
        alive = await asking.ask(client, *(("EXISTS", self.root.alive(name)) for name in names))
        return {name for name, there in zip(names, alive, strict=True) if there == 0}
