"""What each fix and manual step of the shipped runbooks is chosen for, and what proves it."""

from __future__ import annotations

from typing import NamedTuple

from tests.core.runbooks import steps


class Deed(NamedTuple):
    """What is found before a step is chosen, its action, and what proves it and what does not.

    Where nothing does, a person says that it was done.
    """

    found: steps.Values
    action: str
    proven: steps.Values
    unproven: steps.Values


DEEDS: dict[str, Deed] = {
    "A.resume": Deed(
        {"consumers": "paused"}, "queue.resume", {"queue.paused": False}, {"queue.paused": True}
    ),
    "A.start": Deed(
        {"consumers": "no_workers", "processes": None},
        "",
        {**steps.CONSUMED, "worker.code": ""},
        {**steps.CONSUMED, "worker.code": "", "queue.workers": 0.0},
    ),
    "A.more": Deed(
        {"consumers": "slow", "processes": None},
        "",
        {"queue.oldest_wait_s": steps.MINUTE},
        {"queue.oldest_wait_s": 3 * steps.MINUTE},
    ),
    "A.process": Deed({"processes": "hangs"}, "process.restart", steps.READY, steps.HANGS),
    "A.mend": Deed({"processes": "process_down"}, "", steps.READY, steps.BACKOFF),
    "A.quarantine": Deed(
        {"failures": "poison"},
        "job.quarantine",
        {**steps.ASIDE, "queue.failed": 2.0},
        {**steps.ASIDE, "queue.failed": 9.0},
    ),
    "A.source": Deed(
        {"failures": "failing"}, "", {"queue.fail_rate": 0.0}, {"queue.fail_rate": 0.1}
    ),
    "A.again": Deed(
        {"source": "done"},
        "queue.retry",
        {"queue.failed": 2.0, "before.queue.failed": 9.0, "queue.fail_rate": 0.0},
        {"queue.failed": 2.0, "before.queue.failed": 9.0, "queue.fail_rate": 0.1},
    ),
    "B.rotate": Deed({"smtp": "credentials"}, "", {"smtp.code": 235.0}, steps.NO_LOGIN),
    "B.both": Deed(
        {"secret": "forgotten"}, "", {"secret.code": "stale"}, {"secret.code": "forgotten"}
    ),
    "B.provider": Deed({"smtp": "refused"}, "", {"smtp.code": 235.0}, {"smtp.code": 421.0}),
    "B.restart": Deed({"rotate": "done"}, "process.restart", steps.FRESH, steps.STALE),
    "B.proof": Deed(
        {}, "", {"smtp.code": 235.0, **steps.FRESH}, {"smtp.code": 235.0, **steps.STALE}
    ),
    "B.retry": Deed(
        {"failures": "failed"},
        "queue.retry",
        {"queue.failed": 0.0, "before.queue.failed": 9.0, "queue.oldest_wait_s": 1.0},
        {"queue.failed": 9.0, "before.queue.failed": 9.0, "queue.oldest_wait_s": 1.0},
    ),
    "B.quiet": Deed({}, "", {"log.match_age_s": 301.0}, {"log.match_age_s": 299.0}),
    "C.origin": Deed({"origins": "origin_blocked"}, "", {"origin.ok": True}, {"origin.ok": False}),
    "C.relay": Deed({"turn": "turn_bad"}, "", {"turn.ok": True}, {"turn.ok": False}),
    "C.tab": Deed(
        {"takeovers": "takeover"}, "", {"meeting.takeovers": 1.0}, {"meeting.takeovers": 9.0}
    ),
    "C.restart": Deed({"signalling": "no_answer"}, "process.restart", steps.HEALTHY, steps.UNWELL),
    "C.rejoin": Deed(
        {"restart": "done"},
        "",
        {"signalling.paired_s": 9.0, "colour.live": True},
        {"signalling.paired_s": 5 * steps.MINUTE, "colour.live": True},
    ),
    "D.reconcile": Deed(
        {"webhook": "never_arrived"},
        "payment.reconcile",
        {**steps.TOLD, **steps.NO_ORDER, "params.payment_id": "", "payment.double_grants": 0.0},
        {**steps.TOLD, **steps.NO_ORDER, "params.payment_id": "", "payment.double_grants": 1.0},
    ),
    "D.resend": Deed(
        {"provider": "down", "settled": "nothing"},
        "",
        steps.TOLD,
        {**steps.TOLD, "payment.unproven": 1.0},
    ),
    "D.heard": Deed(
        {"webhook": "unheard"}, "", {**steps.UNHEARD, "webhook.last_s": 1.0}, steps.UNHEARD
    ),
    "D.credit": Deed(
        {"settled": "twice"}, "", steps.SETTLED, {**steps.SETTLED, "payment.double_grants": 1.0}
    ),
    "E.credentials": Deed(
        {"upstream": "credentials"}, "", {"upstream.verdict": "ok"}, {"upstream.verdict": "bad"}
    ),
    "E.theirs": Deed(
        {"upstream": "limited"}, "", {"upstream.verdict": "ok"}, {"upstream.verdict": "warn"}
    ),
    "E.register": Deed(
        {"schedule": "missing"}, "schedule.register", steps.ONCE, {"schedule.registered": 0.0}
    ),
    "E.once": Deed(
        {"schedule": "doubled"}, "", steps.ONCE, {**steps.ONCE, "schedule.registered": 2.0}
    ),
    "E.run": Deed(
        {"credentials": "done"},
        "schedule.run",
        {"schedule.success_age_s": 9.0},
        {"schedule.success_age_s": 9 * steps.MINUTE},
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
    "F.free": Deed(
        {"connections": "saturated", "leaked": "leaked"},
        "pg.terminate",
        {"pg.used": 0.5},
        {"pg.used": 0.9},
    ),
    "F.pool": Deed(
        {"health": "pool"},
        "process.restart",
        {**steps.HEALTHY, **steps.QUICK},
        {**steps.HEALTHY, **steps.POOL},
    ),
    "F.room": Deed({"connections": "saturated"}, "", {"pg.used": 0.5}, {"pg.used": 0.9}),
    "G.secrets": Deed(
        {"cluster": "wrong_cluster"}, "", {"upstream.code": ""}, {"upstream.code": "auth"}
    ),
    "G.restart": Deed(
        {"secrets": "done"},
        "process.restart",
        {"upstream.code": "", **steps.FRESH},
        {"upstream.code": "", **steps.STALE},
    ),
    "G.reach": Deed(
        {"callbacks": "callback"},
        "",
        {"webhook.last_s": steps.MINUTE},
        {"webhook.last_s": 120 * steps.MINUTE},
    ),
    "G.theirs": Deed({"cluster": "down"}, "", {"upstream.code": ""}, {"upstream.code": "timeout"}),
    "H.rollback": Deed(
        {"live": "unhealthy"},
        "deploy.switch",
        {"colour.live": True, "colour.state": "healthy"},
        {"colour.live": True, "colour.state": "degraded"},
    ),
    "H.restart": Deed({"gate": "gate"}, "process.restart", steps.READY, steps.HANGS),
    "H.mend": Deed(
        {"gate": "gate"},
        "",
        {"colour.live": False, "colour.state": "healthy"},
        {"colour.live": False, "colour.state": "unhealthy"},
    ),
    "I.register": Deed(
        {"schedule": "missing"}, "schedule.register", steps.ONCE, {"schedule.registered": 0.0}
    ),
    "I.writer": Deed({"value": "wrong"}, "", {}, {}),
    "I.compute": Deed(
        {"age": "stale"},
        "schedule.run",
        {**steps.RIGHT, "schedule.success_age_s": 9.0},
        {**steps.RIGHT, "schedule.success_age_s": 9.0, "cache.equal": False},
    ),
    "J.unpause": Deed({"write": "paused"}, "redis.unpause", steps.CANARY, steps.NO_CANARY),
    "J.kill_script": Deed({"write": "busy"}, "redis.script_kill", steps.CANARY, steps.NO_CANARY),
    "J.room": Deed(
        {"memory": "memory"},
        "",
        {**steps.CANARY, **steps.ROOMY},
        {**steps.CANARY, **steps.FULL},
    ),
    "J.policy": Deed(
        {"memory": "policy"},
        "",
        {**steps.ROOMY, "redis.policy": "noeviction"},
        {**steps.ROOMY, **steps.EVICTS},
    ),
    "J.save": Deed({"write": "misconf"}, "", steps.CANARY, steps.NO_CANARY),
    "J.replicas": Deed({"write": "noreplicas"}, "", steps.CANARY, steps.NO_CANARY),
    "J.primary": Deed({"write": "readonly"}, "", steps.CANARY, steps.NO_CANARY),
    "J.pause_ends": Deed({"write": "paused_all"}, "", steps.CANARY, steps.NO_CANARY),
    "J.connections": Deed({"write": "maxclients"}, "", steps.CANARY, steps.NO_CANARY),
    "J.look": Deed({"write": "wedged"}, "", steps.CANARY, steps.NO_CANARY),
    "J.start": Deed({"way": "start"}, "process.restart", steps.CANARY, steps.NO_CANARY),
    "J.bring_back": Deed({"way": "bring_back"}, "", steps.CANARY, steps.NO_CANARY),
}
"""What other diagnoses found is `ok` there."""
