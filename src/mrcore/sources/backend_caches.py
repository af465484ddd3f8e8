"""Caches of dashboards: how old they are and whether they are right, as the backend says itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta

import httpx
import pydantic

from mrcore.model import backend, base, ref, wire
from mrcore.sources import base as source_base

AHEAD = timedelta(seconds=5)
"""Computed so much later than now is by a clock that is wrong."""

_MOST_BYTES = 64 * 1024
_MOST = 100
_AHEAD = base.Verdict(
    level=base.Level.WARN, code="ahead", why="computed later than now: its writer's clock is wrong"
)
_WRONG = base.Verdict(
    level=base.Level.WARN, code="wrong", why="it is not what the database says of then"
)


class Row(pydantic.BaseModel):
    """One cache that is there."""

    name: str = pydantic.Field(min_length=1, max_length=100)
    computed_at: pydantic.AwareDatetime | None = pydantic.Field(default=None, alias="computedAt")
    equal: bool | None = None


class Told(pydantic.BaseModel):
    """The answer."""

    caches: list[Row] = pydantic.Field(max_length=_MOST)


class Caches:
    """Asks one URL, seldom: each answer costs the backend a statement for each cache."""

    def __init__(
        self, source: str, url: str, every_s: float, answer_s: float, *, now: source_base.Now
    ) -> None:
        self._source = source
        self.url = url
        self._every_s = every_s
        self._answer_s = answer_s
        self._now = now
        self._asked_s: float | None = None
        self._told: tuple[Row, ...] = ()
        self._why = ""
        self.asking: asyncio.Task[None] | None = None

    def ask(self, client: httpx.AsyncClient) -> asyncio.Task[None] | None:
        """The question, when it is time for one or one is open."""
        if not self.url:
            return None
        if self.asking is not None and not self.asking.done():
            return self.asking
        if self._asked_s is not None and time.monotonic() - self._asked_s < self._every_s:
            return None
        self._asked_s = time.monotonic()
        self.asking = asyncio.create_task(self._hear(client))
        return self.asking

    def rows(self) -> Sequence[backend.Cache]:
        """Every cache that was told of last; while nobody tells, nothing is known of them."""
        return tuple(map(self._row, self._told))

    def _row(self, row: Row) -> backend.Cache:
        address = ref.make(self._source, "cache", row.name)
        if self._why:
            unknown = base.Verdict(level=base.Level.UNKNOWN, code="no_answer", why=self._why)
            return backend.Cache(ref=address, name=row.name, verdict=unknown)
        verdict = base.OK if row.equal is not False else _WRONG
        if row.computed_at is not None and row.computed_at > self._now() + AHEAD:
            verdict = _AHEAD
        return backend.Cache(
            ref=address,
            name=row.name,
            computed_at=row.computed_at,
            equal=row.equal,
            verdict=verdict,
        )

    def detail(self, of: base.Ref) -> wire.Detail | None:
        """One cache, if there is such a one."""
        found = next((row for row in self.rows() if row.ref == of), None)
        if found is None:
            return None
        fields = (
            wire.Field(name="computed", at=found.computed_at),
            wire.Field(name="is what the database says", value=found.equal),
        )
        section = wire.Section(id="cache", title="Cache", fields=fields)
        return wire.Detail(at=self._now(), entity=found, sections=(section,))

    async def _hear(self, client: httpx.AsyncClient) -> None:
        try:
            async with asyncio.timeout(self._answer_s):
                self._told, self._why = await self._get(client), ""
        except TimeoutError:
            self._why = f"no answer within {self._answer_s:g} s"
        except httpx.HTTPError as error:
            self._why = f"it does not answer ({type(error).__name__})"
        except httpx.InvalidURL:
            self._why = "its URL cannot be used"
        except (ValueError, RecursionError):  # a body that is none: pydantic's are of these
            self._why = "its answer is not understood"

    async def _get(self, client: httpx.AsyncClient) -> tuple[Row, ...]:
        raw = b""
        async with client.stream("GET", self.url) as response:
            async for part in response.aiter_bytes():
                raw += part
                if len(raw) > _MOST_BYTES:
                    break
        if response.status_code != 200:
            raise httpx.HTTPError(str(response.status_code))
        return tuple(Told.model_validate(source_base.parse_json(raw)).caches)
