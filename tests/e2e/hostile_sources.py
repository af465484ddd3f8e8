"""Sources whose every answer is hostile: entities, pages, details, plans, errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any, Self

from mrcore import errors
from mrcore.model import base as model
from mrcore.model import plans, ref, wire
from mrcore.sources import base
from tests.e2e import hostile_rows


class Rows:
    """The same entities as long as the same is served: what nobody changed costs nothing."""

    def __init__(self, served: hostile_rows.Served, make: hostile_rows.Make) -> None:
        self._served = served
        self._make = make
        self._of = ("", "")
        self._made: tuple[model.Entity, ...] = ()

    def at(self, now: datetime) -> tuple[model.Entity, ...]:
        """The entities of this round, made when they are first asked for."""
        served = self._served
        if self._of != (served.mark, served.huge):
            self._of = (served.mark, served.huge)
            self._made = self._make(served, now)
        return self._made


class Hostile(base.SourceBase):
    """Reports every kind of entity; what it is asked for is as hostile."""

    def __init__(self, served: hostile_rows.Served, *, now: base.Now = base.utc_now) -> None:
        super().__init__(hostile_rows.NAME, now=now)
        self.served = served
        self._rows = Rows(served, hostile_rows.everything)

    def describe(self) -> wire.Description:
        return wire.Description(
            kinds=(self.served.one(), "queue"),
            collections=("jobs", "keys", "lines"),
            actions=("job.remove", "deploy.switch", "key.delete", "job.reveal"),
            capabilities=(self.served.one(),),
        )

    async def sample(self) -> wire.Sample:
        return wire.Sample(at=self.now(), entities=self._rows.at(self.now()))

    async def page(
        self, ref: str, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        if cursor is not None:
            await asyncio.sleep(wait_s)
            return wire.Page(at=self.now(), cursor=cursor)
        make = {
            "jobs": hostile_rows.job_row,
            "keys": hostile_rows.key_row,
            "lines": hostile_rows.line_row,
        }[collection]
        rows = [make(self.served, n, text, self.now()) for n, text in self.served.rows()]
        if collection == "jobs" and query.text:
            raise errors.BadRequest(f"{self.served.mark} {self.served.texts[0]}")
        end = "end" if collection == "lines" else None
        return wire.Page(at=self.now(), rows=tuple(rows[: query.limit]), cursor=end)

    async def detail(self, address: str) -> wire.Detail:
        known = ref.parse(address)
        if known.kind == "job":
            found: model.Entity = hostile_rows.job_row(
                self.served, 0, self.served.texts[0], self.now()
            )
            found = found.model_copy(update={"ref": address})
        else:
            sample = await self.sample()
            found = next((e for e in sample.entities if e.ref == address), sample.entities[0])
        return wire.Detail(
            at=self.now(), entity=found, sections=tuple(self._sections()), links=self._links()
        )

    def _sections(self) -> Iterator[wire.Section]:
        served = self.served
        rows = served.rows()
        fields = [
            wire.Field(name=f"{served.mark} {served.one()[:20]}", value=text) for _, text in rows
        ]
        yield wire.Section(id="timings", title=f"timings {served.one()}", fields=tuple(fields))
        data = {served.one(): text for _, text in rows}
        yield wire.Section(id="payload", title=served.one(), form="json", data=data)
        trace = "\n".join(f"{served.mark} {served.first(n, text)}" for n, text in rows)
        head = 'Traceback (most recent call last):\n  File "/x/\x1b[2J.py", line 1, in [/oops]\n'
        yield wire.Section(id="attempt/2", title=served.one(), form="trace", text=trace)
        yield wire.Section(id="attempt/1", title=served.one(), form="trace", text=head + trace)
        yield wire.Section(id="text", title=served.one(), form="text", text=trace)

    def _links(self) -> tuple[wire.Link, ...]:
        return tuple(
            wire.Link(label=self.served.one(), ref=hostile_rows.ref_of("job", self.served.one()))
            for _ in range(20)
        )

    async def plan(
        self, action: str, selection: plans.Selection, args: plans.Args, progress: base.Progress
    ) -> AsyncIterator[base.Planned]:
        served = self.served
        if served.refuses:
            raise errors.BadRequest(f"{served.mark} {served.texts[0]}", fix=served.one())
        for number, address in enumerate(selection.refs):
            guard = {served.one(): served.one(), "state": "failed"}
            text = served.texts[number % len(served.texts)]
            yield plans.Target(ref=address, label=text, guard=guard, note=served.one())
        for place in range(10):
            yield plans.LeftOut(
                why=served.texts[place], count=2, samples=(hostile_rows.ref_of("job", "x"),)
            )
        for text in served.texts[10:20]:
            yield plans.Remark(text=text)
        for text in served.texts[20:30]:
            yield plans.Remark(text=f"{served.mark} {text}", level=model.Level.WARN)

    async def apply(
        self, action: str, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        why = f"{self.served.mark} {self.served.texts[0]}"
        return [
            plans.TargetOutcome(ref=t.ref, outcome=plans.Outcome.FAILED, why=why) for t in chunk
        ]

    async def reveal(self, ref: str) -> wire.Detail:
        return await self.detail(ref)


class Himself:
    """The core's own source, whose answers are hostile, too; the acts behind it are the real."""

    name = "core"

    def __init__(self, real: base.Source, served: hostile_rows.Served) -> None:
        self._real = real
        self._served = served
        self._rows = Rows(served, hostile_rows.own)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def __aenter__(self) -> Self:
        await self._real.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._real.__aexit__(*exc)

    async def sample(self) -> wire.Sample:
        found = await self._real.sample()
        kept = [hostile_rows.armed(e, self._served) for e in found.entities]
        return found.model_copy(update={"entities": (*kept, *self._rows.at(found.at))})

    async def page(
        self, ref: str, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        make = {
            "audit": hostile_rows.audit_row,
            "operations": hostile_rows.operation_row,
            "tokens": hostile_rows.token_row,
        }[collection]
        now = base.utc_now()
        if wait_s or cursor:
            await asyncio.sleep(wait_s)
            return wire.Page(at=now, cursor=cursor)
        rows = [make(self._served, n, text, now) for n, text in self._served.rows()]
        return wire.Page(at=now, rows=tuple(rows[: query.limit]))

    async def detail(self, address: str) -> wire.Detail:
        return await self._real.detail(address)
