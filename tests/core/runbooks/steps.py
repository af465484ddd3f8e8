"""What each step of the shipped runbooks is for, as values of the names that it asks for.

Values are in base units: seconds, bytes, parts of one; a rate is a second. A name that is left out
has no data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Values = Mapping[str, float | bool | str]

MINUTE = 60.0


class Deed(NamedTuple):
    """What is found before a step is chosen, its action, and what proves it and what does not."""

    found: Values
    action: str
    proven: Values
    unproven: Values


CANARY, NO_CANARY = {"redis.canary_ok": True}, {"redis.canary_ok": False}
NO_LOGIN: Values = {"smtp.auth": 535.0}
IDLE: Values = {"session.state": "idle in transaction", "session.blocks": 0.0}
ABORTED: Values = {"session.state": "idle in transaction (aborted)", "session.state_s": 2 * MINUTE}
SETTLED: Values = {"payment.grants": 1.0, "payment.invoices": 1.0}
HEALTHY: Values = {"health.verdict": "ok"}
READY, BACKOFF = {"process.state": "ready"}, {"process.state": "backoff"}
ONCE: Values = {"schedule.code": "", "schedule.registered": 1.0}
KPI: Values = {**ONCE, "queue.workers": 1.0, "queue.paused": False, "queue.fail_rate": 0.0}


def redis(code: str) -> Values:
    """A Redis that takes no write, for a reason that is known."""
    return {"redis.code": code, "redis.canary_ok": False}


SYMPTOMS: dict[str, tuple[Values, Values]] = {
    # it is there, and it is not
    "A": (
        {"queue.oldest_wait_s": 5 * MINUTE},
        {"queue.oldest_wait_s": 1.0, "queue.code": "", "queue.paused": False},
    ),
    "B": (
        {"queue.failed": 3.0, **NO_LOGIN},
        {"queue.failed": 3.0, "queue.fail_rate": 0.0, "smtp.auth": 235.0},
    ),
    "C": ({"meeting.state": "no_ice"}, {"meeting.state": "signalling_ok"}),
    "D": ({"payment.captured": True, "payment.grants": 0.0}, {"payment.captured": True, **SETTLED}),
    "E": ({"schedule.code": "missed"}, ONCE),
    "F": ({"pg.used": 0.9}, {"pg.used": 0.2, "pg.blocked": 0.0, "pg.round_trip_ms": 0.001}),
    "G": ({"exotel.status": 401.0}, {"exotel.status": 200.0, "exotel.code": ""}),
    "H": (
        {"colour.live": True, "colour.state": "unhealthy"},
        {"colour.live": False, "colour.state": "stopped"},
    ),
    "I": ({"cache.age_s": 45 * MINUTE}, {"cache.age_s": 16 * MINUTE}),
    "J": (NO_CANARY, CANARY),
}

VERDICTS: dict[str, dict[str, Values]] = {
    "A.redis": {"redis": NO_CANARY, "ok": CANARY},
    "A.consumers": {
        "paused": {"queue.paused": True, "queue.workers": 2.0},
        "ghosts": {"queue.paused": False, "queue.code": "ghosts", "queue.workers": 2.0},
        "no_workers": {"queue.paused": False, "queue.code": "", "queue.workers": 0.0},
        "ok": {"queue.paused": False, "queue.code": "", "queue.workers": 1.0},
    },
    "A.heartbeats": {"silent": {"worker.silent_s": 61.0}, "ok": {"worker.silent_s": 5.0}},
    "A.processes": {"process_down": BACKOFF, "ok": READY},
    "A.failures": {"failing": {"queue.fail_rate": 0.1}, "ok": {"queue.fail_rate": 0.01}},
    "B.failures": {"failed": {"queue.failed": 1.0}, "ok": {"queue.failed": 0.0}},
    "B.workers": {"no_workers": {"queue.workers": 0.0}, "ok": {"queue.workers": 1.0}},
    "B.smtp": {
        "credentials": NO_LOGIN,
        "refused": {"smtp.auth": 454.0},
        "ok": {"smtp.auth": 235.0},
    },
    "B.secret": {"stale_secret": {"secret.stale": True}, "ok": {"secret.stale": False}},
    "C.health": {"unhealthy": {"health.verdict": "bad"}, "ok": HEALTHY},
    "C.origins": {"origin_blocked": {"origin.ok": False}, "ok": {"origin.ok": True}},
    "C.signalling": {
        **{code: {"meeting.state": code} for code in ("no_join", "no_answer", "no_ice")},
        "ok": {"meeting.state": "signalling_ok"},
    },
    "C.turn": {"turn_bad": {"turn.ok": False}, "ok": {"turn.ok": True}},
    "C.takeovers": {"takeover": {"meeting.takeovers": 4.0}, "ok": {"meeting.takeovers": 1.0}},
    "D.captured": {"not_captured": {"payment.captured": False}, "ok": {"payment.captured": True}},
    "D.settled": {
        "twice": {"payment.grants": 2.0, "payment.invoices": 1.0},
        "nothing": {"payment.grants": 1.0, "payment.invoices": 0.0},
        "ok": SETTLED,
    },
    "D.webhook": {
        "wrong_url": {"webhook.status": 404.0},
        "never_arrived": {"webhook.status": 400.0, "webhook.code": "silent"},
        "ok": {"webhook.status": 400.0, "webhook.code": ""},
    },
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
        "credentials": {"upstream.status": 401.0},
        "limited": {"upstream.status": 429.0},
        "down": {"upstream.status": 503.0},
        "ok": {"upstream.status": 200.0},
    },
    "F.health": {"down": {"health.verdict": "bad"}, "ok": HEALTHY},
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
    "G.configured": {"unset": {"exotel.code": "unset"}, "ok": {"exotel.code": ""}},
    "G.cluster": {
        "wrong_cluster": {"exotel.code": "wrong_cluster", "exotel.status": 401.0},
        "credentials": {"exotel.code": "refused", "exotel.status": 401.0},
        "ok": {"exotel.code": "", "exotel.status": 200.0},
    },
    "G.callbacks": {"callback": {"exotel.code": "callback"}, "ok": {"exotel.code": ""}},
    "H.live": {
        "unhealthy": {"colour.live": True, "colour.state": "unhealthy"},
        "degraded": {"colour.live": True, "colour.state": "degraded"},
        "ok": {"colour.live": True, "colour.state": "healthy"},
    },
    "H.beneath": {"redis": NO_CANARY, "ok": CANARY},
    "H.database": {"database": {"pg.used": 0.96}, "ok": {"pg.used": 0.5}},
    "H.preflight": {
        "schema": {"deploy.code": "schema_drift"},
        "jobs": {"deploy.code": "jobs"},
        "ok": {"deploy.code": ""},
    },
    "I.age": {"stale": {"cache.age_s": 31 * MINUTE}, "ok": {"cache.age_s": 14 * MINUTE}},
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
            for code in ("paused", "busy", "oom", "misconf", "noreplicas", "readonly")
        },
        "loading": redis("loading"),
        "stopped": redis("stopped"),
        "wedged": redis("timeout"),
        "ok": {"redis.code": "", "redis.canary_ok": True},
    },
    "J.reached": {
        "stopped": {"source.kind": "redis", "source.failing_s": 4.0},
        "ok": {"source.kind": "redis", "source.failing_s": 0.0, "source.state": "watching"},
    },
    "J.memory": {
        "evicts": {"redis.evicted": 1.0},
        "memory": {"redis.evicted": 0.0, "redis.maxmemory_bytes": 100.0, "redis.used_bytes": 90.0},
        "ok": {"redis.evicted": 0.0, "redis.maxmemory_bytes": 0.0, "redis.used_bytes": 90.0},
    },
}

DEEDS: dict[str, Deed] = {
    "A.resume": Deed(
        {"consumers": "paused"}, "queue.resume", {"queue.paused": False}, {"queue.paused": True}
    ),
    "A.restart": Deed(
        {"heartbeats": "silent"},
        "worker.restart",
        {"queue.workers": 1.0, "worker.silent_s": 1.0},
        {"queue.workers": 0.0, "worker.silent_s": 1.0},
    ),
    "A.process": Deed({"processes": "process_down"}, "process.restart", READY, BACKOFF),
    "A.quarantine": Deed(
        {"failures": "failing"},
        "job.quarantine",
        {"queue.fail_rate": 0.0},
        {"queue.fail_rate": 0.1},
    ),
    "B.rotate": Deed(
        {"smtp": "credentials"}, "", {"smtp.auth": 235.0}, {**NO_LOGIN, "secret.stale": False}
    ),
    "B.restart": Deed({"rotate": "done"}, "process.restart", READY, BACKOFF),
    "B.proof": Deed({}, "", {"smtp.auth": 235.0}, NO_LOGIN),
    "B.retry": Deed(
        {"failures": "failed"},
        "queue.retry",
        {"queue.failed": 0.0, "before.queue.failed": 9.0, "queue.oldest_wait_s": 1.0},
        {"queue.failed": 9.0, "before.queue.failed": 9.0, "queue.oldest_wait_s": 1.0},
    ),
    "C.origin": Deed({"origins": "origin_blocked"}, "", {"origin.ok": True}, {"origin.ok": False}),
    "C.relay": Deed({"turn": "turn_bad"}, "", {"turn.ok": True}, {"turn.ok": False}),
    "C.tab": Deed(
        {"takeovers": "takeover"}, "", {"meeting.takeovers": 1.0}, {"meeting.takeovers": 9.0}
    ),
    "C.restart": Deed(
        {"signalling": "no_answer"}, "process.restart", HEALTHY, {"health.verdict": "bad"}
    ),
    "C.rejoin": Deed(
        {"restart": "done"}, "", {"meeting.paired_s": 9.0}, {"meeting.paired_s": 5 * MINUTE}
    ),
    "D.url": Deed(
        {"webhook": "wrong_url"}, "", {"webhook.status": 400.0}, {"webhook.status": 502.0}
    ),
    "D.reconcile": Deed({"settled": "nothing"}, "", SETTLED, {**SETTLED, "payment.grants": 2.0}),
    "D.credit": Deed({"settled": "twice"}, "", SETTLED, {**SETTLED, "payment.invoices": 2.0}),
    "E.credentials": Deed(
        {"upstream": "credentials"}, "", {"upstream.status": 200.0}, {"upstream.status": 401.0}
    ),
    "E.register": Deed(
        {"schedule": "missing"}, "schedule.register", ONCE, {"schedule.registered": 0.0}
    ),
    "E.run": Deed(
        {"credentials": "done"},
        "schedule.run",
        {"schedule.success_age_s": 9.0},
        {"schedule.success_age_s": 9 * MINUTE},
    ),
    "F.terminate": Deed(
        {"idle": "idle_in_tx"},
        "pg.terminate",
        {"pg.idle_in_tx": 0.0, "before.pg.idle_in_tx": 2.0, "pg.blocked": 0.0},
        {"pg.idle_in_tx": 2.0, "before.pg.idle_in_tx": 2.0, "pg.blocked": 0.0},
    ),
    "F.cancel": Deed(
        {"locks": "lock_chain"}, "pg.cancel", {"pg.blocked": 0.0}, {"pg.blocked": 1.0}
    ),
    "F.room": Deed({"connections": "saturated"}, "", {"pg.used": 0.5}, {"pg.used": 0.9}),
    "G.secrets": Deed(
        {"cluster": "wrong_cluster"},
        "",
        {"exotel.status": 200.0},
        {"exotel.status": 401.0, "secret.stale": False},
    ),
    "G.restart": Deed(
        {"secrets": "done"}, "process.restart", {"exotel.status": 200.0}, {"exotel.status": 401.0}
    ),
    "H.rollback": Deed(
        {"live": "unhealthy"},
        "deploy.switch",
        {"colour.live": True, "colour.state": "healthy"},
        {"colour.live": True, "colour.state": "degraded"},
    ),
    "I.register": Deed(
        {"schedule": "missing"}, "schedule.register", ONCE, {"schedule.registered": 0.0}
    ),
    "I.compute": Deed(
        {"age": "stale"}, "schedule.run", {"cache.age_s": 9.0}, {"cache.age_s": 40 * MINUTE}
    ),
    "J.unpause": Deed({"write": "paused"}, "redis.unpause", CANARY, NO_CANARY),
    "J.kill_script": Deed({"write": "busy"}, "redis.script_kill", CANARY, NO_CANARY),
    "J.room": Deed({"write": "oom"}, "", CANARY, NO_CANARY),
    "J.save": Deed({"write": "misconf"}, "", CANARY, NO_CANARY),
    "J.replicas": Deed({"write": "noreplicas"}, "", CANARY, NO_CANARY),
    "J.primary": Deed({"write": "readonly"}, "", CANARY, NO_CANARY),
    "J.start": Deed({"reached": "stopped"}, "process.restart", CANARY, NO_CANARY),
}
"""What other diagnoses found is `ok` there."""

ROUTES: dict[str, tuple[Values, str]] = {
    # what is found, and where that leads to; nothing bad leads on to a step
    "A.way": ({"redis": "redis"}, "J"),
    "B.way": ({"workers": "no_workers"}, "A"),
    "E.way": ({"consumers": "no_workers"}, "A"),
    "H.way": ({"database": "database"}, "F"),
    "I.way": ({"consumers": "paused"}, "A"),
}
