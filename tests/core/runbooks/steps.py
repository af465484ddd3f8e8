"""What each step of the shipped runbooks is for, as values of the names that it asks for.

Values are in base units: seconds, bytes, parts of one; a rate is a second. A name that is left out
has no data.
"""

from __future__ import annotations

from collections.abc import Mapping

Values = Mapping[str, float | bool | str | None]

MINUTE = 60.0

CANARY, NO_CANARY = {"redis.canary_ok": True}, {"redis.canary_ok": False}
NO_LOGIN: Values = {"smtp.code": 535.0, "upstream.code": "535", "upstream.verdict": "bad"}
NO_MAIL: Values = {"upstream.code": "unreachable", "upstream.verdict": "bad"}
MAIL: Values = {"smtp.code": 235.0, "upstream.code": "", "upstream.verdict": "ok"}
IDLE: Values = {"session.state": "idle in transaction", "session.blocks": 0.0}
ABORTED: Values = {"session.state": "idle in transaction (aborted)", "session.state_s": 2 * MINUTE}
SETTLED: Values = {
    "payment.without_invoice": 0.0, "payment.without_grant": 0.0, "payment.double_grants": 0.0
}  # fmt: skip
TOLD: Values = {"webhook.unanswered": 0.0, "payment.unproven": 0.0, **SETTLED}
UNHEARD: Values = {"webhook.last_s": 9 * MINUTE, "webhook.usual_gap_s": 5 * MINUTE}
NO_ORDER: Values = {"order.id": "", "order.payment_id": ""}
HEALTHY: Values = {"health.verdict": "ok", "colour.live": True}
UNWELL: Values = {"health.verdict": "bad", "colour.live": True}
READY: Values = {"process.state": "ready", "process.code": "", "queue.workers": 1.0}
BACKOFF: Values = {"process.state": "backoff", "process.code": "failed"}
HANGS: Values = {"process.state": "ready", "process.code": "stopped_by_signal"}
WELL: Values = {"colour.live": True, "colour.state": "healthy", "colour.verdict": "ok"}
AWAY: Values = {**WELL, "colour.live": False}
ERRORS: Values = {"log.rate": 1.0, "before.log.rate": 0.0}
FEW_ERRORS: Values = {"log.rate": 0.01, "before.log.rate": 0.0}
USUAL: Values = {"log.rate": 1.0, "before.log.rate": 0.9}
VALKEY: Values = {"process.name": "valkey"}
FULL: Values = {"redis.maxmemory_bytes": 100.0, "redis.used_bytes": 90.0}
ROOMY: Values = {"redis.maxmemory_bytes": 100.0, "redis.used_bytes": 80.0}
EVICTS: Values = {"redis.evicted": 1.0, "redis.policy": "allkeys-lru"}
QUICK: Values = {"check.acquire_ms": 0.001, "check.latency_ms": 0.02}
POOL: Values = {**QUICK, "check.acquire_ms": 0.3}
FRESH: Values = {"secret.stale": False}
STALE: Values = {"secret.stale": True}
ROOM: Values = {"meeting.in_room": 2.0, "meeting.takeovers": 0.0, "meeting.state_s": 30.0}
SIGNALLED: Values = {**ROOM, "meeting.state": "signalling_ok"}
ONCE: Values = {"schedule.code": "", "schedule.registered": 1.0}
RIGHT: Values = {"cache.code": "", "cache.equal": True, "cache.age_s": MINUTE}
KPI: Values = {**ONCE, "queue.workers": 1.0, "queue.paused": False, "queue.fail_rate": 0.0}
CONSUMED: Values = {"queue.paused": False, "queue.code": "", "queue.workers": 1.0}
ASIDE: Values = {
    "before.queue.failed": 9.0, "queue.quarantined": 7.0, "before.queue.quarantined": 0.0
}  # fmt: skip
POISON: Values = {
    "failure.last_s": 1.0, "failure.worst": 1.0, "failure.jobs": 5.0, "failure.share": 0.8
}  # fmt: skip
MANY: Values = {**POISON, "failure.share": 0.79}


def redis(code: str) -> Values:
    """A Redis that takes no write, for a reason that is known."""
    return {"redis.code": code, "redis.canary_ok": False}


SYMPTOMS: dict[str, tuple[Values, Values]] = {
    # it is there, and it is not
    "A": (
        {"queue.oldest_wait_s": 5 * MINUTE},
        {"queue.oldest_wait_s": 1.0, "queue.code": "", **KPI},
    ),
    "B": (
        NO_LOGIN,
        {**MAIL, **FRESH, "queue.workers": 1.0, "queue.fail_rate": 0.0},
    ),
    "C": (
        {**ROOM, "meeting.state": "no_ice"},
        {**SIGNALLED, "turn.ok": True, "origin.ok": True},
    ),
    "D": ({"payment.without_invoice": 1.0}, TOLD),
    "E": ({"schedule.code": "missed"}, {**ONCE, "upstream.code": ""}),
    "F": ({"pg.used": 0.9}, {"pg.used": 0.2, "pg.blocked": 0.0, "pg.round_trip_ms": 0.001}),
    "G": ({"upstream.code": "wrong_cluster"}, {"upstream.code": "", **FRESH}),
    "H": (
        {"colour.live": True, "colour.state": "unhealthy"},
        {"colour.live": False, "colour.state": "stopped"},
    ),
    "I": (
        {"schedule.code": "", "cache.code": "wrong", "cache.age_s": MINUTE},
        {"schedule.code": "", "cache.code": "", "cache.age_s": MINUTE},
    ),
    "J": ({**CANARY, **FULL}, {**CANARY, **ROOMY, "redis.evicted": 0.0}),
}

VERDICTS: dict[str, dict[str, Values]] = {
    "A.redis": {"redis": NO_CANARY, "ok": CANARY},
    "A.consumers": {
        "paused": {"queue.paused": True, "queue.workers": 2.0},
        "ghosts": {"queue.paused": False, "queue.code": "ghosts", "queue.workers": 2.0},
        "no_workers": {"queue.paused": False, "queue.code": "", "queue.workers": 0.0},
        "slow": {**CONSUMED, "queue.oldest_wait_s": 6 * MINUTE},
        "ok": {**CONSUMED, "queue.oldest_wait_s": 4 * MINUTE},
    },
    "A.heartbeats": {
        "silent": {"worker.code": "dead", "worker.silent_s": 61.0},
        "ok": {"worker.code": "", "worker.silent_s": 61.0},
    },
    "A.processes": {"hangs": HANGS, "process_down": BACKOFF, "ok": READY},
    "A.failures": {
        "poison": {**POISON, "queue.fail_rate": 0.01},
        "failing": {**MANY, "queue.fail_rate": 0.1},
        "ok": {**MANY, "queue.fail_rate": 0.01},
    },
    "B.failures": {"failed": {"queue.failed": 1.0}, "ok": {"queue.failed": 0.0}},
    "B.workers": {"no_workers": {"queue.workers": 0.0}, "ok": {"queue.workers": 1.0}},
    "B.smtp": {
        "credentials": NO_LOGIN,
        "down": NO_MAIL,
        "refused": {"smtp.code": 454.0, "upstream.code": "error"},
        "ok": MAIL,
    },
    "B.secret": {
        "stale_secret": {**STALE, "secret.code": "stale"},
        "forgotten": {**FRESH, "secret.code": "forgotten"},
        "ok": {**FRESH, "secret.code": ""},
    },
    "C.health": {"unhealthy": UNWELL, "ok": HEALTHY},
    "C.origins": {
        "origin_blocked": {"origin.code": "origin_blocked"},
        "ok": {"origin.code": "", "origin.ok": True},
    },
    "C.signalling": {
        "no_join": {**ROOM, "meeting.state": "no_join", "meeting.state_s": 6 * MINUTE},
        **{code: {**ROOM, "meeting.state": code} for code in ("no_answer", "no_ice")},
        "ok": SIGNALLED,
    },
    "C.turn": {"turn_bad": {"turn.ok": False}, "ok": {"turn.ok": True}},
    "C.takeovers": {"takeover": {"meeting.takeovers": 4.0}, "ok": {"meeting.takeovers": 1.0}},
    "D.provider": {
        "credentials": {"upstream.code": "auth"},
        "down": {"upstream.code": "timeout"},
        "ok": {"upstream.code": "", "upstream.verdict": "ok"},
    },
    "E.failures": {
        "poison": {"upstream": "ok", "queue.fail_rate": 0.1},
        "ok": {"upstream": "ok", "queue.fail_rate": 0.0},
    },
    "D.settled": {
        "twice": {**SETTLED, "payment.double_grants": 1.0},
        "nothing": {**SETTLED, "payment.without_invoice": 1.0},
        "ok": SETTLED,
    },
    "D.webhook": {
        "never_arrived": {"webhook.unanswered": 1.0},
        "unheard": {**TOLD, **UNHEARD},
        "ok": {**TOLD, **UNHEARD, "webhook.last_s": MINUTE},
    },
    "D.health": {"unhealthy": UNWELL, "ok": HEALTHY},
    "E.schedule": {
        "missing": {"schedule.code": "removed", "schedule.registered": 1.0},
        "doubled": {"schedule.code": "doubled", "schedule.registered": 2.0},
        "missed": {**ONCE, "schedule.code": "overdue"},
        "interval": {**ONCE, "schedule.code": "interval_off"},
        "ok": ONCE,
    },
    "E.consumers": {
        "no_workers": {"queue.workers": 0.0},
        "paused": {"queue.workers": 1.0, "queue.paused": True},
        "ok": {"queue.workers": 1.0, "queue.paused": False},
    },
    "E.upstream": {
        "credentials": {"upstream.code": "auth"},
        "limited": {"upstream.code": "limited"},
        "down": {"upstream.code": "error"},
        "ok": {"upstream.code": "", "upstream.verdict": "ok"},
    },
    "F.health": {
        "down": UNWELL,
        "pool": {**HEALTHY, **POOL},
        "slow": {**HEALTHY, **QUICK, "check.latency_ms": 1.1},
        "ok": {**HEALTHY, **QUICK},
    },
    "F.connections": {"saturated": {"pg.used": 0.81}, "ok": {"pg.used": 0.8}},
    "F.idle": {
        "idle_in_tx": {**IDLE, "session.state_s": 6 * MINUTE},
        "aborted": ABORTED,
        "ok": {**IDLE, "session.state_s": 1.0},
    },
    "F.locks": {
        "lock_chain": {"session.blocks": 3.0, "session.blocked_by": 0.0},
        "ok": {"session.blocks": 0.0, "session.blocked_by": 1.0},
    },
    "F.leaked": {
        "leaked": {"pg.used": 0.9, "session.state": "idle", "session.state_s": MINUTE},
        "ok": {"pg.used": 0.9, "session.state": "active", "session.state_s": MINUTE},
    },
    "G.configured": {"unset": {"upstream.code": "not_set"}, "ok": {"upstream.code": ""}},
    "G.cluster": {
        "wrong_cluster": {"upstream.code": "wrong_cluster"},
        "credentials": {"upstream.code": "auth"},
        "down": {"upstream.code": "unreachable"},
        "ok": {"upstream.code": ""},
    },
    "G.callbacks": {
        "callback": {"upstream.calls": 9.0, "webhook.last_s": 120 * MINUTE},
        "ok": {"upstream.calls": 9.0, "webhook.last_s": MINUTE},
    },
    "H.live": {
        "unhealthy": {"colour.live": True, "colour.state": "unhealthy", "colour.verdict": "bad"},
        "degraded": {"colour.live": True, "colour.state": "degraded", "colour.verdict": "warn"},
        "errors": {**WELL, **ERRORS},
        "ok": WELL,
    },
    "H.gate": {
        "gate": {"colour.live": False, "colour.state": "unhealthy", "colour.verdict": "warn"},
        "ok": {"colour.live": False, "colour.state": "stopped", "colour.verdict": "ok"},
    },
    "H.beneath": {"redis": NO_CANARY, "ok": CANARY},
    "H.database": {"database": {"pg.used": 0.96}, "ok": {"pg.used": 0.5}},
    "H.preflight": {
        "schema": {"deploy.code": "schema_drift"},
        "jobs": {"deploy.code": "jobs"},
        "ok": {"deploy.code": ""},
    },
    "I.age": {"stale": {"cache.age_s": 31 * MINUTE}, "ok": {"cache.age_s": 14 * MINUTE}},
    "I.clock": {"ahead": {"cache.code": "ahead"}, "ok": {"cache.code": ""}},
    "I.schedule": {
        "missing": {**KPI, "schedule.code": "removed"},
        "missed": {**KPI, "schedule.code": "overdue"},
        "ok": KPI,
    },
    "I.consumers": {
        "no_workers": {**KPI, "queue.workers": 0.0},
        "paused": {**KPI, "queue.paused": True},
        "failing": {**KPI, "queue.fail_rate": 0.01},
        "ok": KPI,
    },
    "I.value": {"wrong": {"cache.equal": False}, "ok": {"cache.equal": True}},
    "J.write": {
        **{
            code: redis(code)
            for code in (
                "paused",
                "paused_all",
                "maxclients",
                "busy",
                "oom",
                "misconf",
                "noreplicas",
                "readonly",
            )
        },
        "loading": redis("loading"),
        "stopped": redis("stopped"),
        "wedged": redis("hangs"),
        "ok": {"redis.code": "", "redis.canary_ok": True},
    },
    "J.reached": {
        "stopped": {"source.kind": "redis", "source.failing_s": 4.0},
        "ok": {"source.kind": "redis", "source.failing_s": 0.0, "source.state": "watching"},
    },
    "J.process": {
        "stopped": {**VALKEY, "process.code": "stopped_by_signal", "process.restartable": True},
        "ends": {**VALKEY, "process.code": "backoff", "process.restartable": False},
        "ok": {**VALKEY, "process.code": "", "process.restartable": True},
    },
    "J.memory": {
        "evicts": {**FULL, **EVICTS},
        "memory": {**FULL, **EVICTS, "redis.evicted": 0.0},
        "policy": {**ROOMY, **EVICTS, "redis.evicted": 0.0},
        "ok": {**ROOMY, "redis.policy": "noeviction", "redis.evicted": 0.0},
    },
}

FAILING: Values = {"failures": "failing", "failure.queue": "emailQueue", "smtp.code": 235.0}
FAILING = {**FAILING, "upstream.code": ""}

ROUTES: dict[str, tuple[tuple[Values, str], ...]] = {
    # what is found, and where that leads to; nothing bad leads on to a step
    "A.way": (
        ({"redis": "redis"}, "J"),
        ({**FAILING, "smtp.code": 535.0}, "B"),
        ({**FAILING, "failures": "poison", "smtp.code": 535.0}, "B"),
        ({**FAILING, "upstream.code": "auth"}, "E"),
        ({**FAILING, "failure.queue": "mrtestSyncQueue", "upstream.code": "limited"}, "E"),
    ),
    "B.way": (({"workers": "no_workers"}, "A"),),
    "E.way": (({"consumers": "no_workers"}, "A"), ({"failures": "poison"}, "A")),
    "F.way": (({"health": "down"}, "H"),),
    "H.way": (({"database": "database"}, "F"),),
    "I.way": (({"consumers": "paused"}, "A"),),
    "J.way": (({"write": "stopped"}, ""),),
}
