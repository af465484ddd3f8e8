"""The source `logs`: a stream a file, lines page by page."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, field_validator

from mrcore import redact, settings
from mrcore.model import base as types
from mrcore.model import plans, ref, wire
from mrcore.sources import base
from mrcore.sources.logs import child, patterns, rates, rows

COLLECTION = "lines"
ALL = "*"


class Settings(settings.SourceSettings):
    """Which files: a folder, paths and globs, or both."""

    kind: str = "logs"
    folder: str = Field(default="", description="every *.log file in it, new ones too; no links")
    files: tuple[str, ...] = Field(default=(), description="paths and globs; links are followed")
    names: dict[str, str] = Field(default={}, description="a stream's name by its path")
    patterns: dict[str, str] = Field(
        default={},
        validate_default=True,
        description="regular expressions by name (RE2, case does not matter): lines that fit one "
        "are counted, and rules ask log.rate and log.match; some ship",
    )

    @field_validator("patterns")
    @classmethod
    def _fit(cls, given: dict[str, str]) -> dict[str, str]:
        return patterns.checked(given)


def open_source(name: str, settings: Settings, *, now: base.Now) -> LogsSource:
    """The source `name`; starts nothing before it is entered."""
    return LogsSource(name, settings, now=now)


class LogsSource(base.SourceBase):
    """Streams as entities; lines by `page`, newest or oldest first, of one stream or of all.

    The cursor of a page leads back to older lines; with `wait_s` it leads on to new ones. A line
    that comes again under the same ref replaces the one before: something was folded into it.
    """

    def __init__(self, name: str, settings: Settings, *, now: base.Now) -> None:
        super().__init__(name, now=now)
        self._settings = settings
        self._child = child.Child(self._watched)
        self._rates = rates.Rates()
        self._counts = patterns.Counts(name, settings.patterns)

    @property
    def reader_pid(self) -> int | None:
        """Process id of the log reader, while there is one."""
        return self._child.pid

    async def __aenter__(self) -> Self:
        self._child.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._child.stop()

    def describe(self) -> wire.Description:
        return wire.Description(
            kinds=("stream", "pattern"),
            collections=(COLLECTION,),
            capabilities=(
                "follows files through rename, truncation and absence",
                "filters lines by regular expression and by level",
                f"merges all streams by time: {ref.make(self.name, 'stream', ALL)}",
                "hides secrets and what tells of a person",
            ),
        )

    async def sample(self) -> wire.Sample:
        answer = await self._child.ask("sample")
        problem, streams = answer["problem"], answer["streams"]
        if problem and not streams:
            raise child.error_of(problem)
        entities = [rows.stream(self.name, row) for row in streams]
        if problem:
            entities.append(rows.folder(self.name, self._settings.folder, problem))
        if answer["too_many"]:
            entities.append(rows.left_out(self.name, self._settings.folder, answer["too_many"]))
        at = self.now()
        measured = self._rates.since(self._child.started, at.timestamp(), streams)
        points = [
            wire.Point(metric=metric, ref=entity.ref, at=at, value=value)
            for entity, row in zip(entities, streams, strict=False)
            for metric, value in {
                "log.size_bytes": float(row["size"]),
                **measured.get(row["name"], {}),
            }.items()
        ]
        found, counted = self._counts.since(self._child.started, at, streams)
        return wire.Sample(at=at, entities=(*entities, *found), points=(*points, *counted))

    async def page(
        self,
        ref: types.Ref,
        collection: str,
        query: plans.Query,
        cursor: str | None,
        wait_s: float,
    ) -> wire.Page:
        ids = self._ids(ref, "stream", 1)
        if ids is None or collection != COLLECTION:
            raise self._unsupported(f"collection {collection!r} of {ref}")
        answer = await self._child.ask(
            "page",
            wait_s=wait_s,
            stream=ids[0],
            text=query.text,
            level=query.level,
            limit=query.limit,
            order=query.order,
            cursor=cursor,
        )
        found = answer["rows"]
        if wait_s and query.order == "newest":
            found.reverse()  # who follows reads on: the oldest first
        return wire.Page(
            at=self.now(),
            rows=tuple(rows.line(self.name, row) for row in found),
            cursor=answer["cursor"],
            looked=wire.Looked(
                scanned=answer["scanned"], total=answer["total"], complete=answer["complete"]
            ),
        )

    async def detail(self, ref: types.Ref) -> wire.Detail:
        if (ids := self._ids(ref, "stream", 1)) is not None and ids[0] != ALL:
            found = await self._child.ask("stream", stream=ids[0])
            return rows.stream_detail(self.name, self.now(), found)
        if (ids := self._ids(ref, "pattern", 1)) is not None:
            return self._counts.detail(ids[0], self.now())
        if (ids := self._ids(ref, "line", 2)) is not None:
            found = await self._child.ask("line", stream=ids[0], line_id=ids[1])
            return rows.line_detail(self.name, self.now(), found)
        raise self._unsupported(f"detail of {ref}")

    def _watched(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "folder": settings.folder,
            "files": list(settings.files),
            "names": settings.names,
            "patterns": settings.patterns,
            "redact": redact.key().hex(),
        }

    def _ids(self, address: types.Ref, kind: str, count: int) -> tuple[str, ...] | None:
        """The ids of a ref of ours of this kind, or None when it is another."""
        try:
            parsed = ref.parse(address)
            ids = tuple(one.decode() for one in parsed.ids)
        except ValueError:
            return None
        fits = parsed.source == self.name and parsed.kind == kind and len(ids) == count
        return ids if fits else None
