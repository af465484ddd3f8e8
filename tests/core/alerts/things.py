"""Entities with only the facts that a test is about, and a view of them and their series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from mrcore import measured
from mrcore.model import base
from tests.core.expr import recorded

MACHINE = ("host", "disk", "certificate")
LEAST: dict[str, dict[str, Any]] = {
    "source": {"source_kind": "pg", "interval_s": 1, "deadline_s": 2, "state": "watching"},
    "check": {},
    "queue": {"engine": "huey", "workers": 2},
    "schedule": {"engine": "huey", "queue": "q", "declared": "every 15 min", "interval_s": 900},
    "postgres": {"version": "16", "max_connections": 100, "reserved": 3, "sessions": 20},
    "session": {"pid": 4711, "state": "active", "app": "api"},
    "node": {"version": "8", "canary_ok": True, "maxmemory_policy": "noeviction"},
    "worker": {"engine": "huey"},
    "process": {"state": "ready"},
    "colour": {"live": True, "state": "healthy"},
    "host": {"cores": 2, "memory_bytes": 8 << 30},
    "disk": {"path": "/"},
    "certificate": {},
    "pattern": {"expr": "x"},
    "heartbeat": {"state": "up"},
    "upstream": {},
    "webhook": {},
    "payment": {},
    "secret": {"secret": "backend/production"},
    "cache": {"equal": True},
    "meeting": {},
    "origin": {},
    "turn": {"ok": True},
    "group": {
        "engine": "huey",
        "queue": "q",
        "fingerprint": "f",
        "title": "Oops",
        "jobs": 3,
        "share": 50,
    },
}
NAMED = {
    "heartbeat",
    "source",
    "check",
    "queue",
    "schedule",
    "worker",
    "process",
    "colour",
    "meeting",
    "origin",
    "turn",
    *MACHINE,
    "pattern",
}
NAMED |= {"upstream", "webhook", "payment", "secret", "cache"}


def ago(seconds: float) -> Callable[[Any], Any]:
    """An instant that is always so long ago, as that of a job that is the oldest time and again."""
    return lambda now: now - timedelta(seconds=seconds)


def verdict(code: str, level: str = "bad") -> dict[str, Any]:
    return {"verdict": {"level": level, "code": code, "why": "so"}}


class Thing(NamedTuple):
    """An entity with these facts; what can be called is told the time."""

    kind: str
    facts: dict[str, Any] = {}
    ref: str = ""

    def at(self, now: Any) -> base.Entity:
        ref = self.ref or f"{SOURCES[self.kind]}/{self.kind}/blue"
        facts = {k: v(now) if callable(v) else v for k, v in self.facts.items()}
        name = {"name": ref.rsplit("/", 1)[1]} if self.kind in NAMED else {}
        made = {"ref": ref, **name, **LEAST[self.kind], **facts}
        return base.KINDS[self.kind].model_validate(made)


SOURCES = {
    "source": "core",
    "check": "backend",
    "cache": "backend",
    "queue": "huey",
    "schedule": "huey",
    "worker": "huey",
    "postgres": "pg",
    "session": "pg",
    "node": "redis",
    "process": "stack",
    "colour": "deploy",
    "pattern": "logs",
    **dict.fromkeys(MACHINE, "host"),
    "upstream": "upstreams",
    "webhook": "upstreams",
    "payment": "upstreams",
    "secret": "upstreams",
    "heartbeat": "core",
    "meeting": "meetings",
    "origin": "meetings",
    "turn": "meetings",
    "group": "huey",
}


class Case(NamedTuple):
    """What is there, and a metric's values over the last hour, oldest first, evenly spread."""

    things: tuple[Thing, ...]
    metrics: Mapping[str, list[float]] = {}


def one(kind: str, metrics: Mapping[str, list[float]] | None = None, **facts: Any) -> Case:
    return Case((Thing(kind, facts),), metrics or {})


class Seen(recorded.View):
    """A view of sources that all answer."""

    def has(self, source: str) -> bool:
        return True

    answers = has


def history(case: Case) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Its points, each as many seconds before now as it is."""

    def of(metric: str) -> str:
        kind = measured.METRICS[metric].kind
        return next(each for each in case.things if each.kind == kind).at(recorded.T0).ref

    return {
        (metric, of(metric)): [(n * 15.0 - 15.0 * len(values), v) for n, v in enumerate(values, 1)]
        for metric, values in case.metrics.items()
    }
