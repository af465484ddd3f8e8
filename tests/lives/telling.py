"""What is told of a job: by a source of ours, through its pages and details."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mrcore.model import plans, queue, ref, wire
from mrcore.sources import base as source_base
from tests import waiting

_TYPE = re.compile(r"^\w*(Error|Refused): ")


@dataclass(frozen=True)
class Told:
    """A job's state, its attempts, and the traces of those that failed, the newest first."""

    state: str
    attempts: int
    error: str
    traces: tuple[str, ...]


def bare(error: str) -> str:
    """Without the type: Python's traces end with it, Node keeps the message alone."""
    return _TYPE.sub("", error)


async def the_queue(source: source_base.Source, name: str) -> queue.Queue:
    """A queue of the next sample that has it: discovery may still be under way."""

    async def there() -> list[queue.Queue]:
        entities = (await source.sample()).entities
        return [e for e in entities if isinstance(e, queue.Queue) and e.name == name]

    return (await waiting.until(there, what=f"the queue {name}"))[0]


async def ids(source: source_base.Source, name: str, state: str) -> list[str]:
    """The jobs of a state, a page after the other."""
    owner, cursor, found = ref.make(source.name, "queue", name), None, list[str]()
    while True:
        query = plans.Query(state=state, limit=100)
        page = await source.page(owner, "jobs", query, cursor, 0)
        found += [row.id for row in page.rows if isinstance(row, queue.Job)]
        cursor = page.cursor
        if cursor is None:
            return found


async def told(source: source_base.Source, name: str, job_id: str) -> Told:
    """What the detail of a job tells."""
    return of_detail(await source.detail(ref.make(source.name, "job", name, job_id)))


def of_detail(detail: wire.Detail) -> Told:
    """The same, of a detail that somebody has."""
    row = detail.entity
    assert isinstance(row, queue.Job)
    traces = tuple(one.text for one in detail.sections if one.form == "trace" and one.text)
    return Told(row.state.value, row.attempts, row.error, traces)


async def groups(source: source_base.Source, name: str) -> Mapping[str, int]:
    """How many failed alike, by what they have in common."""
    owner = ref.make(source.name, "queue", name)
    page = await source.page(owner, "groups", plans.Query(), None, 0)
    rows = [row for row in page.rows if isinstance(row, queue.FailureGroup)]
    return {bare(row.title): row.jobs for row in rows}
