"""A simulated core, in process: fixed facts on a fixed clock, a page for every collection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Self

from mrcore import catalogue, errors
from mrcore.model import base, core, log, plans, queue, redis, ref, wire
from tests.tui import facts

TRACE = """Traceback (most recent call last):
  File "/app/mrcore/mentor/jobs.py", line 41, in send_email
    mail.send(message)
  File "/app/mrcore/mentor/mail.py", line 88, in send
    smtp.login(user, password)
  File "/usr/lib/python3.11/smtplib.py", line 750, in login
    raise last_exception
smtplib.SMTPAuthenticationError: (535, b'5.7.8 Username and Password not accepted')"""


GOOD = "huey/job/emailQueue/8001"
"""A job that succeeded, like those that failed."""


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = facts.NOW

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Simulated:
    """What the screen asks of a core; `events` is what it tells.

    `down` makes it unreachable for the reason given, `silent` never answers a new client; plans
    take what `planned_as` says, and wait for `may_plan` once they have looked at `looks`.
    """

    def __init__(self) -> None:
        self.down = ""
        self.revoked = False
        self.silent = False
        self.events: asyncio.Queue[wire.Changed | wire.Touched | None] = asyncio.Queue()
        self.jobs = {job.id: job for job in _jobs()}
        self.groups = facts.groups()
        self.good = next(iter(self.jobs.values())).model_copy(
            update={"ref": GOOD, "id": "8001", "state": queue.JobState.COMPLETED, "error": ""}
        )
        self.pages: list[wire.Page] = []
        self.news: asyncio.Queue[wire.Page] = asyncio.Queue()
        self.unsearchable = ""
        self.risk = plans.Risk.LOW
        self.asked: list[tuple[str, str, plans.Query]] = []
        self.applied: list[tuple[str, str]] = []
        self.protected = False
        self.roles: tuple[str, ...] = ("admin",)
        self.login = "root"
        self.environment = "local"
        self.planned_as: dict[str, object] = {}
        self.looks: tuple[tuple[int, int | None], ...] = ()
        self.may_plan = asyncio.Event()
        self.may_plan.set()
        self.may_page = asyncio.Event()
        self.may_page.set()
        self.stopped: list[str] = []
        self.wishes: list[tuple[str, plans.Selection, plans.Args]] = []
        self.answers: list[dict[str, object]] = []
        self.refuses: list[errors.MrError] = []
        self.refuses_plans: list[errors.MrError] = []
        self.made: dict[str, plans.Plan] = {}
        self.first_targets: list[int] = []
        self.operations: list[core.Operation] = _operations()
        self.details: dict[str, wire.Detail] = {}
        self._plans: dict[str, tuple[str, ...]] = {}

    async def __aenter__(self) -> Self:
        if self.silent:
            await asyncio.Event().wait()
        if self.down:
            raise errors.CoreUnreachable(self.down)
        if self.revoked:
            raise errors.Unauthenticated("This token was revoked.")
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def me(self) -> core.Me:
        return core.Me(
            login=self.login,
            roles=self.roles,
            via="socket",
            environment=self.environment,
            protected=self.protected,
            core_version="0.1.0",
            core_pid=1,
            started_at=facts.ago(3600),
        )

    async def live(self) -> wire.Snapshot:
        if self.down:
            raise errors.CoreUnreachable(self.down)
        return facts.snapshot().model_copy(update={"environment": self.environment})

    async def changes(self) -> AsyncIterator[wire.Snapshot | wire.Changed | wire.Touched]:
        yield await self.live()
        while (event := await self.events.get()) is not None:
            yield event
        raise errors.CoreUnreachable(self.down or "it ended the stream")

    async def page(
        self,
        ref: str,
        collection: str,
        query: plans.Query = plans.Query(),  # noqa: B008
        cursor: str | None = None,
        wait_s: float = 0,
    ) -> wire.Page:
        self.asked.append((ref, collection, query))
        if self.down:
            raise errors.CoreUnreachable(self.down)
        await self.may_page.wait()
        if collection == "found" and ref == self.unsearchable:
            raise errors.Unsupported("no journal")
        if self.pages and collection == "found":
            return self.pages.pop(0)
        rows = [row for row in self._rows(collection) if self._matches(row, query)]
        if collection == "lines" and not wait_s:
            rows.reverse()  # newest first; who follows reads the oldest first
        return wire.Page(at=facts.NOW, rows=tuple(rows), looked=wire.Looked(scanned=len(rows)))

    async def follow(
        self,
        ref: str,
        collection: str,
        query: plans.Query = plans.Query(),  # noqa: B008
    ) -> AsyncIterator[wire.Page]:
        yield await self.page(ref, collection, query, wait_s=25)
        while collection == "groups":
            yield await self.news.get()
        await asyncio.Event().wait()

    async def detail(self, ref: str) -> wire.Detail:
        if self.down:
            raise errors.CoreUnreachable(self.down)
        good = _job_detail(self.good, expiresAt="14:01:00Z", cc=None)
        if ref in (known := {GOOD: good, **self.details}):
            return known[ref]
        if ref.startswith("huey/job/"):
            if (identity := ref.rsplit("/", 1)[-1]) not in self.jobs:
                raise errors.NotFound(f"There is no {ref} (any more).")
            return _job_detail(self.jobs[identity])
        for source in ("core", *facts.SOURCES):
            for entity in facts.entities(source):
                if entity.ref == ref:
                    return _detail(entity)
        of_core = [*self.operations, *_audit(), facts.environment(), *facts.colours()]
        for entity in of_core:
            if entity.ref == ref:
                return _detail(entity)
        raise errors.NotFound(f"There is no {ref} (any more).")

    async def plan(
        self,
        action: str,
        selection: plans.Selection,
        args: plans.Args | None = None,
        on_progress: Callable[[int, int | None], None] | None = None,
    ) -> plans.Plan:
        self.wishes.append((action, selection, args or {}))
        try:
            for looked, total in self.looks:
                if on_progress is not None:
                    on_progress(looked, total)
            await self.may_plan.wait()
            if self.refuses_plans:
                raise self.refuses_plans.pop(0)
        except asyncio.CancelledError:
            self.stopped.append(action)
            raise
        targets, left = self._targets(action, selection)
        plan_id = f"{len(self._plans):04x}c0ffee"
        self._plans[plan_id] = tuple(targets)
        own = action.startswith(("core.", "plan.", "operation."))
        self.made[plan_id] = self._plan(plan_id, action, targets, left, args or {}).model_copy(
            update={"risk": plans.Risk.LOW, "causes": (), "warnings": ()}
            if own
            else self.planned_as
        )
        return self.made[plan_id]

    def _targets(self, action: str, selection: plans.Selection) -> tuple[list[str], int]:
        refs = list(selection.refs)
        if selection.collection == "jobs":
            refs = [job.ref for job in self.jobs.values() if self._matches(job, selection.query)]
        if action != "queue.retry":
            return refs, 0
        targets = [r for r in refs if "queue.retry" in self.jobs[_id(r)].actions]
        return targets, len(refs) - len(targets)

    def _plan(
        self, plan_id: str, action: str, targets: list[str], left: int, args: plans.Args
    ) -> plans.Plan:
        known = catalogue.ACTIONS[action]
        guard = {"state": "failed", "attempts": 3} if known.kind == "job" else {}
        return plans.Plan(
            plan_id=plan_id,
            action=action,
            label=known.label,
            args=args,
            created_at=facts.NOW,
            expires_at=facts.ago(-60),
            login=self.login,
            total=len(targets),
            samples=tuple(
                plans.Target(ref=r, label=f"sendOtp {_id(r)}", guard=guard) for r in targets
            ),
            left_out=(plans.LeftOut(why="not failed any more", count=left),) if left else (),
            causes=("~2 e-mails within 2 s",),
            warnings=("smtp still answers 535: these will fail again",),
            risk=self.risk,
            undoable=known.undoable,
            undo=known.undo,
        )

    async def planned(self, plan_id: str) -> plans.Plan:
        return self.made[plan_id]

    async def targets(self, plan_id: str, first: int = 0) -> plans.Targets:
        self.first_targets.append(first)
        plan = self.made[plan_id]
        last = min(first + 500, plan.total)
        made = tuple(
            plans.Target(ref=f"huey/job/emailQueue/{n}", label=f"sendOtp {n}")
            for n in range(first, last)
        )
        return plans.Targets(total=plan.total, targets=made)

    async def apply(
        self, plan_id: str, *, reason: str = "", confirm: str = "", break_glass: bool = False
    ) -> core.Operation:
        if self.refuses:
            raise self.refuses.pop(0)
        self.applied.append((plan_id, reason))
        self.answers.append({"reason": reason, "confirm": confirm, "break_glass": break_glass})
        known = catalogue.ACTIONS[self.made[plan_id].action]
        action = {"action": known.id, "label": known.label}
        if known.reveals:
            return self.operation(plan_id, **action, state="done", done=1)
        return self.operation(plan_id, **action)

    async def reveal(self, ref: str) -> wire.Detail:
        secret = wire.Section(
            id="payload", title="payload", form="json", data={"to": "anna@example.org"}
        )
        found = await self.detail(ref)
        return found.model_copy(update={"sections": (secret,)})

    def operation(self, plan_id: str, **facts_: object) -> core.Operation:
        total = len(self._plans[plan_id])
        return core.Operation.model_validate(
            {
                "ref": "core/operation/41",
                "id": 41,
                "plan_id": plan_id,
                "action": "queue.retry",
                "label": "Retry failed job",
                "login": "root",
                "total": total,
                "started_at": facts.NOW,
                **facts_,
            }
        )

    def tell(self, *entities: base.Entity, removes: tuple[str, ...] = ()) -> None:
        """The core reports entities of its own."""
        self.events.put_nowait(
            wire.Changed(source="core", at=facts.NOW, upserts=entities, removes=removes)
        )

    def become(self, identity: str, **changed: object) -> None:
        """A job is otherwise now."""
        self.jobs[identity] = self.jobs[identity].model_copy(update=changed)

    def finish(self, plan_id: str, **outcome: object) -> None:
        """The operation ends: the core says so, and what it touched."""
        for address in self._plans[plan_id]:
            job = self.jobs[_id(address)]
            if outcome.get("done"):
                self.become(job.id, state=queue.JobState.WAITING, actions=(), error="")
        known = catalogue.ACTIONS[self.made[plan_id].action]
        action = {"action": known.id, "label": known.label}
        done = self.operation(plan_id, state="done", finished_at=facts.NOW, **action, **outcome)
        self.tell(done)
        self.events.put_nowait(wire.Touched(refs=self._plans[plan_id]))

    def _rows(self, collection: str) -> list[base.Entity]:
        rows: dict[str, Callable[[], Sequence[base.Entity]]] = {
            "jobs": lambda: list(self.jobs.values()),
            "found": lambda: list(self.jobs.values()),
            "groups": lambda: self.groups,
            "like": lambda: [self.good],
            "keys": _keys,
            "lines": _lines,
            "ran": lambda: [one for one in self.jobs.values() if one.finished_at],
            "audit": _audit,
            "tokens": facts.tokens,
            "operations": lambda: self.operations,
        }
        return [*rows[collection]()]

    def _matches(self, row: base.Entity, query: plans.Query) -> bool:
        if isinstance(row, queue.Job) and query.state and row.state.value != query.state:
            return False
        if isinstance(row, queue.Job) and query.fingerprint not in ("", row.fingerprint):
            return False
        if isinstance(row, redis.Key) and not row.name.startswith(query.prefix):
            return False
        if isinstance(row, log.LogLine) and query.level and row.level.value != query.level:
            return False
        return query.text.lower() in row.model_dump_json().lower()


def _id(address: str) -> str:
    return ref.parse(address).id


def _jobs() -> list[queue.Job]:
    names = ("sendOtp", "sendOtp", "sendReminder", "sendOtp", "sendInvoice")
    wrong = (
        "SMTPAuthenticationError: 535-5.7.8 Username and Password not accepted",
        "ECONNRESET smtp.example.org",
        "TypeError: cannot read \u202eprop\u202c of undefined @ render",
    )
    made = [
        queue.Job(
            ref=f"huey/job/emailQueue/{8123 - place}",
            engine="huey",
            queue="emailQueue",
            id=str(8123 - place),
            name=name,
            state=queue.JobState.FAILED,
            attempts=3,
            max_attempts=3,
            enqueued_at=facts.ago(70 + place * 40),
            started_at=facts.ago(41.4 + place * 40),
            finished_at=facts.ago(41 + place * 40),
            error=wrong[place % 3],
            fingerprint=facts.PRINTS[place % 3],
            actions=("queue.retry",),
        )
        for place, name in enumerate(names)
    ]
    made.append(
        queue.Job(
            ref="huey/job/emailQueue/8200",
            engine="huey",
            queue="emailQueue",
            id="8200",
            name="sendOtp",
            state=queue.JobState.WAITING,
            enqueued_at=facts.ago(372),
        )
    )
    return made


def _keys() -> list[redis.Key]:
    rows = (
        ("mentor:kpi:2026-03-12", "hash", 41, 3120, 3600.0),
        ("mentor:session:7f3a91", "string", 212, 320, 1750.0),
        ("huey.emailQueue", "list", 412, 98304, None),
        ("mr:canary:main", "string", 16, 72, 9.0),
        (r"bin\xff key/%?", "zset", 3, 128, None),
    )
    return [
        redis.Key(
            ref=ref.make("redis", "key", name),
            name=name,
            type=kind,
            size=size,
            memory_bytes=memory,
            expires_at=None if ttl is None else facts.ago(-ttl),
            encoding="listpack",
        )
        for name, kind, size, memory, ttl in rows
    ]


def _lines() -> list[log.LogLine]:
    said = (
        (log.LogLevel.INFO, "kpi.worker", "recomputed 41 keys in 212 ms"),
        (log.LogLevel.ERROR, "email.worker", "535-5.7.8 Username and Password not accepted"),
        (log.LogLevel.ERROR, "email.worker", "job 8123 failed (3/3)"),
        (log.LogLevel.WARN, "mentor-blue", "slow query: 1.2 s \x1b[31mUPDATE slots\x1b[0m"),
        (log.LogLevel.INFO, "mentor-green", "GET /api/health 200 9 ms"),
        (log.LogLevel.DEBUG, "mentor-green", "pool 3/20 busy"),
    )
    return [
        log.LogLine(
            ref=f"logs/line/{stream}/{place}",
            stream=stream,
            offset=place * 80,
            at=facts.ago(30 - place),
            level=level,
            text=text,
            folded=7 if "failed" in text else 0,
        )
        for place, (level, stream, text) in enumerate(said * 5)
    ]


def _audit() -> list[core.AuditRow]:
    def row(seq: int, stage: str, outcome: str) -> core.AuditRow:
        return core.AuditRow(
            ref=f"core/audit/{seq}",
            seq=seq,
            at=facts.ago(600 - seq),
            stage=stage,
            login="root",
            action="queue.retry",
            refs=("huey/job/emailQueue/8123",),
            operation=40,
            outcome=outcome,
        )

    return [row(2, "outcome", "done"), row(1, "intent", "")]


def _operations() -> list[core.Operation]:
    outcomes = ((40, 1, 0, 0), (39, 2, 1, 0), (38, 0, 0, 1))
    return [
        core.Operation(
            ref=f"core/operation/{number}",
            id=number,
            plan_id="0001c0ffee",
            action="queue.retry",
            label="Retry failed job",
            login="root",
            state=core.OperationState.DONE,
            total=done + skipped + failed,
            done=done,
            skipped=skipped,
            failed=failed,
            started_at=facts.ago(60 * (41 - number)),
        )
        for number, done, skipped, failed in outcomes
    ]


def _detail(entity: base.Entity) -> wire.Detail:
    shown = entity.model_dump(mode="json", exclude={"verdict", "actions", "kind"})
    fields = tuple(
        wire.Field(name=name, value=value)
        for name, value in shown.items()
        if value not in (None, [])
    )
    section = wire.Section(id="facts", title="facts", fields=fields)
    return wire.Detail(at=facts.NOW, entity=entity, sections=(section,))


def _job_detail(job: queue.Job, **other: object) -> wire.Detail:
    fields = (
        wire.Field(name="enqueued", at=job.enqueued_at),
        wire.Field(name="started", at=job.started_at),
        wire.Field(name="finished", at=job.finished_at),
        wire.Field(name="waited", value="28.6 s"),
    )
    payload = {
        "to": "email:7f3a91",
        "template": "otp",
        "expiresAt": "14:06:02Z",
        "requestId": "req-51c0",
    } | other
    tries = tuple(
        wire.Section(id=f"attempt/{n}", title=f"attempt {n}, failed", form="trace", text=TRACE)
        for n in range(job.attempts, 0, -1)
    )
    links = (wire.Link(label="queue emailQueue", ref="huey/queue/emailQueue"),)
    flow = (wire.Field(name="parent", value="sendAll completed", ref=GOOD),)
    sections = (
        wire.Section(id="payload", title="payload", form="json", data=payload),
        wire.Section(id="timings", title="timings", fields=fields),
        wire.Section(id="flow", title="flow", fields=flow),
        *tries,
    )
    return wire.Detail(at=facts.NOW, entity=job, sections=sections, links=links)
