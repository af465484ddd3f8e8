"""Every rule that ships fires on a series where it should, and stays quiet on one like it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from mrcore import measured
from mrcore.alerts import finding, rule, telling
from mrcore.alerts import state as states
from mrcore.model import base, stack
from tests.core.expr import recorded

RULES = rule.load(rule.shipped(), None)
EVERY_S = 5.0
DAY = 86_400
MACHINE = ("host", "disk", "certificate")
LEAST: dict[str, dict[str, Any]] = {
    "source": {"source_kind": "pg", "interval_s": 1, "deadline_s": 2, "state": "watching"},
    "check": {},
    "queue": {"engine": "huey", "workers": 2},
    "schedule": {"engine": "huey", "queue": "q", "declared": "every 15 min", "interval_s": 900},
    "postgres": {"version": "16", "max_connections": 100, "reserved": 3, "sessions": 20},
    "session": {"pid": 4711, "state": "active", "app": "api"},
    "node": {"version": "8", "canary_ok": True, "maxmemory_policy": "noeviction"},
    "worker": {"engine": "huey"},
    "process": {"state": "ready"},
    "colour": {"live": True, "state": "healthy"},
    "host": {"cores": 2, "memory_bytes": 8 << 30},
    "disk": {"path": "/"},
    "certificate": {},
    "pattern": {"expr": "x"},
    "heartbeat": {"state": "up"},
    "upstream": {},
    "webhook": {},
    "payment": {},
    "secret": {"secret": "backend/production"},
    "cache": {"equal": True},
    "meeting": {},
    "origin": {},
    "turn": {"ok": True},
    "group": {
        "engine": "huey",
        "queue": "q",
        "fingerprint": "f",
        "title": "Oops",
        "jobs": 3,
        "share": 50,
    },
}
NAMED = {
    "heartbeat",
    "source",
    "check",
    "queue",
    "schedule",
    "worker",
    "process",
    "colour",
    "meeting",
    "origin",
    "turn",
    *MACHINE,
    "pattern",
}
NAMED |= {"upstream", "webhook", "payment", "secret", "cache"}


def ago(seconds: float) -> Callable[[Any], Any]:
    """An instant that is always so long ago, as that of a job that is the oldest time and again."""
    return lambda now: now - timedelta(seconds=seconds)


def verdict(code: str, level: str = "bad") -> dict[str, Any]:
    return {"verdict": {"level": level, "code": code, "why": "so"}}


class Thing(NamedTuple):
    """An entity with these facts; what can be called is told the time."""

    kind: str
    facts: dict[str, Any] = {}
    ref: str = ""

    def at(self, now: Any) -> base.Entity:
        ref = self.ref or f"{SOURCES[self.kind]}/{self.kind}/blue"
        facts = {k: v(now) if callable(v) else v for k, v in self.facts.items()}
        name = {"name": ref.rsplit("/", 1)[1]} if self.kind in NAMED else {}
        made = {"ref": ref, **name, **LEAST[self.kind], **facts}
        return base.KINDS[self.kind].model_validate(made)


SOURCES = {
    "source": "core",
    "check": "backend",
    "cache": "backend",
    "queue": "huey",
    "schedule": "huey",
    "worker": "huey",
    "postgres": "pg",
    "session": "pg",
    "node": "redis",
    "process": "stack",
    "colour": "deploy",
    "pattern": "logs",
    **dict.fromkeys(MACHINE, "host"),
    "upstream": "upstreams",
    "webhook": "upstreams",
    "payment": "upstreams",
    "secret": "upstreams",
    "heartbeat": "core",
    "meeting": "meetings",
    "origin": "meetings",
    "turn": "meetings",
    "group": "huey",
}


class Case(NamedTuple):
    """What is there, and a metric's values over the last hour, oldest first, evenly spread."""

    things: tuple[Thing, ...]
    metrics: Mapping[str, list[float]] = {}


def one(kind: str, metrics: Mapping[str, list[float]] | None = None, **facts: Any) -> Case:
    return Case((Thing(kind, facts),), metrics or {})


def backend(facts: dict[str, Any], colour: dict[str, Any] | None = None, **metrics: Any) -> Case:
    here = (Thing("check", facts),)
    return Case(here if colour is None else (*here, Thing("colour", colour)), metrics)


def of_core(name: str, level: str) -> Case:
    return Case((Thing("check", verdict("x", level), ref=f"core/check/{name}"),))


DOWN = {"status_code": 503, **verdict("down")}
UP = {"status_code": 200}
CALM, RISING = [5.0] * 240, [float(n) for n in range(240)]
SPIKE = [0.0] * 200 + [0.5] * 40
ERRORS = Thing("pattern", ref="logs/pattern/http_5xx")
HOUR = {"log.rate": [0.0] * 200 + [0.5] * 40}
DASHBOARD = "backend/cache/kpi-dashboard"
IDLE = {"live": False, "state": "unhealthy"}
STOPPED = {"live": False, "state": "stopped"}

CASES: dict[str, tuple[Case, Case]] = {
    # rule: (fires, stays quiet)
    "upstream_auth": (
        one("upstream", calls=4, refused=3),
        one("upstream", calls=4, refused=1, **verdict("limited", "warn")),
    ),
    "upstream_down": (
        one("upstream", **verdict("timeout")),
        Case((Thing("upstream", verdict("timeout"), ref="upstreams/upstream/exotel"),)),
    ),
    "exotel_refused": (
        Case((Thing("upstream", verdict("wrong_cluster"), ref="upstreams/upstream/exotel"),)),
        one("upstream", **verdict("wrong_cluster")),
    ),
    "smtp_535": (
        one("upstream", form="smtp", status_code=535),
        one("upstream", form="http", status_code=535),
    ),
    "smtp_down": (
        one("upstream", form="smtp", **verdict("unreachable")),
        one("upstream", form="smtp", status_code=535, **verdict("535")),
    ),
    "webhook_silence": (one("webhook", unanswered=1), one("webhook", unanswered=0)),
    "payment_without_invoice": (one("payment", without_invoice=1), one("payment", double_grants=1)),
    "double_grant": (one("payment", double_grants=1), one("payment", without_invoice=1)),
    "secret_stale": (one("secret", stale=True), one("secret", **verdict("odd"))),
    "collector_blind": (
        one("source", state="failing", since=ago(5)),
        one("source", state="failing", since=ago(5), interval_s=10),
    ),
    "engine_blind": (
        one("source", state="failing", since=ago(5), source_kind="huey"),
        one("source", state="failing", since=ago(5), source_kind="pg"),
    ),
    "backend_blind": (
        one("source", state="failing", since=ago(5), source_kind="slots"),
        one("source", state="failing", since=ago(5), source_kind="backend"),
    ),
    "audit_broken": (of_core("audit", "bad"), of_core("audit", "warn")),
    "ledger_broken": (of_core("ledger", "bad"), of_core("ledger", "ok")),
    "health_503": (backend(DOWN, {"live": True}), backend(DOWN, STOPPED)),
    "health_other": (backend(DOWN, IDLE), backend(DOWN, STOPPED)),
    "health_slow": (
        backend(UP, **{"check.latency_ms": [50.0] * 200 + [1500.0] * 40}),
        backend(UP, **{"check.latency_ms": [1200.0] * 240}),
    ),
    "redis_wedged": (one("node", canary_ok=False), one("node")),
    "redis_memory": (
        one("node", {"redis.used_bytes": [90.0]}, maxmemory_bytes=100),
        one("node", {"redis.used_bytes": [90.0]}, maxmemory_bytes=0),
    ),
    "redis_evicts": (
        one("node", {"redis.evicted": [*[0.0] * 239, 3.0]}),
        one("node", {"redis.evicted": [3.0, *[0.0] * 239]}),
    ),
    "redis_eviction_policy": (
        one("node", maxmemory_bytes=9, maxmemory_policy="allkeys-lru"),
        one("node", maxmemory_bytes=9),
    ),
    "queue_backlog_no_consumer": (
        one("queue", workers=0, oldest_enqueued_at=ago(121)),
        one("queue", workers=0, oldest_enqueued_at=ago(100)),
    ),
    "queue_ghost_active": (one("queue", **verdict("ghosts")), one("queue", **verdict("no_worker"))),
    "queue_backlog_growth": (
        one("queue", {"queue.waiting": RISING}, oldest_enqueued_at=ago(301)),
        one("queue", {"queue.waiting": RISING[::-1]}, oldest_enqueued_at=ago(301)),
    ),
    "queue_paused": (
        one("queue", {"queue.waiting": [3.0]}, paused_since=ago(60)),
        one("queue", {"queue.waiting": [0.0]}, paused_since=ago(60)),
    ),
    "queue_not_listed": (one("queue", listed=False), one("queue")),
    "failure_spike": (
        one("queue", {"queue.fail_rate": SPIKE}),
        one("queue", {"queue.fail_rate": [0.5] * 240}),
    ),
    "schedule_missing": (
        one("schedule", **verdict("removed", "warn")),
        one("schedule", **verdict("removed", "warn"), name="kpi-dashboard"),
    ),
    "kpi_unscheduled": (
        Case((Thing("schedule", verdict("removed"), ref="huey/schedule/kpi-dashboard"),)),
        Case((Thing("schedule", verdict("overdue"), ref="huey/schedule/kpi-dashboard"),)),
    ),
    "kpi_missed": (
        Case((Thing("schedule", verdict("overdue"), ref="huey/schedule/kpi-dashboard"),)),
        Case((Thing("schedule", verdict("removed"), ref="huey/schedule/kpi-dashboard"),)),
    ),
    "kpi_stale": (
        Case((Thing("cache", {"computed_at": ago(1_801)}, ref=DASHBOARD),)),
        Case((Thing("cache", {"computed_at": ago(1_799)}, ref=DASHBOARD),)),
    ),
    "kpi_stale_long": (
        Case((Thing("cache", {"computed_at": ago(1_801)}, ref=DASHBOARD),)),
        Case((Thing("cache", verdict("wrong"), ref=DASHBOARD),)),
    ),
    "schedule_missed": (one("schedule", **verdict("overdue")), one("schedule", missed=3)),
    "schedule_wrong": (
        one("schedule", **verdict("interval_off", "warn")),
        one("schedule", observed_s=900),
    ),
    "schedule_overrun": (one("schedule", **verdict("overrun", "warn")), one("schedule", overrun=1)),
    "pg_saturated": (one("postgres", sessions=80), one("postgres", sessions=77)),
    "pg_saturated_fully": (one("postgres", sessions=95), one("postgres", sessions=90)),
    "pg_idle_in_tx": (
        one("session", state="idle in transaction (aborted)", state_since=ago(301)),
        one("session", state="idle", state_since=ago(3600)),
    ),
    "pg_blocked": (one("postgres", {"pg.blocked": [1.0]}), one("postgres", {"pg.blocked": [0.0]})),
    "pg_slow": (
        one("postgres", {"pg.round_trip_ms": [300.0] * 240}),
        one("postgres", {"pg.round_trip_ms": [*[1.0] * 239, 900.0]}),
    ),
    "worker_silent": (
        one("worker", last_seen_at=ago(91), **verdict("dead")),
        one("worker", engine="rq", last_seen_at=ago(91)),
    ),
    "webhook_unheard": (
        one("webhook", last_at=ago(1300), usual_gap_s=1200.0),
        one("webhook", last_at=ago(1100), usual_gap_s=1200.0),
    ),
    "process_restarts": (
        one("process", state="starting", last_exit="was restarted by asha"),
        one("process", state="starting", last_exit="exited with 1"),
    ),
    "process_down": (one("process", state="backoff"), one("process", state="stopped")),
    "colour_live_unhealthy": (
        one("colour", state="stopped"),
        one("colour", live=False, state="stopped"),
    ),
    "retention_about_to_trim": (
        one("queue", {"queue.failed": [900.0], "queue.fail_rate": [0.1] * 40}, keep_failed=1000),
        one("queue", {"queue.failed": [1000.0], "queue.fail_rate": [0.1] * 40}, keep_failed=1000),
    ),
    "deploy_regression": (
        Case((Thing("colour", {"since": ago(600), "release": "v2"}), ERRORS), HOUR),
        Case((Thing("colour", {"since": ago(7200), "release": "v2"}), ERRORS), HOUR),
    ),
    "pg_acquire_wait": (
        one("check", {"check.acquire_ms": [300.0] * 20}),
        one("check", {"check.acquire_ms": [*[1.0] * 19, 900.0, *[1.0] * 20]}),
    ),
    "disk_filling": (
        one("disk", {"disk.used": [50.0], "disk.inodes": [91.0], "disk.free_bytes": [9.0]}),
        one("disk", {"disk.used": [89.0], "disk.inodes": [5.0]}),
    ),
    "disk_full": (
        one("disk", {"disk.used": [98.0], "disk.inodes": [5.0], "disk.free_bytes": [9.0]}),
        one("disk", {"disk.used": [96.0], "disk.inodes": [5.0]}),
    ),
    "memory_full": (
        one("host", {"host.memory": [95.0] * 40}),
        one("host", {"host.memory": [*[95.0] * 38, 60.0, 95.0]}),
    ),
    "descriptors_full": (
        one("host", {"host.descriptors": [90.0]}),
        one("host", {"host.descriptors": [60.0]}),
    ),
    "certificate_expires": (
        one("certificate", expires_at=ago(-20 * DAY)),
        one("certificate", expires_at=ago(-22 * DAY)),
    ),
    "certificate_expired": (
        one("certificate", expires_at=ago(60), **verdict("expired")),
        one("certificate", expires_at=ago(-4 * DAY)),
    ),
    "clock_moved": (
        one("host", clock_jumped_at=ago(60), clock_jump_s=-90),
        one("host", clock_jumped_at=ago(301), clock_jump_s=-90),
    ),
    "pg_clock_off": (
        one("postgres", {"pg.clock_off_ms": [-3000.0] * 40}),
        one("postgres", {"pg.clock_off_ms": [*[0.0] * 39, 4000.0]}),
    ),
    "redis_clock_off": (
        one("node", {"redis.clock_off_ms": [3000.0] * 40}),
        one("node", {"redis.clock_off_ms": [*[0.0] * 39, 4000.0]}),
    ),
    "channel_not_told": (
        Case((Thing("check", verdict("not_told"), ref="core/check/channel%20ops"),)),
        of_core("channel%20ops", "warn"),
    ),
    "core_not_pinged": (
        Case((Thing("check", verdict("not_pinged", "warn"), ref="core/check/ping"),)),
        of_core("ping", "warn"),
    ),
    "deadman_missed": (
        one("heartbeat", **verdict("missed")),
        one("heartbeat", **verdict("late", "warn")),
    ),
    "deadman_failed": (
        one("heartbeat", **verdict("overran")),
        one("heartbeat", **verdict("missed")),
    ),
    "meeting_stuck": (
        one("meeting", peers=2, state="no_answer", state_since=ago(31)),
        one("meeting", peers=2, state="no_answer", state_since=ago(29)),
    ),
    "meeting_takeovers": (one("meeting", takeovers=4), one("meeting", takeovers=3)),
    "turn_bad": (one("turn", ok=False, **verdict("turn_bad")), one("turn")),
    "origin_blocked": (
        one("origin", ok=False, **verdict("origin_blocked")),
        one("origin", ok=False, **verdict("refused")),
    ),
    "new_error_fingerprint": (
        one("group", jobs=3, first_at=ago(200)),
        one("group", jobs=30, first_at=ago(400)),
    ),
    "poison_job": (
        one("group", jobs=3, worst=3, last_at=ago(60)),
        one("group", jobs=9, worst=2, share=100, last_at=ago(60)),
    ),
    "fleet_disagree": (
        one("colour", live=False, differs="v1, green v2"),
        one("colour", live=False, release="v1"),
    ),
}  # fmt: skip


def play(known: rule.Rule, case: Case, *, for_s: float) -> tuple[set[states.Phase], list[str]]:
    """Every phase that is reached within `for_s`, and what is said when it fires."""
    finder, tracks, phases, said = finding.Finder(known), {}, set[states.Phase](), []
    clock = recorded.T0
    while clock <= recorded.T0 + timedelta(seconds=for_s):
        things = [thing.at(clock) for thing in case.things]
        view = Seen(things, history(case), {"backend": "backend"}, clock)
        for found in finder.find(view, tracks):
            state = tracks.get(found.key, states.NEW)
            new, told = telling.step(state, found.signal, known.timing, telling.Around(), clock)
            tracks[found.key] = new
            phases.add(new.phase)
            said += [known.say(view, found.entity) for each in told if each.kind == "fired"]
        clock += timedelta(seconds=EVERY_S)
    return phases, said


class Seen(recorded.View):
    """A view of sources that all answer."""

    def has(self, source: str) -> bool:
        return True

    answers = has


def history(case: Case) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Its points, each as many seconds before now as it is."""

    def of(metric: str) -> str:
        kind = measured.METRICS[metric].kind
        return next(each for each in case.things if each.kind == kind).at(recorded.T0).ref

    return {
        (metric, of(metric)): [(n * 15.0 - 15.0 * len(values), v) for n, v in enumerate(values, 1)]
        for metric, values in case.metrics.items()
    }


@pytest.mark.parametrize(("canary_ms", "fires"), [(290.0, False), (2.0, True)])
def test_postgres_is_slow_where_redis_is_not(canary_ms: float, fires: bool) -> None:
    redis = Thing("node", ref="redis/node/main")
    times = {"pg.round_trip_ms": [300.0] * 240, "redis.canary_ms": [canary_ms] * 240}
    known = RULES["pg_slow"]
    phases, _ = play(known, Case((Thing("postgres"), redis), times), for_s=known.timing.for_s)
    assert (states.Phase.FIRING in phases) is fires


def test_what_begins_anew_after_it_has_ended_by_itself_is_down_until_it_is_ready() -> None:
    def reached(**facts: object) -> set[states.Phase]:
        return play(known, one("process", **facts), for_s=known.timing.for_s)[0]

    known = RULES["process_down"]
    assert states.Phase.FIRING in reached(state="starting", restarts=1)
    assert reached(state="starting") <= {states.Phase.INACTIVE}
    wished = reached(state="starting", restarts=1, last_exit=f"{stack.RESTARTED} ana")
    assert wished <= {states.Phase.INACTIVE}
    stopped = reached(state="stopped", restarts=1, last_exit=f"{stack.STOPPED} ana")
    assert stopped <= {states.Phase.INACTIVE}


def test_a_captured_payment_without_its_grant_is_as_bad_as_one_without_its_invoice() -> None:
    known = RULES["payment_without_invoice"]
    phases, said = play(known, one("payment", without_grant=1), for_s=known.timing.for_s)
    assert states.Phase.FIRING in phases
    assert said == ["0 captured payments have no invoice, 1 no grant"]


def test_every_rule_that_ships_has_its_two_series() -> None:
    assert CASES.keys() == RULES.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_rule_fires_when_it_should_and_not_before_its_time(name: str) -> None:
    known, case = RULES[name], CASES[name][0]
    for_s = known.timing.for_s
    phases, said = play(known, case, for_s=for_s)
    assert states.Phase.FIRING in phases
    assert len(said) == 1
    assert "?" not in said[0]
    if for_s:
        assert states.Phase.FIRING not in play(known, case, for_s=for_s - 1)[0]


@pytest.mark.parametrize("name", CASES)
def test_a_rule_stays_quiet_on_what_only_looks_like_it(name: str) -> None:
    known = RULES[name]
    phases, _ = play(known, CASES[name][1], for_s=known.timing.for_s + 60)
    assert phases <= {states.Phase.INACTIVE}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_has_a_runbook_of_the_playbook_and_wakes_somebody_only_for_p1(name: str) -> None:
    known = RULES[name]
    assert known.runbook in {"", *"ABCDEFGHIJK"}
    assert not known.timing.escalate_s or known.severity.value == "P1"
