"""Each alert that leads to a runbook comes to a step that is for it: one look of a run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mrcore.model import base, plans
from mrcore.runbooks import asked, library
from tests.core.expr import recorded
from tests.core.runbooks import looked

NODE, MAIL, PG = "redis/node/main", "huey/queue/emailQueue", "pg/postgres/main"
BLUE, SMTP = "backend/check/blue", "upstreams/upstream/smtp"
REDIS = (looked.source("redis", "node"), looked.thing(NODE, canary_ok=True, version=""))
HUEY = looked.source("huey", "queue", "worker", "schedule", "group")
OUTSIDE = looked.source("upstreams", "upstream", "secret", "webhook", "payment", "order")
FIRES = ("core/alert/any/it",)
STACK = looked.source("stack", "process")
F = library.load(None)["F"]
CALM = {"queue.fail_rate": 0.0, "queue.failed": 0.0, "queue.active": 0.0}


def ago(seconds: float) -> Any:
    return recorded.T0 - timedelta(seconds=seconds)


def a_queue(code: str = "", workers: int = 1, waits_s: float = 0.0) -> base.Entity:
    facts = {"engine": "huey", "name": "emailQueue", "workers": workers}
    if waits_s:
        facts |= {"oldest_enqueued_at": ago(waits_s), "counts": {"waiting": 9}}
    return looked.thing(MAIL, code, **facts)


def worker(code: str = "", **facts: Any) -> base.Entity:
    facts = {"engine": "huey", "name": "w1", "queues": ("emailQueue",)} | facts
    return looked.thing("huey/worker/w1", code, **facts)


DEAD = worker("dead", last_seen_at=ago(300))
UNKNOWN = worker("dead", last_seen_at=None)


@pytest.mark.parametrize(
    ("things", "codes", "step"),
    [
        ((a_queue("no_worker", 0, 300), DEAD), ("no_workers", "silent"), "start"),
        ((a_queue("no_worker", 0, 300),), ("no_workers",), "start"),
        ((a_queue("ghosts", 1), worker()), ("ghosts",), "start"),
        ((a_queue(), UNKNOWN), ("silent",), "start"),
        ((a_queue("backlog", 1, 400), worker()), ("slow",), "more"),
        ((a_queue("backlog", 1, 30), worker()), (), ""),
    ],
)
def test_a_worker_that_nobody_here_can_start_is_started_by_hand(
    things: tuple[base.Entity, ...], codes: tuple[str, ...], step: str
) -> None:
    well = looked.thing("stack/process/upstreams", name="upstreams", state="ready", restarts=0)
    for watched in ((), (STACK, well)):
        at, known, _ = looked.run(
            "A", (*REDIS, HUEY, *watched, *things), MAIL, points=CALM, alerts=FIRES
        )
        assert (at, known.codes) == (step, codes)
        assert bool(known.why) is (not step)


@pytest.mark.parametrize(
    ("policy", "points", "code", "step"),
    [
        ("noeviction", {"redis.used_bytes": 90.0}, "memory", "room"),
        ("allkeys-lru", {"redis.used_bytes": 90.0, "redis.evicted": 1.0}, "evicts", "room"),
        ("allkeys-lru", {"redis.used_bytes": 50.0, "redis.evicted": 0.0}, "policy", "policy"),
    ],
)
def test_a_redis_that_loses_jobs_is_told_what_to_do(
    policy: str, points: looked.Points, code: str, step: str
) -> None:
    node = looked.thing(
        NODE, canary_ok=True, version="", maxmemory_bytes=100, maxmemory_policy=policy
    )
    given = {"redis.evicted": 0.0, **points}
    at, known, _ = looked.run("J", (REDIS[0], STACK, node), NODE, points=given, alerts=FIRES)
    assert (at, known.codes, known.ended) == (step, (code,), False)


@pytest.mark.parametrize(
    ("metric", "ms", "code"),
    [("check.acquire_ms", 300.0, "pool"), ("check.latency_ms", 1500.0, "slow")],
)
def test_a_backend_whose_own_pool_is_full_is_begun_anew(metric: str, ms: float, code: str) -> None:
    things = (
        looked.source("pg", "postgres", "session"),
        looked.source("backend", "check"),
        STACK,
        looked.thing("core/check/audit", name="audit"),
        looked.thing(BLUE, name="blue", status_code=200),
        looked.thing("backend/check/green", name="green"),
        looked.thing(PG, version="15", max_connections=100),
        *(
            looked.thing(
                f"stack/process/{name}", name=name, state=state, actions=("process.restart",)
            )
            for name, state in (
                ("backend-blue", "ready"), ("backend-green", "stopped"), ("worker", "ready"),
            )
        ),
    )  # fmt: skip
    at, known, ask = looked.run("F", things, PG, points={metric: ms}, of=BLUE, alerts=FIRES)
    assert (at, known.codes) == ("pool", (code,))
    restart = asked.request(F, known, F.step("pool"), ask)
    assert isinstance(restart, plans.PlanRequest)
    assert restart.selection.refs == ("stack/process/backend-blue",), "the other was stopped"
    at, known, _ = looked.run("F", things, PG, points={metric: 1.0}, of=BLUE, alerts=FIRES)
    assert (at, known.now("health").found) == ("", "ok")


def test_webhooks_that_stopped_are_looked_for_by_hand() -> None:
    hook = {"name": "razorpay", "last_at": ago(900), "usual_gap_s": 300.0}
    things = (
        OUTSIDE,
        looked.source("backend", "check"),
        looked.thing(BLUE, name="blue", status_code=200),
        looked.thing("upstreams/payment/payments", name="payments"),
        looked.thing("upstreams/upstream/razorpay", name="razorpay"),
        looked.thing("upstreams/webhook/exotel", name="exotel", last_at=ago(9000)),
    )
    for open_, codes, step in ((0, ("unheard",), "heard"), (1, ("never_arrived",), "reconcile")):
        told = looked.thing("upstreams/webhook/razorpay", unanswered=open_, **hook)
        at, known, _ = looked.run("D", (*things, told), alerts=FIRES)
        assert (at, known.codes) == (step, codes)


def test_the_secret_that_was_forgotten_is_changed_by_hand() -> None:
    well = looked.thing(SMTP, name="smtp", form="smtp", status_code=235)
    facts = {"name": "development", "secret": "mr-mentor-backend/development"}
    for code, step in (("forgotten", "both"), ("", "")):
        secret = looked.thing("upstreams/secret/development", code, **facts)
        things = (*REDIS, HUEY, OUTSIDE, a_queue(), well, secret)
        at, known, _ = looked.run(
            "B", things, points=CALM, of=MAIL, alerts=FIRES, params={"queue": MAIL}
        )
        assert (at, known.codes) == (step, (code,) if code else ())
