"""huey's queues with jobs that really ran, failed and wait, a worker that beats, and a schedule."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Hashable
from datetime import timedelta
from pathlib import Path
from typing import Any

from mrcore import scheduler
from mrcore.model import base, plans
from mrcore.model import ref as refs
from mrcore.sources import base as source_base
from tests import restartable, servers, waiting
from tests.contract import huey_deeds, rig
from tests.core import journals

QUEUE, ODD = "emailQueue", "a/b%c?d é"
FAILED, COMPLETED, WAITING = 7, 4, 3
TITLE = "ConnectionError: 535-5.7.8 refused <n>"
"""What the failures have in common."""


class Huey(rig.Rig):
    kind = "huey"
    acts = huey_deeds.ACTS

    def __init__(self, folder: Path) -> None:
        self.server = restartable.Valkey(folder)
        self.server.start()
        self._open = contextlib.ExitStack()
        self._desks: dict[str, journals.Desk] = {}
        self._populate()

    def close(self) -> None:
        self._open.close()
        self.server.close()

    def table(self) -> dict[str, Any]:
        return {"url": self.server.url()}

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
        owner = refs.make("huey", "queue", QUEUE)
        failed, completed = (self._refs(QUEUE, state) for state in ("failed", "completed"))
        every = failed | completed | self._refs(QUEUE, "waiting")
        newest = self._desks[QUEUE].ids("completed")[-1]
        alike = refs.make("huey", "job", QUEUE, newest)
        return (
            rig.Listing(owner, "jobs", failed, plans.Query(state="failed", limit=3)),
            rig.Listing(owner, "jobs", failed, plans.Query(state="failed", limit=300)),
            rig.Listing(owner, "jobs", completed, plans.Query(state="completed", limit=1)),
            rig.Listing(owner, "groups", frozenset({TITLE}), told=operator.attrgetter("title")),
            rig.Listing(owner, "found", every, plans.Query(text="5-5.7.8|send_otp", limit=3)),
            rig.Listing(alike, "like", completed, plans.Query(limit=10)),
        )

    def odd(self) -> tuple[base.Ref, ...]:
        return (refs.make("huey", "queue", ODD), *self._refs(ODD, "failed"))

    def unknown(self) -> tuple[base.Ref, ...]:
        return (
            "huey/queue/none",
            f"huey/job/{QUEUE}/none",
            "huey/job/none/none",
            "huey/worker/none",
            "huey/schedule/none",
        )

    def args(self, action: base.ActionId) -> plans.Args:
        return huey_deeds.ARGS.get(action, {})

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
        return frozenset(refs.make("huey", "job", queue, i) for i in self._desks[queue].ids(state))

    def _populate(self) -> None:
        for name in (QUEUE, ODD, huey_deeds.QUEUE):
            self._desks[name] = self._open.enter_context(journals.desk(self.server.url(), name))
        desk = self._desks[QUEUE]
        self._fail(self._desks[ODD], 1)
        self._fail(desk, FAILED)
        send = desk.huey.task(name="send_otp")(lambda to: None)
        for number in range(COMPLETED):
            send(f"{number}@example.org")
        desk.run_all()
        for number in range(WAITING):
            send(f"{number}@example.org")
        declared = scheduler.Declared(
            "digest", QUEUE, "send_otp", timedelta(hours=1), args=("all",)
        )
        scheduler.Scheduler(
            {QUEUE: desk.huey}, [declared], owner="contract", now=source_base.utc_now
        ).tick()
        self._deeds = huey_deeds.Deeds(self.server.url(), self._desks[huey_deeds.QUEUE], self.open)
        self._open.callback(self._deeds.close)
        with contextlib.closing(self.server.client()) as client:
            client.execute_command(
                *("ACL", "SETUSER", "blind", "on", f">{servers.PASSWORD}", "+get", "~*")
            )

    def _fail(self, desk: journals.Desk, count: int) -> None:
        fail = desk.huey.task(name=f"fail_{desk.queued()}_{len(desk.ids('failed'))}")(_refuse)
        for number in range(count):
            fail(number)
        desk.run_all()


def _refuse(number: int) -> None:
    raise ConnectionError(f"535-5.7.8 refused {number}")
