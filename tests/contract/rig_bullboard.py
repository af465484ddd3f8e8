"""A real Bull Board 9 over BullMQ queues with jobs in every state, a worker and a scheduler."""

from __future__ import annotations

import atexit
import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from mrcore.model import base, plans
from mrcore.model import ref as refs
from mrcore.sources import base as source_base
from tests import restartable
from tests.contract import bull_jobs, bullboard_deeds, rig
from tests.node import boards

QUEUE, ODD, ATTENDED, CLOCK = "emails", "a/b%c?d é", "attended", "clock"
FAILED, COMPLETED, WAITING = 7, 4, 3
NO_WAY_BACK = "a Bull Board has no route that puts it back"


_Processes = tuple[restartable.Valkey, boards.Board]
_spare: list[_Processes] = []


def _started(folder: Path) -> _Processes:
    """A Valkey and a board over it, to the end of the test process."""
    valkey = restartable.Valkey(folder)
    queues = (QUEUE, ODD, ATTENDED, CLOCK, *bullboard_deeds.QUEUES)
    board = boards.Board(folder, valkey.port, queues, attended=(ATTENDED,))
    valkey.start()
    atexit.register(valkey.close)
    board.server.start()
    atexit.register(board.server.close)
    return valkey, board


class BullBoard(rig.Rig):
    kind = "bullboard"
    acts = bullboard_deeds.ACTS
    lasting = dict.fromkeys(
        (
            "job.remove", "job.promote", "job.delay", "queue.clean", "queue.drain",
            "schedule.remove",
        ),
        NO_WAY_BACK,
    )  # fmt: skip
    lacks = {"minute": "no HTTP connection is kept over a question without an answer"}

    def __init__(self, folder: Path) -> None:
        self._redis, self.board = _spare.pop() if _spare else _started(folder)
        self._client = self._redis.client()
        self.desk = bull_jobs.Desk(self._client)
        self._deeds = bullboard_deeds.Deeds(self.desk, self.board, self.open)
        self._populate()

    def close(self) -> None:
        """The next rig goes on with the same processes: Node takes a second to start."""
        self._client.close()
        _spare.append((self._redis, self.board))

    def table(self) -> dict[str, Any]:
        return self.board.table()

    def limited(self) -> dict[str, Any]:
        return self.board.table(password="not this one")

    def pid(self, source: source_base.Source) -> int:
        return self.board.server.pid

    async def identities(self, source: source_base.Source) -> Hashable:
        """An HTTP question that got no answer has no connection left to keep: the port only."""
        return self.board.port

    def kill(self, source: source_base.Source) -> None:
        self.board.server.kill()

    def spawn(self) -> None:
        self.board.server.spawn()

    def settle(self) -> None:
        self.board.server.wait()

    def listings(self) -> tuple[rig.Listing, ...]:
        owner = refs.make("bullboard", "queue", QUEUE)
        failed, completed = self._refs("failed"), self._refs("completed")
        every = failed | completed | self._refs("wait")
        one = refs.make("bullboard", "job", QUEUE, self.desk.ids(QUEUE, "failed")[0])
        alike = plans.Query(limit=10)
        other = frozenset({refs.make("bullboard", "job", QUEUE, bull_jobs.OTHER_ID)})
        return (
            rig.Listing(owner, "jobs", failed, plans.Query(state="failed", limit=3)),
            rig.Listing(
                owner, "jobs", failed, plans.Query(state="failed", limit=3, order="oldest")
            ),
            rig.Listing(owner, "jobs", completed, plans.Query(state="completed", limit=1)),
            rig.Listing(owner, "jobs", every, plans.Query(limit=5)),
            rig.Listing(owner, "found", failed, plans.Query(text="unavailable", limit=3)),
            *(rig.Listing(owner, "found", other, query) for query in bull_jobs.SEARCHES),
            rig.Listing(owner, "groups", frozenset({str(FAILED)}), told=lambda row: str(row.jobs)),
            rig.Listing(one, "like", completed, alike),
        )

    def odd(self) -> tuple[base.Ref, ...]:
        return (
            refs.make("bullboard", "queue", ODD),
            refs.make("bullboard", "job", ODD, "x/y%z?é"),
        )

    def args(self, action: base.ActionId) -> plans.Args:
        return bullboard_deeds.ARGS.get(action, {})

    def unknown(self) -> tuple[base.Ref, ...]:
        return (
            "bullboard/queue/none",
            f"bullboard/job/{QUEUE}/none",
            "bullboard/job/none/none",
            "bullboard/worker/none",
            f"bullboard/schedule/{CLOCK}/none",
            f"bullboard/group/{QUEUE}/none",
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

    def _refs(self, state: str) -> frozenset[base.Ref]:
        ids = self.desk.ids(QUEUE, state)
        return frozenset(refs.make("bullboard", "job", QUEUE, id_) for id_ in ids)

    def _populate(self) -> None:
        for queue in (QUEUE, ODD, CLOCK):
            self.desk.clear(queue)
        for state, count in (("failed", FAILED), ("completed", COMPLETED), ("wait", WAITING)):
            for _ in range(count):
                self.desk.add(QUEUE, state)
        other = {"name": bull_jobs.OTHER_NAME, "data": json.dumps(bull_jobs.OTHER_DATA)}
        self.desk.add(QUEUE, "wait", id_=bull_jobs.OTHER_ID, **other)
        self.desk.add(ODD, "failed", id_="x/y%z?é")
        self.board.schedule(CLOCK, "digest", 3600, name="send_digest", data={"to": "all"})
