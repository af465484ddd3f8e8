"""RQ's queues with jobs that really ran, failed and wait, a worker and a schedule."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from rq.job import Job

from mrcore.model import base, plans
from mrcore.model import ref as refs
from mrcore.queues import fingerprint
from mrcore.sources import base as source_base
from tests import restartable, servers, waiting
from tests.contract import rig, rq_deeds, rq_desk

QUEUE, ODD = "emailQueue", "a/b%c?d é"
FAILED, COMPLETED, WAITING = 7, 4, 3


class Rq(rig.Rig):
    kind = "rq"
    acts = rq_deeds.ACTS

    def __init__(self, folder: Path) -> None:
        self.server = restartable.Valkey(folder)
        self.server.start()
        self._open = contextlib.ExitStack()
        self._populate()

    def close(self) -> None:
        self._open.close()
        self.server.close()

    def table(self) -> dict[str, Any]:
        return {"url": self.server.url(), "schedules": rq_deeds.SCHEDULES}

    def limited(self) -> dict[str, Any]:
        return {"url": self.server.url(user="blind")}

    def pid(self, source: source_base.Source) -> int:
        return self.server.pid

    async def identities(self, source: source_base.Source) -> Hashable:
        """Client ids of the source's two connections."""
        with contextlib.closing(self.server.client()) as client:

            def all_there() -> frozenset[str] | None:
                rows = client.client_list()
                ids = frozenset(row["id"] for row in rows if row["name"] == "mrcore")
                return ids if len(ids) == 2 else None

            return await waiting.until(all_there, what="two kept connections")

    def kill(self, source: source_base.Source) -> None:
        self._open.close()
        self.server.kill()

    def spawn(self) -> None:
        self.server.spawn()

    def settle(self) -> None:
        self.server.wait()
        self._populate()

    def listings(self) -> tuple[rig.Listing, ...]:
        owner = refs.make("rq", "queue", QUEUE)
        failed, completed = (self._refs(QUEUE, state) for state in ("failed", "finished"))
        queued, all_ = self._refs(QUEUE, "queued"), plans.Query(limit=3)
        group = refs.make("rq", "group", QUEUE, self._fingerprint())
        return (
            rig.Listing(owner, "jobs", failed, plans.Query(state="failed", limit=3)),
            rig.Listing(owner, "jobs", failed, plans.Query(state="failed", limit=300)),
            rig.Listing(owner, "jobs", completed, plans.Query(state="completed", limit=1)),
            rig.Listing(owner, "jobs", queued, plans.Query(state="waiting", limit=2)),
            rig.Listing(owner, "found", failed | completed | queued, all_),
            rig.Listing(owner, "groups", frozenset({group})),
            rig.Listing(min(completed), "like", completed, plans.Query(limit=10)),
        )

    def odd(self) -> tuple[base.Ref, ...]:
        return (refs.make("rq", "queue", ODD), *self._refs(ODD, "failed"))

    def unknown(self) -> tuple[base.Ref, ...]:
        return (
            "rq/queue/none",
            f"rq/job/{QUEUE}/none",
            "rq/job/none/none",
            "rq/worker/none",
            "rq/schedule/none",
            "rq/schedule/scheduler:none",
            "rq/group/none/none",
        )

    def args(self, action: base.ActionId) -> plans.Args:
        return rq_deeds.ARGS.get(action, {})

    async def deed(self, action: base.ActionId) -> rig.Deed:
        return await self._deeds.deed(action)

    async def move_on(self, deed: rig.Deed) -> None:
        await self._deeds.move_on(deed)

    async def state(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        return self._deeds.state(action, ref)

    async def facts(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        return self._deeds.facts(action, ref)

    def churn(self, action: base.ActionId) -> rig.Churn:
        return self._deeds.churn(action)

    def _refs(self, queue: str, state: str) -> frozenset[base.Ref]:
        return frozenset(refs.make("rq", "job", queue, i) for i in self.desk.ids(queue, state))

    def _fingerprint(self) -> str:
        """Of what failed, as rq's own library tells it."""
        job_id = self.desk.ids(QUEUE, "failed")[0]
        result = Job.fetch(job_id, connection=self.desk.conn).latest_result()
        assert result is not None
        assert result.exc_string is not None
        return fingerprint.of("", result.exc_string).id

    def _populate(self) -> None:
        self.desk = desk = rq_desk.Desk(self.server.url())
        self._open.callback(desk.close)
        desk.fail(ODD)
        for number in range(FAILED):
            desk.fail(QUEUE, number)
        for number in range(COMPLETED):
            desk.send(QUEUE, f"{number}@example.org")
        desk.run_all(QUEUE, ODD)
        for number in range(WAITING):
            desk.send(QUEUE, f"{number}@example.org")
        desk.stand(QUEUE, ODD)
        desk.cron(QUEUE, "digest")
        self._deeds = rq_deeds.Deeds(desk, self.open)
        blind = ("ACL", "SETUSER", "blind", "on", f">{servers.PASSWORD}", "+get", "~*")
        desk.conn.execute_command(*blind)
