"""What the reader says, as entities and details."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mrcore.model import base, log, ref, wire

Row = Mapping[str, Any]


def instant(seconds: float | None) -> datetime | None:
    """An instant of seconds since the epoch; None for what is none."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def line(source: str, row: Row) -> log.LogLine:
    """One line of a page."""
    return log.LogLine(
        ref=ref.make(source, "line", row["stream"], row["id"]),
        stream=row["stream"],
        offset=row["offset"],
        at=instant(row.get("at")),
        level=log.LogLevel(row.get("level", "none")),
        inferred=row.get("inferred", False),
        text=row["text"],
        folded=row.get("folded", 0),
    )


def stream(source: str, row: Row) -> log.LogStream:
    """One stream of a sample."""
    name = row["name"]
    return log.LogStream(
        ref=ref.make(source, "stream", name),
        verdict=_verdict(row["problem"]) if row["problem"] else base.OK,
        name=name,
        path=row["path"],
        state=row["state"],
        rotated_at=instant(row["rotated_at"]),
        last_line_at=instant(row["last_line_at"]),
        notable=tuple(
            log.NotableLine(
                at=instant(one["at"]),
                level=log.LogLevel(one["level"]),
                stream=name,
                text=one["text"],
                ref=ref.make(source, "line", name, one["id"]),
            )
            for one in row["notable"]
        ),
    )


def folder(source: str, path: str, problem: Row) -> log.LogStream:
    """A folder that cannot be looked into, where a stream of it would stand."""
    return log.LogStream(
        ref=ref.make(source, "folder", path),
        verdict=_verdict(problem),
        name=path,
        path=path,
        state="waiting",
    )


def left_out(source: str, path: str, count: int) -> log.LogStream:
    """Files that are not followed because there are too many."""
    why = f"{count:,} more files are not followed; name the ones that matter in `files`."
    return log.LogStream(
        ref=ref.make(source, "folder", path, "more"),
        verdict=base.Verdict(level=base.Level.UNKNOWN, code="too_many", why=why),
        name=f"{count:,} more",
        path=path,
        state="waiting",
    )


def line_detail(source: str, at: datetime, found: Row) -> wire.Detail:
    """One line whole."""
    entity = line(source, found["row"])
    fields = [
        wire.Field(
            name="stream", value=entity.stream, ref=ref.make(source, "stream", entity.stream)
        ),
        wire.Field(name="written", at=entity.at) if entity.at else None,
        wire.Field(name="level", value=entity.level + (" (inferred)" if entity.inferred else "")),
        wire.Field(name="line", value=found["number"]) if found["number"] else None,
        wire.Field(name="offset", value=entity.offset),
        wire.Field(name="bytes", value=found["bytes"]),
    ]
    form = "trace" if entity.folded else "text"
    sections = [
        wire.Section(id="text", title="Text", form=form, text=found["whole"]),
        wire.Section(id="where", title="Where", fields=tuple(f for f in fields if f is not None)),
    ]
    if found["json"] is not None:
        sections.insert(1, wire.Section(id="json", title="JSON", form="json", data=found["json"]))
    links = (wire.Link(label="its stream", ref=ref.make(source, "stream", entity.stream)),)
    return wire.Detail(at=at, entity=entity, sections=tuple(sections), links=links)


def stream_detail(source: str, at: datetime, found: Row) -> wire.Detail:
    """One stream with its files, the current one last."""
    entity = stream(source, found["stream"])
    lines = f"{found['lines']:,}" + ("" if found["counted"] else " so far, still counting")
    facts = (
        wire.Field(name="path", value=entity.path),
        wire.Field(name="state", value=entity.state),
        wire.Field(name="bytes", value=found["stream"]["size"]),
        wire.Field(name="lines", value=lines),
        *([wire.Field(name="rotated", at=entity.rotated_at)] if entity.rotated_at else []),
    )
    files = tuple(
        wire.Field(
            name=f"{one['id']} {one['born']}".strip(),
            value=f"{one['size']:,} bytes",
            at=instant(one["grew_at"]),
        )
        for one in found["generations"]
    )
    notable = "\n".join(one.text for one in entity.notable)
    sections = (
        wire.Section(id="facts", title="Facts", fields=facts),
        wire.Section(id="files", title="Readable files, oldest first", fields=files),
        wire.Section(id="notable", title="Last warnings and errors", form="text", text=notable),
    )
    return wire.Detail(at=at, entity=entity, sections=sections)


def _verdict(problem: Row) -> base.Verdict:
    why = f"{problem['sentence']} {problem['fix']}".rstrip()
    return base.Verdict(level=base.Level.UNKNOWN, code=problem["code"], why=why)
