"""For every rule that ships: what it fires on, and what is like it and is nothing."""

from __future__ import annotations

from typing import Any

from mrcore.alerts import rule
from tests.core.alerts import things

Case, Thing, ago, one, verdict = things.Case, things.Thing, things.ago, things.one, things.verdict
DAY = 86_400
RULES = rule.load(rule.shipped(), None)


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
