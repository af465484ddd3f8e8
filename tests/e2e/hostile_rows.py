"""Hostile rows: the mark in a narrow place, a text in the widest, strings in all others."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mrcore.model import backend, deploy, log, postgres, queue, redis, ref, stack
from mrcore.model import base as model
from mrcore.model import core as entities

NAME = "mr"
ROWS = 70
BAD = model.Level.BAD


@dataclass
class Served:
    """What is served now: `texts` fill wide places, `strings` narrow ones, `mark` is the round's.

    Every row bears the mark, so that a test can count the rows that it sees.
    """

    mark: str = "r0"
    texts: Sequence[str] = ()
    strings: Sequence[str] = ()
    refuses: bool = False
    huge: str = ""
    _next: Iterator[str] = field(default_factory=lambda: iter(()))

    def put(self, mark: str, texts: Sequence[str], strings: Sequence[str]) -> None:
        """Serve others from now on."""
        self.mark, self.texts, self.strings = mark, texts, strings
        self._next = itertools.cycle(strings)

    def one(self) -> str:
        """The next string for a narrow place."""
        return next(self._next, "")

    def rows(self) -> list[tuple[int, str]]:
        """The texts for the rows of a list."""
        return list(enumerate(self.texts[:ROWS]))

    def first(self, n: int, text: str) -> str:
        """The text of a row; of the first one it may be huge."""
        return f"{self.mark} {self.huge}" if self.huge and n == 0 else text


def ref_of(kind: str, *ids: str) -> str:
    return ref.make(NAME, kind, *ids)


def a_colour() -> str:
    """The ref of a colour that traffic can be sent to."""
    return ref_of("colour", "0")


def _verdict(text: str) -> model.Verdict:
    return model.Verdict(level=BAD, code="hostile", why=text)


def _named(served: Served) -> str:
    return f"{served.mark} {served.one()}"


def queue_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    counts = queue.Counts(waiting=n, failed=1)
    return queue.Queue(
        ref=ref_of("queue", str(n)), verdict=_verdict(served.first(n, text)),
        engine=served.one(), counts=counts,
        name=_named(served), paused_by=served.one(), paused_why=served.one(),
    )  # fmt: skip


def session_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return postgres.Session(
        ref=ref_of("session", str(n)), verdict=_verdict(served.one()), pid=n, user=_named(served),
        app=served.one(), state=served.one(), wait=served.one(), query=text, state_since=now,
        actions=("pg.terminate",),
    )  # fmt: skip


def worker_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    busy = (ref_of("job", served.one(), served.one()),)
    return queue.Worker(
        ref=ref_of("worker", str(n)), verdict=_verdict(text), engine=served.one(), busy_with=busy,
        name=_named(served), host=served.one(), queues=(served.one(),),
    )  # fmt: skip


def schedule_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return queue.Schedule(
        ref=ref_of("schedule", str(n)), verdict=_verdict(text), engine=served.one(),
        name=_named(served), queue=served.one(), job=served.one(), declared=served.one(),
    )  # fmt: skip


def process_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return stack.Process(
        ref=ref_of("process", str(n)), verdict=_verdict(text), name=_named(served),
        state=served.one(), last_exit=served.one(), command=served.one(), log=served.one(),
    )  # fmt: skip


def colour_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return deploy.Colour(
        ref=ref_of("colour", str(n)), verdict=_verdict(text), name=_named(served),
        release=served.one(), state=served.one(), why=text, actions=("deploy.switch",),
    )  # fmt: skip


def stream_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    line = log.NotableLine(at=now, level=log.LogLevel.ERROR, stream=served.one(), text=text)
    return log.LogStream(
        ref=ref_of("stream", str(n)), name=_named(served), path=served.one(), notable=(line,)
    )


def check_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return backend.Check(
        ref=ref_of("check", str(n)), verdict=_verdict(text), name=_named(served),
        target=served.one(), says=served.one(), facts={served.one(): served.one()},
    )  # fmt: skip


def servers(served: Served, now: datetime) -> tuple[model.Entity, ...]:
    server_ = postgres.PostgresServer(
        ref=ref_of("postgres", "main"), version=served.one(), database=served.one(),
        verdict=_verdict(served.texts[0]), by_state={served.one(): 3}, by_app={served.one(): 1},
    )  # fmt: skip
    node = redis.RedisNode(
        ref=ref_of("node", "main"), version=served.one(), role=served.one(), mode=served.one(),
        verdict=_verdict(served.texts[1]), maxmemory_policy=served.one(), persistence=served.one(),
    )  # fmt: skip
    strange = model.UnknownEntity(
        ref=ref_of("strange", served.one()), kind="strange", verdict=_verdict(served.texts[2])
    )
    return server_, node, strange


def job_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return queue.Job(  # a source should quote what it puts into a ref; this one does not
        ref=f"{NAME}/job/{n}/{served.one().replace('/', '')}", verdict=_verdict(text),
        engine=served.one(), queue=served.one(),
        id=_named(served), name=served.one(), state=queue.JobState.FAILED,
        error=served.first(n, text), worker=served.one(), finished_at=now,
        actions=("job.remove", "job.reveal"),
    )  # fmt: skip


def key_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return redis.Key(
        ref=ref_of("key", str(n)), name=f"{served.mark} {text}", type=served.one(),
        encoding=served.one(), actions=("key.delete",),
    )  # fmt: skip


def line_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return log.LogLine(
        ref=ref_of("line", served.mark, str(n)), stream=served.one(), offset=n, at=now,
        level=log.LogLevel.INFO, text=f"{served.mark} {served.first(n, text)}",
    )  # fmt: skip


def waiting_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return entities.WaitingPlan(
        ref=ref.make("core", "plan", str(n)), plan_id=f"x{n:03d}", action="deploy.switch",
        label=_named(served), login=served.one(), reason=text, by=served.one(),
        answer=served.one(), created_at=now, expires_at=now + timedelta(minutes=9),
    )  # fmt: skip


def arming_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return entities.Arming(
        ref=ref.make("core", "arming", f"other {n}"), login=_named(served), reason=served.one(),
        since=now, until=now + timedelta(minutes=9),
    )  # fmt: skip


def status_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return entities.SourceStatus(
        ref=ref.make("core", "source", f"other {n}"), verdict=_verdict(text), name=_named(served),
        source_kind=served.one(), interval_s=1, deadline_s=1, state=served.one(),
        kinds=(served.one(),),
    )  # fmt: skip


def armed(entity: model.Entity, served: Served) -> model.Entity:
    """Whoever is armed is armed for a hostile reason: the header and the title say it."""
    if isinstance(entity, entities.Arming):
        return entity.model_copy(update={"reason": f"{served.mark} {served.texts[0]}"})
    return entity


def audit_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return entities.AuditRow(
        ref=ref.make("core", "audit", n), seq=n, at=now, stage=served.one(), login=_named(served),
        action=served.one(), refs=(text[: len(text) // 2],), outcome=served.one(),
        reason=served.one(), text=text[len(text) // 2 :], address=served.one(),
        whys=(served.one(),),
    )  # fmt: skip


def operation_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return entities.Operation(
        ref=ref.make("core", "operation", n), id=n, plan_id="1", action=served.one(),
        label=_named(served), login=served.one(), reason=text, error=served.one(), total=3,
        state=entities.OperationState.FAILED, started_at=now, approved_by=served.one(),
    )  # fmt: skip


def token_row(served: Served, n: int, text: str, now: datetime) -> model.Entity:
    return entities.Token(
        ref=ref.make("core", "token", n), id=n, login=_named(served), roles=(text,),
        created_at=now, expires_at=now + timedelta(minutes=9),
    )  # fmt: skip


Make = Callable[[Served, datetime], tuple[model.Entity, ...]]


def everything(served: Served, now: datetime) -> tuple[model.Entity, ...]:
    """What the hostile source reports."""
    make = (
        queue_row, session_row, worker_row, schedule_row, process_row, colour_row, stream_row,
        check_row,
    )  # fmt: skip
    rows = served.rows()
    return (
        *(one(served, n, text, now) for one in make for n, text in rows),
        *servers(served, now),
    )


def own(served: Served, now: datetime) -> tuple[model.Entity, ...]:
    """What the core's own source reports besides what is so."""
    make = (waiting_row, arming_row, status_row)
    return tuple(one(served, n, text, now) for one in make for n, text in served.rows())
