"""BullMQ 6 on Node: queues with jobs that really ran, failed and wait, workers, and schedules."""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from mrcore.model import base, plans
from mrcore.model import ref as refs
from mrcore.sources import base as source_base
from tests import node, restartable, servers, waiting
from tests.contract import bull_jobs, bullmq_deeds, rig
from tests.node import engines

QUEUE, ODD, PREFIXED = "emails", "a/b%c?d é", "mentor"
FAILED, COMPLETED, WAITING = 7, 4, 3


_Processes = tuple[restartable.Valkey, engines.Engine]
_spare: list[_Processes] = []


def _started(folder: Path) -> _Processes:
    """A Valkey and a Node with BullMQ 6, to the end of the test process."""
    server = restartable.Valkey(folder)
    server.start()
    atexit.register(server.close)
    return server, _engine(server)


def _engine(server: restartable.Valkey) -> engines.Engine:
    engine = engines.Engine(server.port)
    atexit.register(engine.close)
    return engine


class BullMQ(rig.Rig):
    kind = "bullmq"
    acts = bullmq_deeds.ACTS

    def __init__(self, folder: Path) -> None:
        node.modules()  # skips before a server is started
        self.server, self._engine = _spare.pop() if _spare else _started(folder)
        self._conn = self.server.client()
        self._populate()

    def close(self) -> None:
        """The next rig goes on with the same processes: Node takes its time to start."""
        self._conn.flushall()
        self._conn.close()
        self._engine("reset")
        _spare.append((self.server, self._engine))

    def table(self) -> dict[str, Any]:
        return {
            "url": self.server.url(),
            "prefixes": ["bull", PREFIXED],
            "schedules": bullmq_deeds.SCHEDULES,
        }

    def limited(self) -> dict[str, Any]:
        return {"url": self.server.url(user="blind")}

    def args(self, action: base.ActionId) -> plans.Args:
        return bullmq_deeds.ARGS.get(action, {})

    def pid(self, source: source_base.Source) -> int:
        return self.server.pid

    async def identities(self, source: source_base.Source) -> Hashable:
        """Client ids of the source's two connections."""

        def all_there() -> frozenset[str] | None:
            rows = self._conn.client_list()
            ids = frozenset(row["id"] for row in rows if row["name"] == "mrcore")
            return ids if len(ids) == 2 else None

        return await waiting.until(all_there, what="two kept connections")

    def kill(self, source: source_base.Source) -> None:
        self._engine.close()
        self._conn.close()
        self.server.kill()

    def spawn(self) -> None:
        self.server.spawn()
        self._engine = _engine(self.server)

    def settle(self) -> None:
        self.server.wait()
        self._conn = self.server.client()
        self._populate()

    def listings(self) -> tuple[rig.Listing, ...]:
        owner = refs.make("bullmq", "queue", QUEUE)
        failed, completed = (self._refs(QUEUE, state) for state in ("failed", "completed"))
        every = failed | completed | self._refs(QUEUE, "waiting")
        every |= self._refs(QUEUE, "delayed") | self._refs(QUEUE, "prioritized")
        some = refs.make("bullmq", "job", QUEUE, "1")
        other = frozenset({refs.make("bullmq", "job", QUEUE, bull_jobs.OTHER_ID)})
        return (
            rig.Listing(owner, "jobs", failed, plans.Query(state="failed", limit=3)),
            rig.Listing(owner, "jobs", every, plans.Query(limit=2)),
            rig.Listing(owner, "jobs", failed, plans.Query(text="^.*535", limit=300)),
            rig.Listing(owner, "jobs", completed, plans.Query(state="completed", limit=1)),
            rig.Listing(owner, "found", every, plans.Query(limit=3)),
            rig.Listing(owner, "found", failed, plans.Query(text="REFUSED", limit=300)),
            *(rig.Listing(owner, "found", other, query) for query in bull_jobs.SEARCHES),
            rig.Listing(
                owner, "groups", frozenset({"535-5.7.8 refused <n>"}), told=lambda row: row.title
            ),
            rig.Listing(some, "like", completed, plans.Query(limit=10)),
        )

    def odd(self) -> tuple[base.Ref, ...]:
        return (refs.make("bullmq", "queue", ODD), *self._refs(ODD, "failed"))

    def unknown(self) -> tuple[base.Ref, ...]:
        return (
            "bullmq/queue/none",
            f"bullmq/job/{QUEUE}/none",
            "bullmq/job/none/none",
            "bullmq/worker/none",
            f"bullmq/schedule/{QUEUE}/none",
            f"bullmq/group/{QUEUE}/none",
        )

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
        """What the library itself finds."""
        found = self._engine("jobs", queue, state=state)["jobs"]
        return frozenset(refs.make("bullmq", "job", queue, job["id"]) for job in found)

    def _populate(self) -> None:
        for n in range(FAILED):
            self._engine.add(QUEUE, "send", {"n": n, "fails": -1, "log": f"begun {n}"})
        self._engine.add(ODD, "send", {"fails": -1}, jobId="a/b%c?d é")
        for n in range(COMPLETED):
            self._engine.add(QUEUE, "send", {"n": n})
        self._engine("run", QUEUE)
        self._engine("run", ODD)
        for n in range(WAITING):
            self._engine.add(QUEUE, "send", {"n": n})
        self._engine.add(QUEUE, "send", {"n": 0}, delay=3_600_000)
        other = (bull_jobs.OTHER_NAME, bull_jobs.OTHER_DATA)
        self._engine.add(QUEUE, *other, priority=7, jobId=bull_jobs.OTHER_ID)
        self._engine("add", "reports", name="one", data={}, prefix=PREFIXED)
        self._engine("crew", "attended", name="mailer-1")
        template = {"name": "digest", "data": {}}
        args = ["digest", {"pattern": "59 23 * * *", "tz": "Asia/Kolkata"}, template]
        self._engine("ask", "clock", method="upsertJobScheduler", args=args, silent=True)
        self._deeds = bullmq_deeds.Deeds(self._conn, self._engine, self.open)
        with contextlib.closing(self.server.client()) as client:
            client.execute_command(
                *("ACL", "SETUSER", "blind", "on", f">{servers.PASSWORD}", "+get", "~*")
            )
