"""The faults of game days: a file a family, and one line a kind here."""

from __future__ import annotations

from mrcore.gameday.faults import base, host, postgres, processes, queues, redis, services

KINDS: dict[str, type[base.Fault]] = {
    "process.stop": processes.Stop,
    "process.kill": processes.Kill,
    "process.spare": processes.Spare,
    "deploy.traffic": processes.Traffic,
    "redis.pause": redis.Pause,
    "redis.config": redis.Configured,
    "redis.busy": redis.Busy,
    "pg.idle": postgres.IdleInTransaction,
    "pg.locks": postgres.LockChain,
    "pg.exhausted": postgres.Exhausted,
    "queue.jobs": queues.Jobs,
    "queue.pause": queues.Pause,
    "schedule.removed": queues.Unscheduled,
    "kpi.stale": queues.StaleKpi,
    "mail.refuse": services.MailRefuses,
    "mail.accept": services.MailAccepts,
    "exotel.home": services.ExotelHome,
    "razorpay.pay": services.Payment,
    "upstream.answers": services.Upstream,
    "upstream.link": services.Link,
    "disk.full": host.DiskFull,
}
"""Fault by the word that a scenario has for it."""
