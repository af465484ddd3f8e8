"""Log lines: when, how bad, from where, what."""

from __future__ import annotations

import re

from mrcore.model import log
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View

GLYPHS = {
    log.LogLevel.ERROR: "✖",
    log.LogLevel.WARN: "▲",
    log.LogLevel.INFO: " ",
    log.LogLevel.DEBUG: "·",
    log.LogLevel.NONE: " ",
}
TONES: dict[log.LogLevel, Style] = {
    log.LogLevel.ERROR: "bad",
    log.LogLevel.WARN: "warn",
    log.LogLevel.DEBUG: "dim",
}


_PREFIX = re.compile(
    r"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?Z| ?UTC|[+-]\d\d:?\d\d)?\]?\s+"
    r"(?:\[?(?:DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL)\]?:?\s+)?"
)


def said(text: str) -> str:
    """A line without the time and level in front of it: they have their own columns."""
    return _PREFIX.sub("", text, count=1) or text


_LOGGER = re.compile(r"\[([A-Za-z][\w.:-]{1,40})\] +(?=\S)")


def named(stream: str, text: str) -> tuple[str, str]:
    """Who says it and what: the logger in front of a line is its name, else its stream's."""
    words = said(text)
    logger = _LOGGER.match(words)
    return (logger[1], words[logger.end() :]) if logger else (stream, words)


def cells(entity: log.LogLine, view: View) -> tuple[Cell, ...]:
    tone = TONES.get(entity.level, "")
    name, text = named(entity.stream, entity.text)
    folded = f" (+{entity.folded} lines)" if entity.folded else ""
    return (
        Cell(fmt.clock(entity.at), "dim"),
        Cell(GLYPHS[entity.level], tone),
        Cell(name, "accent"),
        Cell(text + folded, tone),
    )


TABLE = Table(
    columns=(
        Column("at", 8, keep=5),
        Column("", 1),
        Column("stream", 12, keep=4),
        Column("text"),
    ),
    cells=cells,
    label=lambda entity: f"{entity.stream}:{entity.offset}",
    orders=(("as written", lambda entity, view: 0),),
)
