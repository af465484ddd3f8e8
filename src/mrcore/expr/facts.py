"""Facts of entities that expressions can name, beside the catalogue's metrics: one table.

A fact is read from an entity and the clock; None is no data. Times are in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from mrcore.model import stack

Value = float | bool | str

Read = Callable[[Any, datetime], Value | None]


class Fact(NamedTuple):
    """A fact: `unit` is one of `units.DECLARED`, or `text` or `truth`; `source` narrows whose."""

    id: str
    kind: str
    unit: str
    label: str
    read: Read
    source: str = ""


def _since(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max(0.0, (now - at).total_seconds())


def _age(name: str) -> Read:
    """How long ago an instant of the entity is."""
    return lambda entity, now: _since(getattr(entity, name), now)


def _age_or_0(name: str) -> Read:
    """The same, and 0 where there is nothing that began."""
    return lambda entity, now: _since(getattr(entity, name), now) or 0.0


def _value(name: str) -> Read:
    return lambda entity, now: getattr(entity, name)


def _count(name: str) -> Read:
    return lambda entity, now: float(len(getattr(entity, name)))


def _of_counts(name: str) -> Read:
    return lambda entity, now: float(getattr(entity.counts, name))


def _slots(entity: Any, now: datetime) -> float:
    """How many connections an application may open."""
    return float(entity.max_connections - entity.reserved - entity.superuser_reserved)


def _used(entity: Any, now: datetime) -> float | None:
    slots = _slots(entity, now)
    return entity.sessions / slots * 100 if slots > 0 else None


def _oldest_wait(entity: Any, now: datetime) -> float | None:
    """Nothing that waits has waited no time; an engine that cannot tell has no data."""
    found = _since(entity.oldest_enqueued_at, now)
    waiting = entity.counts.waiting + entity.counts.prioritized + entity.counts.paused
    return 0.0 if found is None and not waiting else found


def _overdue(entity: Any, now: datetime) -> float | None:
    return _since(entity.next_at, now)


def _silent(entity: Any, now: datetime) -> float | None:
    """Beyond the time in which it may be silent."""
    found = _since(entity.last_seen_at, now)
    return None if found is None else max(0.0, found - entity.beat_s)


def _left(entity: Any, now: datetime) -> float | None:
    """What has expired is less than nothing."""
    return None if entity.expires_at is None else (entity.expires_at - now).total_seconds()


def _failing(entity: Any, now: datetime) -> float | None:
    return _since(entity.since, now) if entity.state == "failing" else 0.0


def _smtp(name: str) -> Read:
    """Of a mail server only; of another service there is nothing to say."""
    return lambda entity, now: getattr(entity, name) if entity.form == "smtp" else None


def _colour(entity: Any, now: datetime) -> str:
    """Of `backend-blue` it is blue; of another process it is empty."""
    before, _, colour = str(entity.name).partition("-")
    return colour if before == "backend" else ""


def _preflight(name: str) -> Read:
    """Nothing is newer than what has the traffic; of a colour that was not asked nobody knows."""

    def read(entity: Any, now: datetime) -> str | None:
        if entity.live:
            return ""
        said = entity.preflight
        return None if said is None or said.level == "unknown" else str(getattr(said, name))

    return read


def _wished(entity: Any, now: datetime) -> bool:
    """Whether it ends, or ended last, since it was wished."""
    return entity.state == "stopping" or str(entity.last_exit).startswith(stack.RESTARTED)


def _restartable(entity: Any, now: datetime) -> bool:
    return "process.restart" in entity.actions


def _share(name: str) -> Read:
    """Which part of the backend's calls, in percent; nothing of no calls."""
    return lambda entity, now: 100 * getattr(entity, name) / entity.calls if entity.calls else None


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
    Fact("queue.oldest_wait_s", "queue", "s", "age of the oldest waiting job", _oldest_wait),
    Fact("queue.workers", "queue", "", "workers that listen", _value("workers")),
    Fact(
        "queue.paused",
        "queue",
        "truth",
        "whether somebody paused it",
        lambda entity, now: entity.paused_since is not None,
    ),
    Fact("queue.paused_s", "queue", "s", "since when it is paused", _age_or_0("paused_since")),
    Fact("queue.listed", "queue", "truth", "whether the board shows it", _value("listed")),
    Fact("queue.engine", "queue", "text", "its engine", _value("engine")),
    Fact("queue.prioritized", "queue", "", "jobs with a priority", _of_counts("prioritized")),
    Fact("queue.keep_failed", "queue", "", "failed jobs that it keeps", _value("keep_failed")),
    Fact("queue.completed", "queue", "", "completed jobs kept", _of_counts("completed")),
    Fact("queue.quarantined", "queue", "", "jobs put aside", _of_counts("quarantined")),
    Fact("schedule.name", "schedule", "text", "its name", _value("name")),
    Fact("schedule.missed", "schedule", "", "ticks without a job", _value("missed")),
    Fact("schedule.overrun", "schedule", "", "runs that took too long", _value("overrun")),
    Fact("schedule.registered", "schedule", "", "how often it is there", _value("registered")),
    Fact("schedule.interval_s", "schedule", "s", "declared interval", _value("interval_s")),
    Fact("schedule.observed_s", "schedule", "s", "observed interval", _value("observed_s")),
    Fact("schedule.overdue_s", "schedule", "s", "how late its next run is", _overdue),
    Fact(
        "schedule.success_age_s", "schedule", "s", "since it succeeded", _age("last_succeeded_at")
    ),
    Fact("worker.silent_s", "worker", "s", "since its heartbeat, when it was due", _silent),
    Fact("worker.busy", "worker", "", "jobs that it has in hand", _count("busy_with")),
    Fact("pg.slots", "postgres", "", "connections that applications may open", _slots),
    Fact("pg.used", "postgres", "%", "share of these that is taken", _used),
    Fact("pg.oldest_xact_s", "postgres", "s", "oldest transaction", _age_or_0("oldest_xact_start")),
    Fact("pg.in_recovery", "postgres", "truth", "whether it is a replica", _value("in_recovery")),
    Fact("session.state", "session", "text", "Postgres's word for its state", _value("state")),
    Fact("session.state_s", "session", "s", "how long it is in that state", _age("state_since")),
    Fact("session.xact_s", "session", "s", "age of its transaction", _age_or_0("xact_start")),
    Fact("session.query_s", "session", "s", "since its statement began", _age_or_0("query_start")),
    Fact("session.blocks", "session", "", "sessions that wait for it", _count("blocks")),
    Fact("session.blocked_by", "session", "", "sessions it waits for", _count("blocked_by")),
    Fact("session.app", "session", "text", "application_name", _value("app")),
    Fact("redis.maxmemory_bytes", "node", "bytes", "maxmemory", _value("maxmemory_bytes")),
    Fact("redis.policy", "node", "text", "maxmemory-policy", _value("maxmemory_policy")),
    Fact("redis.role", "node", "text", "master or slave", _value("role")),
    Fact("redis.canary_ok", "node", "truth", "whether a write works", _value("canary_ok")),
    Fact("check.status", "check", "", "HTTP status", _value("status_code")),
    Fact(
        "health.status", "check", "", "HTTP status of /api/health", _value("status_code"), "backend"
    ),
    Fact("log.silent_s", "stream", "s", "since the last line", _age("last_line_at")),
    Fact("log.match_age_s", "pattern", "s", "since a line fitted", _age("matched_at")),
    Fact("process.name", "process", "text", "its name", _value("name")),
    Fact("process.state", "process", "text", "its state", _value("state")),
    Fact("process.restarts", "process", "", "how often it began anew", _value("restarts")),
    Fact("process.colour", "process", "text", "the colour that it is the backend of", _colour),
    Fact("process.wished", "process", "truth", "whether somebody let it begin anew", _wished),
    Fact("process.restartable", "process", "truth", "whether we can restart it", _restartable),
    Fact("process.state_s", "process", "s", "since when it is so", _age("since")),
    Fact("colour.live", "colour", "truth", "whether it has the traffic", _value("live")),
    Fact("colour.state", "colour", "text", "healthy, degraded, …", _value("state")),
    Fact("colour.up_s", "colour", "s", "how long it is up", _age("since")),
    Fact("colour.release", "colour", "text", "its release", _value("release")),
    Fact("deploy.code", "colour", "text", "what speaks against traffic there", _preflight("code")),
    Fact("deploy.why", "colour", "text", "the sentence of that", _preflight("why")),
    Fact("cache.age_s", "cache", "s", "since it was computed", _age("computed_at")),
    Fact("cache.equal", "cache", "truth", "whether it is what SQL says", _value("equal")),
    Fact(
        "colour.differs", "colour", "text", "in what it is not as the live one", _value("differs")
    ),
    Fact("upstream.name", "upstream", "text", "its name in the settings", _value("name")),
    Fact("host.cores", "host", "", "processor cores", _value("cores")),
    Fact(
        "host.clock_jump_s", "host", "s", "by how much its clock was moved", _value("clock_jump_s")
    ),
    Fact("host.clock_age_s", "host", "s", "since its clock was moved", _age("clock_jumped_at")),
    Fact("disk.path", "disk", "text", "the path that matters", _value("path")),
    Fact("certificate.left_s", "certificate", "s", "until it expires", _left),
    Fact("upstream.form", "upstream", "text", "http, smtp or tcp", _value("form")),
    Fact("upstream.status", "upstream", "", "status of the probe", _value("status_code")),
    Fact("upstream.auth_ok", "upstream", "truth", "it takes the credential", _value("auth_ok")),
    Fact("upstream.probe_age_s", "upstream", "s", "since the last probe", _age("probed_at")),
    Fact("upstream.call_age_s", "upstream", "s", "since the backend's call", _age("last_call_at")),
    Fact("upstream.calls", "upstream", "", "the backend's calls of 10 min", _value("calls")),
    Fact("upstream.refused", "upstream", "%", "share of 401, 403, 535", _share("refused")),
    Fact("upstream.limited", "upstream", "%", "share of 429", _share("limited")),
    Fact("upstream.failed", "upstream", "%", "share of 5xx and no answer", _share("failed")),
    Fact("smtp.code", "upstream", "", "what AUTH was answered", _smtp("status_code")),
    Fact("smtp.auth_ok", "upstream", "truth", "it takes the login", _smtp("auth_ok")),
    Fact("webhook.last_s", "webhook", "s", "since the last one", _age("last_at")),
    Fact("webhook.late_s", "webhook", "s", "since the last one that came late", _age("late_at")),
    Fact("webhook.late_times", "webhook", "", "how often that was sent", _value("late_times")),
    Fact("webhook.usual_gap_s", "webhook", "s", "999 of 1,000 came in it", _value("usual_gap_s")),
    Fact("webhook.unanswered", "webhook", "", "orders not told of", _value("unanswered")),
    Fact(
        "payment.without_invoice", "payment", "", "captured, no invoice", _value("without_invoice")
    ),
    Fact("payment.double_grants", "payment", "", "granted twice", _value("double_grants")),
    Fact("payment.unproven", "payment", "", "no grant, invoice or trail", _value("unproven")),
    Fact("order.id", "order", "text", "its id at the provider", _value("name")),
    Fact(
        "order.payment_id", "order", "text", "its payment, where one was told", _value("payment_id")
    ),
    Fact("order.state", "order", "text", "created or captured", _value("state")),
    Fact("order.waits_s", "order", "s", "since it was ordered", _age("created_at")),
    Fact("order.granted", "order", "truth", "whether its tokens are there", _value("granted")),
    Fact("order.invoiced", "order", "truth", "whether it has an invoice", _value("invoiced")),
    Fact("secret.version", "secret", "text", "version that is run with", _value("version")),
    Fact("secret.current", "secret", "text", "version the manager has", _value("current")),
    Fact("secret.stale", "secret", "truth", "whether it runs with an older one", _value("stale")),
    Fact("meeting.state", "meeting", "text", "no_join, no_answer, no_ice, …", _value("state")),
    Fact("meeting.state_s", "meeting", "s", "how long it is in that state", _age("state_since")),
    Fact("meeting.in_room", "meeting", "", "people in the room", _value("peers")),
    Fact("meeting.takeovers", "meeting", "", "tabs taken over by another", _value("takeovers")),
    Fact("meeting.paired_s", "meeting", "s", "since its last offer and answer", _age("paired_at")),
    Fact("signalling.refused", "signalling", "", "origins refused in an hour", _value("refused")),
    Fact("signalling.takeovers", "signalling", "", "takeovers in an hour", _value("takeovers")),
    Fact("signalling.paired_s", "signalling", "s", "since the last pair", _age("paired_at")),
    Fact("origin.ok", "origin", "truth", "whether its pages get a socket", _value("ok")),
    Fact("origin.status", "origin", "", "HTTP status of the handshake", _value("status_code")),
    Fact("turn.ok", "turn", "truth", "whether it binds or relays", _value("ok")),
    Fact("failure.title", "group", "text", "its message, normalised", _value("title")),
    Fact("failure.queue", "group", "text", "the queue that it is of", _value("queue")),
    Fact("failure.jobs", "group", "", "failures of 10 min", lambda entity, now: float(entity.jobs)),
    Fact("failure.worst", "group", "", "failures of one job of it", _value("worst")),
    Fact("failure.share", "group", "%", "share of the queue's failures", _value("share")),
    Fact("failure.first_s", "group", "s", "since it was seen first", _age("first_at")),
    Fact("failure.last_s", "group", "s", "since it was seen last", _age("last_at")),
    Fact("source.state", "source", "text", "starting, watching or failing", _value("state")),
    Fact("source.failing_s", "source", "s", "how long it gives no sample", _failing),
    Fact("source.interval_s", "source", "s", "time between samples", _value("interval_s")),
    Fact("source.kind", "source", "text", "its kind", _value("source_kind")),
)

FACTS: dict[str, Fact] = {fact.id: fact for fact in (*_generic(), *_ROWS)}
