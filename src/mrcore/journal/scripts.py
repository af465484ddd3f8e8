"""The journal's writes: each a Lua script of `lua/`, atomic, with the same four keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import redis

from mrcore.journal import keys

Value = str | bytes | int | float
"""What Redis takes as an argument."""


@cache
def text(name: str) -> str:
    """A script with the shared part in front."""
    folder = Path(__file__).with_name("lua")
    return (folder / "lib.lua").read_text() + (folder / f"{name}.lua").read_text()


@cache
def sha(name: str) -> str:
    """What EVALSHA calls the script."""
    return hashlib.sha1(text(name).encode(), usedforsecurity=False).hexdigest()


def flat(fields: Mapping[str, Value | None]) -> Iterable[Value]:
    """Fields as field, value, …; None is left out."""
    for field, value in fields.items():
        if value is not None:
            yield field
            yield value


def stamp(epoch_s: float) -> str:
    """An instant as the journal writes it: epoch seconds to the microsecond."""
    return f"{epoch_s:.6f}"


class Place:
    """A queue as scripts see it: the journal's keys and huey's own list and schedule."""

    def __init__(self, queue: keys.Queue, waiting: str, schedule: str) -> None:
        self.queue = queue
        self.waiting = waiting
        self.schedule = schedule
        self.keys = (queue.base, waiting, schedule, queue.root.base)

    def arguments(
        self, job_id: str, now_s: float, *rest: Value, server: bool = False
    ) -> tuple[Value, ...]:
        """Keys and arguments of a call, after the number of keys; `server`: by Redis' clock."""
        now = f"~{stamp(now_s)}" if server else stamp(now_s)
        return (*self.keys, self.queue.name, job_id, now, *rest)


def call(
    conn: redis.Redis,
    name: str,
    place: Place,
    job_id: str,
    now_s: float,
    *rest: Value,
    server: bool = False,
) -> Any:
    """Run a script; it is loaded when the server does not know it (any more).

    `server`: by the clock of Redis, if the login may ask for it, instead of `now_s`.
    """
    arguments = place.arguments(job_id, now_s, *rest, server=server)
    try:
        return conn.evalsha(sha(name), len(place.keys), *arguments)
    except redis.exceptions.NoScriptError:
        return conn.eval(text(name), len(place.keys), *arguments)
