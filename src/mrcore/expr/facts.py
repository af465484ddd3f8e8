"""Facts of entities that expressions can name, beside the catalogue's metrics: one table.

A fact is read from an entity and the clock; None is no data. Times are in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mrcore.expr import reads


class Fact(NamedTuple):
    """A fact: `unit` is one of `units.DECLARED`, or `text` or `truth`; `source` narrows whose."""

    id: str
    kind: str
    unit: str
    label: str
    read: reads.Read
    source: str = ""


def _generic() -> Iterable[Fact]:
    """What is known of everything: its verdict."""
    for prefix, kind in PREFIXES.items():
        source = "backend" if prefix == "health" else ""
        yield Fact(
            f"{prefix}.verdict",
            kind,
            "text",
            "its verdict: ok, warn, bad or unknown",
            lambda entity, now: str(entity.verdict.level.value),
            source,
        )
        yield Fact(
            f"{prefix}.code",
            kind,
            "text",
            "the code of its verdict, empty where it is ok",
            lambda entity, now: str(entity.verdict.code),
            source,
        )
        yield Fact(
            f"{prefix}.why",
            kind,
            "text",
            "the sentence of its verdict",
            lambda entity, now: str(entity.verdict.why),
            source,
        )


PREFIXES = {
    "queue": "queue",
    "schedule": "schedule",
    "worker": "worker",
    "pg": "postgres",
    "session": "session",
    "redis": "node",
    "check": "check",
    "health": "check",
    "cache": "cache",
    "log": "stream",
    "process": "process",
    "colour": "colour",
    "meeting": "meeting",
    "signalling": "signalling",
    "origin": "origin",
    "turn": "turn",
    "source": "source",
    "host": "host",
    "disk": "disk",
    "certificate": "certificate",
    "upstream": "upstream",
    "webhook": "webhook",
    "payment": "payment",
    "order": "order",
    "secret": "secret",
    "heartbeat": "heartbeat",
    "failure": "group",
}
"""What a name begins with, and the kind of entity that it is of."""

_ROWS = (
    Fact("queue.oldest_wait_s", "queue", "s", "age of the oldest waiting job", reads.oldest_wait),
    Fact("queue.workers", "queue", "", "workers that listen", reads.value("workers")),
    Fact(
        "queue.paused",
        "queue",
        "truth",
        "whether somebody paused it",
        lambda entity, now: entity.paused_since is not None,
    ),
    Fact("queue.paused_s", "queue", "s", "since when it is paused", reads.age_or_0("paused_since")),
    Fact("queue.listed", "queue", "truth", "whether the board shows it", reads.value("listed")),
    Fact("queue.engine", "queue", "text", "its engine", reads.value("engine")),
    Fact("queue.prioritized", "queue", "", "jobs with a priority", reads.of_counts("prioritized")),
    Fact("queue.keep_failed", "queue", "", "failed jobs that it keeps", reads.value("keep_failed")),
    Fact("queue.completed", "queue", "", "completed jobs kept", reads.of_counts("completed")),
    Fact("queue.quarantined", "queue", "", "jobs put aside", reads.of_counts("quarantined")),
    Fact("schedule.name", "schedule", "text", "its name", reads.value("name")),
    Fact("schedule.missed", "schedule", "", "ticks without a job", reads.value("missed")),
    Fact("schedule.overrun", "schedule", "", "runs that took too long", reads.value("overrun")),
    Fact("schedule.registered", "schedule", "", "how often it is there", reads.value("registered")),
    Fact("schedule.interval_s", "schedule", "s", "declared interval", reads.value("interval_s")),
    Fact("schedule.observed_s", "schedule", "s", "observed interval", reads.value("observed_s")),
    Fact("schedule.overdue_s", "schedule", "s", "how late its next run is", reads.overdue),
    Fact(
        "schedule.success_age_s",
        "schedule",
        "s",
        "since it succeeded",
        reads.age("last_succeeded_at"),
    ),
    Fact("worker.silent_s", "worker", "s", "since its heartbeat, when it was due", reads.silent),
    Fact("worker.busy", "worker", "", "jobs that it has in hand", reads.count("busy_with")),
    Fact("pg.slots", "postgres", "", "connections that applications may open", reads.slots),
    Fact("pg.used", "postgres", "%", "share of these that is taken", reads.used),
    Fact(
        "pg.oldest_xact_s",
        "postgres",
        "s",
        "oldest transaction",
        reads.age_or_0("oldest_xact_start"),
    ),
    Fact(
        "pg.in_recovery", "postgres", "truth", "whether it is a replica", reads.value("in_recovery")
    ),
    Fact("session.state", "session", "text", "Postgres's word for its state", reads.value("state")),
    Fact(
        "session.state_s", "session", "s", "how long it is in that state", reads.age("state_since")
    ),
    Fact("session.xact_s", "session", "s", "age of its transaction", reads.age_or_0("xact_start")),
    Fact(
        "session.query_s",
        "session",
        "s",
        "since its statement began",
        reads.age_or_0("query_start"),
    ),
    Fact("session.blocks", "session", "", "sessions that wait for it", reads.count("blocks")),
    Fact("session.blocked_by", "session", "", "sessions it waits for", reads.count("blocked_by")),
    Fact("session.app", "session", "text", "application_name", reads.value("app")),
    Fact("redis.maxmemory_bytes", "node", "bytes", "maxmemory", reads.value("maxmemory_bytes")),
    Fact("redis.policy", "node", "text", "maxmemory-policy", reads.value("maxmemory_policy")),
    Fact("redis.role", "node", "text", "master or slave", reads.value("role")),
    Fact("redis.canary_ok", "node", "truth", "whether a write works", reads.value("canary_ok")),
    Fact("check.status", "check", "", "HTTP status", reads.value("status_code")),
    Fact(
        "health.status",
        "check",
        "",
        "HTTP status of /api/health",
        reads.value("status_code"),
        "backend",
    ),
    Fact("log.silent_s", "stream", "s", "since the last line", reads.age("last_line_at")),
    Fact("log.match_age_s", "pattern", "s", "since a line fitted", reads.age("matched_at")),
    Fact("process.name", "process", "text", "its name", reads.value("name")),
    Fact("process.state", "process", "text", "its state", reads.value("state")),
    Fact("process.restarts", "process", "", "how often it began anew", reads.value("restarts")),
    Fact("process.colour", "process", "text", "the colour that it is the backend of", reads.colour),
    Fact("process.wished", "process", "truth", "whether somebody let it begin anew", reads.wished),
    Fact("process.restartable", "process", "truth", "whether we can restart it", reads.restartable),
    Fact("process.state_s", "process", "s", "since when it is so", reads.age("since")),
    Fact("colour.live", "colour", "truth", "whether it has the traffic", reads.value("live")),
    Fact("colour.state", "colour", "text", "healthy, degraded, …", reads.value("state")),
    Fact("colour.up_s", "colour", "s", "how long it is up", reads.age("since")),
    Fact("colour.release", "colour", "text", "its release", reads.value("release")),
    Fact(
        "deploy.code",
        "colour",
        "text",
        "what speaks against traffic there",
        reads.preflight("code"),
    ),
    Fact("deploy.why", "colour", "text", "the sentence of that", reads.preflight("why")),
    Fact("cache.age_s", "cache", "s", "since it was computed", reads.age("computed_at")),
    Fact("cache.equal", "cache", "truth", "whether it is what SQL says", reads.value("equal")),
    Fact(
        "colour.differs",
        "colour",
        "text",
        "in what it is not as the live one",
        reads.value("differs"),
    ),
    Fact("upstream.name", "upstream", "text", "its name in the settings", reads.value("name")),
    Fact("host.cores", "host", "", "processor cores", reads.value("cores")),
    Fact(
        "host.clock_jump_s",
        "host",
        "s",
        "by how much its clock was moved",
        reads.value("clock_jump_s"),
    ),
    Fact(
        "host.clock_age_s", "host", "s", "since its clock was moved", reads.age("clock_jumped_at")
    ),
    Fact("disk.path", "disk", "text", "the path that matters", reads.value("path")),
    Fact("certificate.left_s", "certificate", "s", "until it expires", reads.left),
    Fact("upstream.form", "upstream", "text", "http, smtp or tcp", reads.value("form")),
    Fact("upstream.status", "upstream", "", "status of the probe", reads.value("status_code")),
    Fact(
        "upstream.auth_ok", "upstream", "truth", "it takes the credential", reads.value("auth_ok")
    ),
    Fact("upstream.probe_age_s", "upstream", "s", "since the last probe", reads.age("probed_at")),
    Fact(
        "upstream.call_age_s",
        "upstream",
        "s",
        "since the backend's call",
        reads.age("last_call_at"),
    ),
    Fact("upstream.calls", "upstream", "", "the backend's calls of 10 min", reads.value("calls")),
    Fact("upstream.refused", "upstream", "%", "share of 401, 403, 535", reads.share("refused")),
    Fact("upstream.limited", "upstream", "%", "share of 429", reads.share("limited")),
    Fact("upstream.failed", "upstream", "%", "share of 5xx and no answer", reads.share("failed")),
    Fact("smtp.code", "upstream", "", "what AUTH was answered", reads.smtp("status_code")),
    Fact("smtp.auth_ok", "upstream", "truth", "it takes the login", reads.smtp("auth_ok")),
    Fact("webhook.last_s", "webhook", "s", "since the last one", reads.age("last_at")),
    Fact(
        "webhook.late_s", "webhook", "s", "since the last one that came late", reads.age("late_at")
    ),
    Fact("webhook.late_times", "webhook", "", "how often that was sent", reads.value("late_times")),
    Fact(
        "webhook.usual_gap_s", "webhook", "s", "999 of 1,000 came in it", reads.value("usual_gap_s")
    ),
    Fact("webhook.unanswered", "webhook", "", "orders not told of", reads.value("unanswered")),
    Fact(
        "payment.without_invoice",
        "payment",
        "",
        "captured, no invoice",
        reads.value("without_invoice"),
    ),
    Fact(
        "payment.without_grant", "payment", "", "captured, no grant", reads.value("without_grant")
    ),
    Fact("payment.double_grants", "payment", "", "granted twice", reads.value("double_grants")),
    Fact("payment.unproven", "payment", "", "no grant, invoice or trail", reads.value("unproven")),
    Fact("order.id", "order", "text", "its id at the provider", reads.value("name")),
    Fact(
        "order.payment_id",
        "order",
        "text",
        "its payment, where one was told",
        reads.value("payment_id"),
    ),
    Fact("order.state", "order", "text", "created or captured", reads.value("state")),
    Fact("order.waits_s", "order", "s", "since it was ordered", reads.age("created_at")),
    Fact("order.granted", "order", "truth", "whether its tokens are there", reads.value("granted")),
    Fact("order.invoiced", "order", "truth", "whether it has an invoice", reads.value("invoiced")),
    Fact("secret.version", "secret", "text", "version that is run with", reads.value("version")),
    Fact("secret.current", "secret", "text", "version the manager has", reads.value("current")),
    Fact(
        "secret.stale", "secret", "truth", "whether it runs with an older one", reads.value("stale")
    ),
    Fact("meeting.state", "meeting", "text", "no_join, no_answer, no_ice, …", reads.value("state")),
    Fact(
        "meeting.state_s", "meeting", "s", "how long it is in that state", reads.age("state_since")
    ),
    Fact("meeting.in_room", "meeting", "", "people in the room", reads.value("peers")),
    Fact(
        "meeting.takeovers", "meeting", "", "tabs taken over by another", reads.value("takeovers")
    ),
    Fact(
        "meeting.paired_s",
        "meeting",
        "s",
        "since its last offer and answer",
        reads.age("paired_at"),
    ),
    Fact(
        "signalling.refused", "signalling", "", "origins refused in an hour", reads.value("refused")
    ),
    Fact(
        "signalling.takeovers", "signalling", "", "takeovers in an hour", reads.value("takeovers")
    ),
    Fact("signalling.paired_s", "signalling", "s", "since the last pair", reads.age("paired_at")),
    Fact("origin.ok", "origin", "truth", "whether its pages get a socket", reads.value("ok")),
    Fact("origin.status", "origin", "", "HTTP status of the handshake", reads.value("status_code")),
    Fact("turn.ok", "turn", "truth", "whether it binds or relays", reads.value("ok")),
    Fact("failure.title", "group", "text", "its message, normalised", reads.value("title")),
    Fact("failure.queue", "group", "text", "the queue that it is of", reads.value("queue")),
    Fact("failure.jobs", "group", "", "failures of 10 min", lambda entity, now: float(entity.jobs)),
    Fact("failure.worst", "group", "", "failures of one job of it", reads.value("worst")),
    Fact("failure.share", "group", "%", "share of the queue's failures", reads.value("share")),
    Fact("failure.first_s", "group", "s", "since it was seen first", reads.age("first_at")),
    Fact("failure.last_s", "group", "s", "since it was seen last", reads.age("last_at")),
    Fact("source.state", "source", "text", "starting, watching or failing", reads.value("state")),
    Fact("source.failing_s", "source", "s", "how long it gives no sample", reads.failing),
    Fact("source.interval_s", "source", "s", "time between samples", reads.value("interval_s")),
    Fact("source.kind", "source", "text", "its kind", reads.value("source_kind")),
)

FACTS: dict[str, Fact] = {fact.id: fact for fact in (*_generic(), *_ROWS)}
