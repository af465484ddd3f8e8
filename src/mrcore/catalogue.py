"""Everything that can be done and everything that is measured: one table each, read everywhere."""

from __future__ import annotations

from mrcore.model.base import ActionId, Frozen
from mrcore.model.plans import Risk


class Action(Frozen):
    """An action: `kind` is the entity kind that it acts on, `role` the least role that may."""

    id: ActionId
    label: str
    kind: str
    risk: Risk
    role: str
    undoable: bool
    args: dict[str, str] = {}


class Metric(Frozen):
    """A metric: what its points mean, and in which unit."""

    id: str
    unit: str
    label: str
    kind: str


class Catalogue(Frozen):
    """Answer of `GET /catalogue`."""

    actions: tuple[Action, ...]
    metrics: tuple[Metric, ...]


def _actions(*actions: Action) -> dict[ActionId, Action]:
    return {action.id: action for action in actions}


def _metrics(*rows: tuple[str, str, str, str]) -> dict[str, Metric]:
    return {i: Metric(id=i, kind=kind, unit=unit, label=label) for i, kind, unit, label in rows}


ACTIONS: dict[ActionId, Action] = _actions(
    Action(
        id="queue.retry",
        label="Retry failed job",
        kind="job",
        risk=Risk.LOW,
        role="operator",
        undoable=False,
    ),
)

METRICS: dict[str, Metric] = _metrics(
    # id, kind of the ref, unit, label
    ("source.sample_ms", "source", "ms", "time that a sample took"),
    ("core.rss_bytes", "core", "bytes", "memory of the core"),
    ("core.loop_lag_ms", "core", "ms", "lag of the core's event loop"),
    ("core.clients", "core", "", "screens connected"),
    ("pg.sessions", "postgres", "", "client sessions"),
    ("pg.active", "postgres", "", "sessions running a statement"),
    ("pg.idle_in_tx", "postgres", "", "sessions idle in transaction"),
    ("pg.blocked", "postgres", "", "sessions waiting for a lock"),
    ("pg.tps", "postgres", "1/s", "transactions ended"),
    ("pg.hit_ratio", "postgres", "%", "reads answered from shared buffers"),
    ("pg.round_trip_ms", "postgres", "ms", "a short statement on the kept connection"),
    ("redis.used_bytes", "node", "bytes", "memory used"),
    ("redis.ops", "node", "1/s", "commands executed"),
    ("redis.clients", "node", "", "connected clients"),
    ("redis.blocked_clients", "node", "", "clients waiting in a blocking command"),
    ("redis.keys", "node", "", "keys in the watched database"),
    ("redis.hit_ratio", "node", "%", "reads that found their key"),
    ("redis.evicted", "node", "1/s", "keys evicted"),
    ("redis.canary_ms", "node", "ms", "write, read back and compare"),
    ("queue.waiting", "queue", "", "jobs waiting"),
    ("queue.active", "queue", "", "jobs being worked on"),
    ("queue.delayed", "queue", "", "jobs for later"),
    ("queue.failed", "queue", "", "failed jobs kept"),
    ("queue.in_rate", "queue", "1/s", "jobs enqueued"),
    ("queue.out_rate", "queue", "1/s", "jobs completed"),
    ("queue.fail_rate", "queue", "1/s", "jobs failed for good"),
    ("log.line_rate", "stream", "1/s", "lines written"),
    ("log.error_rate", "stream", "1/s", "lines of level error"),
    ("log.size_bytes", "stream", "bytes", "size of the file"),
    ("check.latency_ms", "check", "ms", "time that the check took"),
    ("process.rss_bytes", "process", "bytes", "resident memory"),
    ("process.cpu", "process", "%", "share of one core"),
)


def whole() -> Catalogue:
    """The catalogue as it goes over the wire."""
    return Catalogue(actions=tuple(ACTIONS.values()), metrics=tuple(METRICS.values()))
