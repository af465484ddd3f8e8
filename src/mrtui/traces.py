"""A Python traceback as an engineer reads it: the error, our frames, how it came to be. Pure.

The format is that of CPython's `traceback` module: chained exceptions, and exception groups with
their margins of `|` and `+`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mrtui.columns import fmt
from mrtui.widgets import cells

Line = tuple[cells.Cell, ...]

_HEADER = re.compile(r"(?:Exception Group )?Traceback \(most recent call last\):$")
_FRAME = re.compile(r'\s+File "(?P<path>.+)", line (?P<number>\d+)(?:, in (?P<name>.+))?$')
_LIBRARY = re.compile(
    r"site-packages|dist-packages|[/\\]lib(?:64)?[/\\]python\d|[/\\]Lib[/\\]|^<frozen |node_modules"
)
_CARETS = re.compile(r"\s+[\^~]+[\^~ ]*$")
_GROUP = "  + Exception Group Traceback (most recent call last):"
_MARGIN = re.compile(r"(?P<indent> +)(?P<sign>[|+])(?P<rest>.*)$")
_PART = re.compile(r"(?P<opens>-\+)?-{4,} (?P<label>\S+) -{4,}$")
_LINKS = {
    "The above exception was the direct cause of the following exception:": "caused by",
    "During handling of the above exception, another exception occurred:": "while handling",
}


@dataclass
class _Frame:
    path: str
    number: str
    name: str
    source: list[str] = field(default_factory=list)

    @property
    def ours(self) -> bool:
        return not _LIBRARY.search(self.path)


@dataclass
class _Error:
    """One exception: how it follows from the one before, its frames, what it says, its parts."""

    link: str = ""
    frames: list[_Frame] = field(default_factory=list)
    says: list[str] = field(default_factory=list)
    parts: list[tuple[str, _Level]] = field(default_factory=list)


@dataclass
class _Level:
    """The lines at one depth of a group, with the levels that hang below some of them."""

    lines: list[str | tuple[str, _Level]] = field(default_factory=list)


def folded(text: str) -> list[Line]:
    """The last error first with our frames, the innermost first; then what it came from.

    Frames of libraries are counted. Empty for a text that is no traceback of Python's.
    """
    lead, chain = _errors(_levels(text.splitlines()))
    if not any(error.frames for error in chain):
        return []
    made: list[Line] = [(cells.Cell(line, "dim"),) for line in lead]
    return [*made, *_chain(chain, "")]


# Reading


def _levels(lines: list[str]) -> _Level:
    """The margins of groups as a tree."""
    root = _Level()
    at: dict[int, _Level] = {}
    for line in lines:
        margin = _MARGIN.match(line) if at else None
        if line == _GROUP:
            at = {2: root}
            root.lines.append(line[4:])
        elif margin is None:
            at = {}
            root.lines.append(line)
        else:
            _below(at, len(margin["indent"]), margin["sign"], margin["rest"])
    return root


def _below(at: dict[int, _Level], depth: int, sign: str, rest: str) -> None:
    part = _PART.match(rest) if sign == "+" else None
    if part is not None:
        deeper = depth + 2 if part["opens"] else depth
        at[deeper] = _Level()
        at[max(key for key in at if key < deeper)].lines.append((part["label"], at[deeper]))
    elif sign == "|" or rest.strip("-"):
        nearest = max((key for key in at if key <= depth), default=min(at))
        at[nearest].lines.append(rest.removeprefix(" "))


def _errors(level: _Level) -> tuple[list[str], list[_Error]]:
    """What stands before the first traceback, and the exceptions, the last one last."""
    lead: list[str] = []
    chain = [_Error()]
    in_frames = False
    for line in level.lines:
        now = chain[-1]
        if isinstance(line, tuple):
            now.parts.append((line[0], _Level(line[1].lines)))
        elif link := _LINKS.get(line.strip()):
            chain.append(_Error(link))
            in_frames = False
        elif _HEADER.match(line):
            if now.frames:
                chain.append(_Error())
            elif len(chain) == 1:
                lead, now.says = now.says, []
            in_frames = True
        else:
            in_frames = in_frames and _in_frames(now, line)
            if not in_frames:
                now.says.append(line)
    for error in chain:
        error.says = "\n".join(error.says).strip("\n").splitlines()
    return lead, [error for error in chain if error.frames or error.says or error.parts]


def _in_frames(error: _Error, line: str) -> bool:
    """Take a line of the frames; False when they are over."""
    if (frame := _FRAME.match(line)) is not None:
        error.frames.append(_Frame(frame["path"], frame["number"], frame["name"] or ""))
    elif not line.startswith(" "):
        return False
    elif error.frames and not _CARETS.match(line):
        error.frames[-1].source.append(line.strip())
    return True


# Writing


def _chain(chain: list[_Error], pad: str) -> list[Line]:
    made: list[Line] = []
    for place in range(len(chain) - 1, -1, -1):
        made += _error(chain[place], pad)
        if place:
            made.append((cells.Cell(f"{pad}{chain[place].link or 'before that'}", "strong"),))
    return made


def _error(error: _Error, pad: str) -> list[Line]:
    made: list[Line] = [(cells.Cell(pad + line, "bad"),) for line in error.says]
    ours = [frame for frame in error.frames if frame.ours] or error.frames[-1:]
    for frame in reversed(ours):
        file = re.split(r"[/\\]", frame.path)[-1]
        place = cells.Cell(f"{pad}  {file}:{frame.number}", "accent")
        made.append((place, cells.Cell(f" {frame.name}")))
        made += [(cells.Cell(f"{pad}      {line}", "dim"),) for line in frame.source]
    if left := len(error.frames) - len(ours):
        made.append((cells.Cell(f"{pad}  (+{fmt.plural(left, 'library frame')})", "dim"),))
    for label, level in error.parts:
        made.append((cells.Cell(f"{pad}  part {label}", "strong"),))
        lead, chain = _errors(level)
        made += [(cells.Cell(f"{pad}    {line}", "dim"),) for line in lead]
        made += _chain(chain, f"{pad}    ")
    return made
