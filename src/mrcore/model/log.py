"""Log streams (a file, or the output of one process) and their lines."""

from __future__ import annotations

from enum import StrEnum

from mrcore.model.base import Entity, Frozen, Instant, Ref


class LogLevel(StrEnum):
    """A line's level; `none` where it does not say."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    NONE = "none"


class NotableLine(Frozen):
    """A warning or error worth showing on the home screen."""

    at: Instant | None = None
    level: LogLevel = LogLevel.NONE
    stream: str
    text: str
    ref: Ref = ""


class LogStream(Entity):
    """One followed file; sizes and line counts are points, `rotated_at` says when it began anew."""

    KIND = "stream"

    name: str
    path: str = ""
    state: str = "following"
    rotated_at: Instant | None = None
    last_line_at: Instant | None = None
    notable: tuple[NotableLine, ...] = ()


class LogPattern(Entity):
    """What lines are counted for: `expr` fits them; in which stream and when one did last.

    How many and how often are points.
    """

    KIND = "pattern"

    name: str
    expr: str
    matched_at: Instant | None = None
    stream: Ref = ""


class LogLine(Entity):
    """One line of a stream: `offset` is its first byte; `inferred` when the level was guessed."""

    KIND = "line"

    stream: str
    offset: int
    at: Instant | None = None
    level: LogLevel = LogLevel.NONE
    inferred: bool = False
    text: str
    folded: int = 0
