"""Everything that is measured: one table, which the catalogue has."""

from __future__ import annotations

from mrcore.model.base import Frozen


class Metric(Frozen):
    """A metric: what its points mean, and in which unit."""

    id: str
    unit: str
    label: str
    kind: str


def _metrics(*rows: tuple[str, str, str, str]) -> dict[str, Metric]:
    return {i: Metric(id=i, kind=kind, unit=unit, label=label) for i, kind, unit, label in rows}


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
    ("pg.clock_off_ms", "postgres", "ms", "its clock, ahead of the core's"),
    ("redis.clock_off_ms", "node", "ms", "its clock, ahead of the core's"),
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
    ("queue.drain_s", "queue", "s", "until nothing waits, as it goes on"),
    ("queue.drains_never", "queue", "", "1 where what waits will never be done, as it goes on"),
    ("log.line_rate", "stream", "1/s", "lines written"),
    ("log.error_rate", "stream", "1/s", "lines of level error"),
    ("log.warn_rate", "stream", "1/s", "lines of level warn"),
    ("log.other_rate", "stream", "1/s", "lines of another level, or of none"),
    ("log.match", "pattern", "", "lines that fitted since the sample before, in all streams"),
    ("log.rate", "pattern", "1/s", "lines that fit, in all streams"),
    ("log.size_bytes", "stream", "bytes", "size of the file"),
    ("check.latency_ms", "check", "ms", "time that the check took"),
    ("slots.total", "slots", "", "slots"),
    ("slots.available", "slots", "", "future slots that can be booked"),
    ("slots.booked", "slots", "", "booked slots"),
    ("slots.future", "slots", "", "slots that have not begun"),
    ("slots.expired", "slots", "", "slots that are over"),
    ("slots.expired_unbooked", "slots", "", "slots that are over and nobody booked"),
    ("check.acquire_ms", "check", "ms", "wait for a connection of the backend's own pool"),
    ("upstream.latency_ms", "upstream", "ms", "time that the probe took"),
    ("webhook.rate", "webhook", "1/s", "webhooks received, of the last hour"),
    ("meeting.rooms", "signalling", "", "rooms with somebody in them"),
    ("meeting.stuck", "signalling", "", "rooms whose peers do not find each other"),
    ("meeting.peers", "signalling", "", "people in these rooms"),
    ("process.rss_bytes", "process", "bytes", "resident memory"),
    ("host.load", "host", "", "processes that run or wait to run, one minute's mean"),
    ("host.memory", "host", "%", "share of the memory that is taken and cannot be given back"),
    ("host.descriptors", "host", "%", "share of the open files that this core may have"),
    ("disk.used", "disk", "%", "share of the space that is taken"),
    ("disk.free_bytes", "disk", "bytes", "space that is left for those who are not root"),
    ("disk.inodes", "disk", "%", "share of the files that there can be"),
    ("process.cpu", "process", "%", "share of one core"),
)
