"""Recordings of what rules are asked: a gzip of JSON lines, written and read.

The first line says of when it is, and at which time scale; each further one is of an instant, and
says when that is; which sources were sampled last before it, and when (null: then); what came and
went (a row's fields that differ; null where one is as it is usually), and what was measured. What
has not changed is not said again.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mrcore.model import base

Rows = dict[base.Ref, dict[str, Any]]
Points = dict[tuple[str, base.Ref], float]


class Frame(NamedTuple):
    """What was so at an instant: of each source when it was sampled; rows and points of all."""

    at_s: float
    sampled: dict[str, float]
    rows: Rows
    points: Points


class Lines:
    """Frames as lines: each says what is not as it was in the one before."""

    def __init__(self) -> None:
        self._before = Frame(0, {}, {}, {})

    def line(self, frame: Frame) -> str:
        """The next one."""
        old, self._before = self._before, frame
        was, is_ = _late(old), _late(frame)
        at = {name: at_s for name, at_s in is_.items() if name not in was or was[name] != at_s}
        rows = {ref: _differing(row, old.rows.get(ref, {})) for ref, row in frame.rows.items()}
        fresh: dict[str, Any] = {ref: fields for ref, fields in rows.items() if fields}
        fresh |= dict.fromkeys(old.rows.keys() - frame.rows.keys())
        fresh |= {" ".join(key): None for key in old.points.keys() - frame.points.keys()}
        for key, value in frame.points.items():
            if old.points.get(key) != value:
                fresh[" ".join(key)] = value
        return json.dumps([frame.at_s, at, fresh], separators=(",", ":"))


def _late(frame: Frame) -> dict[str, float | None]:
    """When each source was sampled; None of those that were just then."""
    at = frame.at_s
    return {name: at_s if at_s != at else None for name, at_s in frame.sampled.items()}


def _differing(row: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What of a row is not as it was; null where it is as usual now."""
    if row is before:
        return {}
    gone = dict.fromkeys(name for name in before if name not in row)
    return {**{k: v for k, v in row.items() if k not in before or before[k] != v}, **gone}


def write(into: Path, head: Mapping[str, Any], frames: Iterable[Frame]) -> None:
    """Write a whole recording; with the same content the file has the same bytes."""
    lines = Lines()
    with into.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        out.write((json.dumps(head, separators=(",", ":")) + "\n").encode())
        for frame in frames:
            out.write((lines.line(frame) + "\n").encode())


def head(path: Path) -> dict[str, Any]:
    """The first line."""
    with gzip.open(path, "rt") as lines:
        found = json.loads(next(lines))
    assert isinstance(found, dict)
    return found


def frames(path: Path, every: int = 1) -> Iterator[Frame]:
    """What was recorded, of every so many lines one."""
    late: dict[str, float | None] = {}
    rows: Rows = {}
    points: Points = {}
    with gzip.open(path, "rt") as lines:
        next(lines)
        for number, line in enumerate(lines):
            now_s, at, fresh = json.loads(line)
            late.update(at)
            for key, value in fresh.items():
                _apply(rows, points, key, value)
            if number % every == 0 and late:
                sampled = {name: now_s if at is None else at for name, at in late.items()}
                yield Frame(now_s, sampled, dict(rows), dict(points))


def _apply(rows: Rows, points: Points, key: str, value: Any) -> None:
    metric, _, of = key.rpartition(" ")
    if metric:
        points.pop((metric, of), None)
        if value is not None:
            points[metric, of] = value
    elif value is None:
        rows.pop(key, None)
        for gone in [each for each in points if each[1] == key]:
            del points[gone]
    else:
        both = rows.get(key, {}) | value
        rows[key] = {name: one for name, one in both.items() if one is not None}
