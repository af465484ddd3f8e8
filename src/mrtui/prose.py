"""A detail as lines of cells: fields aligned, JSON indented, traces as they were. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from mrcore.model import wire
from mrtui import traces
from mrtui.columns import fmt
from mrtui.terminal import safe_text
from mrtui.widgets import cells, fitting

Line = tuple[cells.Cell, ...]

LONGEST_NAME = 18
DAY_S = 86_400

FOLDED_FROM = 30
"""A JSON with fewer lines is shown whole."""

FOLDED_DEPTH = 2
"""From this depth on, objects and lists are folded."""


def section(part: wire.Section, now: datetime) -> list[Line]:
    """The lines of one section, without its title."""
    if part.form == "fields":
        return _fields(part.fields, now)
    if part.form == "json":
        return [_json_line(line) for line in _pretty(part.data)]
    text = part.text if part.text or part.data is None else "\n".join(_pretty(part.data))
    return [_trace_line(line) if part.form == "trace" else _plain(line) for line in _split(text)]


def folded(part: wire.Section, now: datetime) -> list[Line]:
    """A trace without the frames of libraries; what is no trace of Python's as it is."""
    found = traces.folded(part.text) if part.form == "trace" else []
    if not found:
        return section(part, now)
    return [
        tuple(cells.Cell(safe_text.safe_text(cell.text), cell.style) for cell in line)
        for line in found
    ]


def outlined(part: wire.Section) -> list[Line]:
    """JSON with what is deep or long folded: `"items": [ → 40 lines`."""
    lines = _pretty(part.data)
    if len(lines) <= FOLDED_FROM:
        return [_json_line(line) for line in lines]
    made: list[Line] = []
    hidden, inside = 0, ""
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if inside and not (depth == len(inside) and line.lstrip()[:1] in "]}"):
            hidden += 1
        elif inside:
            fold = cells.Cell(f" → {hidden} lines {line.lstrip()}", "accent")
            made[-1] = (*made[-1], fold)
            hidden, inside = 0, ""
        else:
            made.append(_json_line(line))
            deep = depth >= FOLDED_DEPTH * 2 and line.endswith(("[", "{"))
            inside = " " * depth if deep else ""
    return made


def titled(part: wire.Section, now: datetime, width: int) -> list[Line]:
    """A section under its title, with an empty line after it."""
    return [heading(part.title, width), *section(part, now), ()]


def heading(title: str, width: int) -> Line:
    """A title with a rule that fills the line."""
    rule = "─" * max(0, width - len(title) - 1)
    return (cells.Cell(safe_text.safe_text(title), "strong"), cells.Cell(f" {rule}", "dim"))


def wrap(lines: Sequence[Line], width: int) -> list[Line]:
    """Lines that are too long go on below, from where their text begins."""
    return [piece for line in lines for piece in _wrapped(line, width)]


def _wrapped(line: Line, width: int) -> list[Line]:
    taken = sum(fitting.width(cell.text) for cell in line)
    head = taken - fitting.width(line[-1].text) if line else 0
    if taken <= width or width < 8 or head >= width // 2:
        return [line]
    text, style = line[-1].text, line[-1].style
    indent = head or len(text) - len(text.lstrip()) + 2
    pad = " " * min(indent, width // 2)
    pieces = _pieces(text, width - head, width - len(pad))
    below = [(cells.Cell(pad + piece, style),) for piece in pieces[1:]]
    return [(*line[:-1], cells.Cell(pieces[0], style)), *below]


def _pieces(text: str, first: int, room: int) -> list[str]:
    """Cut between words; within one that would leave half a line empty."""
    pieces = []
    while fitting.width(text) > first:
        fits = fitting.chop(text, first)[0]
        least = max(first // 2, len(text) - len(text.lstrip()) + 1)
        at = len(fits) if text[len(fits)] == " " else fits.rfind(" ", least) + 1
        pieces.append(text[: at or len(fits)].rstrip())
        text, first = text[at or len(fits) :].lstrip(), room
    return [*pieces, text] if text else pieces


def _fields(fields: Sequence[wire.Field], now: datetime) -> list[Line]:
    column = min(LONGEST_NAME, max((len(field.name) for field in fields), default=0))
    lines: list[Line] = []
    for field in fields:
        name = cells.Cell(f"{safe_text.safe_text(field.name):<{column}}  ", "dim")
        values = _split(_value(field, now)) or [""]
        lines.append((name, cells.Cell(values[0], "accent" if field.ref else "")))
        lines.extend((cells.Cell(" " * (column + 2)), cells.Cell(more)) for more in values[1:])
    return lines


def _value(field: wire.Field, now: datetime) -> str:
    if field.at is not None:
        past_s = (now - field.at).total_seconds()
        words = f"{fmt.age(field.at, now)} ago" if past_s >= 0 else fmt.age(field.at, now)
        said = f"{field.value}  " if field.value not in (None, "") else ""
        day = "" if abs(past_s) < DAY_S else f"{field.at:%Y-%m-%d} "
        return f"{said}{words}  {day}{field.at:%H:%M:%S}Z"
    if field.value is None:
        return fmt.NONE
    if isinstance(field.value, str):
        return field.value
    if isinstance(field.value, bool):
        return "yes" if field.value else "no"
    if isinstance(field.value, int):
        return str(field.value)
    return json.dumps(field.value, ensure_ascii=False)


def _pretty(data: object) -> list[str]:
    return json.dumps(data, indent=2, ensure_ascii=False).split("\n")


def _split(text: str) -> list[str]:
    return [safe_text.safe_text(line) for line in text.splitlines()]


def _plain(line: str) -> Line:
    return (cells.Cell(line),)


def _json_line(line: str) -> Line:
    """`"name": value`, the name quiet so that the value stands out."""
    line = safe_text.safe_text(line)
    name, colon, value = line.partition('": ')
    if colon and name.lstrip().startswith('"'):
        return (cells.Cell(f'{name}": ', "dim"), cells.Cell(value))
    return (cells.Cell(line),)


def _trace_line(line: str) -> Line:
    """A frame of a library is quiet, a frame's place stands out, the error is red."""
    if line.startswith((" ", "\t")):
        library = "site-packages" in line or "/lib/python" in line or "node_modules" in line
        place = line.lstrip().startswith(("File ", "at "))
        return (cells.Cell(line, "dim" if library or not place else ""),)
    return (cells.Cell(line, "dim" if line.startswith("Traceback") else "bad"),)
