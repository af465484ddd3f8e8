"""Schedules as the settings declare them, held against what RQ has. Pure.

A cron job is known by its name, a job that repeats by its id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mrcore.model import base, queue, ref
from mrcore.sources.engine import declared

_CRON = "a cron job lives in the code of its scheduler: start that, or declare it there"
_NO_JOB = "the settings do not say its job, the function that it shall call"
_NO_ID = "its name is no id of a job: RQ takes letters, digits, _ and -"
_ID = re.compile(r"[A-Za-z0-9_-]+")


def against(
    source: str,
    rows: Iterable[queue.Schedule],
    should: declared.Schedules,
    may: tuple[base.ActionId, ...],
) -> list[queue.Schedule]:
    """The rows with what is declared of them, and those that are missing."""
    found = {(row.queue, _name(row)): row for row in rows}
    for name, wanted in should.items():
        key = (wanted.queue, name)
        row = found.get(key)
        found[key] = _missing(source, name, wanted, may) if row is None else _held(row, wanted, may)
    return list(found.values())


def at(source: str, name: str, wanted: declared.Schedule) -> base.Ref:
    """Where one that is declared is, or would be."""
    own = name if wanted.cron else f"repeat:{wanted.queue}:{name}"
    return ref.make(source, "schedule", own)


def refusal(name: str, wanted: declared.Schedule) -> str:
    """Why one that is missing cannot be registered, or ''."""
    if wanted.cron:
        return _CRON
    if not wanted.job:
        return _NO_JOB
    return "" if _ID.fullmatch(name) else _NO_ID


def _name(row: queue.Schedule) -> str:
    own = ref.parse(row.ref).id
    return own.removeprefix(f"repeat:{row.queue}:")


def _held(
    row: queue.Schedule, wanted: declared.Schedule, may: tuple[base.ActionId, ...]
) -> queue.Schedule:
    """RQ reads cron lines in UTC."""
    line = "" if row.declared.startswith("every ") else row.declared
    zone = "" if wanted.tz == "UTC" else wanted.tz
    same = (line, row.interval_s if not line else None) == (wanted.cron, wanted.every_s)
    words = {"declared": wanted.words}
    if same and not zone:
        return row.model_copy(update=words)
    registered = row.declared.partition(",")[0] if not line else f"{line} UTC"
    verdict = (
        row.verdict if row.verdict.code == "overdue" else declared.off(wanted.words, registered)
    )
    repeats = ref.parse(row.ref).id.startswith("repeat:") and not wanted.cron
    actions = (*row.actions, *(may if repeats else ()))
    return row.model_copy(update={**words, "verdict": verdict, "actions": actions})


def _missing(
    source: str, name: str, wanted: declared.Schedule, may: tuple[base.ActionId, ...]
) -> queue.Schedule:
    why = refusal(name, wanted)
    return queue.Schedule(
        ref=at(source, name, wanted),
        verdict=declared.missing(wanted, why),
        actions=() if why else may,
        engine="rq",
        name=name,
        queue=wanted.queue,
        job=wanted.job.rpartition(".")[2],
        declared=wanted.words,
        interval_s=wanted.every_s,
        registered=0,
    )
