"""The faults of game days: a file a family, and one line a kind here."""

from __future__ import annotations

from mrcore.gameday.faults import base, processes, redis

KINDS: dict[str, type[base.Fault]] = {
    "process.stop": processes.Stop,
    "process.kill": processes.Kill,
    "redis.pause": redis.Pause,
    "redis.config": redis.Configured,
    "redis.busy": redis.Busy,
}
"""Fault by the word that a scenario has for it."""
