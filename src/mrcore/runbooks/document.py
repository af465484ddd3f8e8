"""A runbook's text taken apart: front matter, and each fenced step with the prose above it. Pure.

Every piece knows the line on which it begins, so that a mistake can be found.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

_HEADING = re.compile(r"#{1,6}\s+(?:\d+\.?\s+)?(.*?)\s*#*\s*")
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})\s*([A-Za-z]*)\s*")
_AT = re.compile(r"\(at line (\d+), column (\d+)\)|\(at end of document\)")
_STEP = re.compile(r"^\s*\[?\s*step\.([A-Za-z0-9_-]+)(?![.\w-])[^=\n]*$", re.MULTILINE)
"""The head of a step, also one that is no TOML."""
_MARK = "+++"
_NO_TEXT = "\N{REPLACEMENT CHARACTER}"


class Wrong(Exception):
    """What is wrong with a runbook, and on which line of it."""

    def __init__(self, sentence: str, line: int) -> None:
        super().__init__(sentence)
        self.line = line


class Block(NamedTuple):
    """A piece of TOML: `line` is where its first line stands; `title` and `prose` are above it.

    One that does not end is not `whole`: where it stops being TOML nobody can tell.
    """

    text: str
    line: int
    title: str = ""
    prose: str = ""
    whole: bool = True

    def table(self) -> dict[str, Any]:
        """What it says. Raises Wrong."""
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            at = _AT.search(str(error))
            last = max(1, len(self.text.splitlines()))
            inside = int(at[1]) if at and at[1] else last
            said = _AT.sub("", str(error)).strip()
            raise Wrong(f"this is no TOML: {said}.", self.line + min(inside, last) - 1) from None

    def line_at(self, place: int) -> int:
        """The line on which a character of its text stands."""
        return self.line + self.text.count("\n", 0, place)

    def line_of(self, needle: str, after: str = "") -> int:
        """The line on which `needle` stands, behind `after`; else where that stands."""
        begin = max(0, self.text.find(after)) if after else 0
        at = self.text.find(needle, begin)
        return self.line_at(at if at >= 0 else begin)

    def pieces(self) -> Iterator[Block]:
        """One for each [step.NAME] in it, and before them what is of none."""
        heads = [found.start() for found in _STEP.finditer(self.text)]
        for begin, end in itertools.pairwise((0, *heads, len(self.text))):
            if self.text[begin:end].strip():
                yield self._replace(text=self.text[begin:end], line=self.line_at(begin))

    def step(self) -> str:
        """The name of the first step in it, also where it is no TOML; empty where there is none."""
        found = _STEP.search(self.text)
        return found[1] if found else ""


class Document(NamedTuple):
    """A runbook's text in pieces; `intro` is the prose before the first step, `wrong` what keeps a
    piece from being one: the `front` matter is None then.
    """

    front: Block | None
    steps: tuple[Block, ...]
    intro: str
    wrong: tuple[Wrong, ...] = ()


def read(text: str) -> Document:
    """Take a text apart, as far as it can be."""
    lines = text.replace("\r\n", "\n").split("\n")
    wrong = [
        Wrong("this is no UTF-8 text.", number)
        for number, line in enumerate(lines, 1)
        if _NO_TEXT in line
    ]
    front, begin = None, 0
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == _MARK), 0)
    if lines[0].rstrip() != _MARK:
        said = "the first line of a runbook is +++: its front matter is missing."
        wrong.append(Wrong(said, 1))
    elif not end:
        wrong.append(Wrong("the front matter does not end: a second line +++ is missing.", 1))
    else:
        front, begin = Block("\n".join(lines[1:end]), 2), end + 1
    intro: list[str] = []
    blocks = tuple(_steps(lines, begin, intro, wrong))
    return Document(front, blocks, "\n".join(intro).strip(), tuple(wrong))


def _steps(lines: list[str], begin: int, intro: list[str], wrong: list[Wrong]) -> Iterator[Block]:
    """Each fenced ```toml block; prose before the first of them goes into `intro`."""
    title, at, first = "", begin, True
    prose: list[str] = []
    while at < len(lines):
        line = lines[at]
        fence = _FENCE.fullmatch(line)
        if fence is not None:
            end, whole = _closing(lines, at, fence[1])
            if not whole:
                wrong.append(Wrong(f"this block does not end: {fence[1]} is missing.", at + 1))
            inside = "\n".join(lines[at + 1 : end])
            if fence[2] != "toml" and _STEP.search(inside):
                wrong.append(Wrong(f"the block of a step begins with {fence[1]}toml.", at + 1))
                fence = None
            if fence is None or fence[2] == "toml":
                yield Block(inside, at + 2, title, _paragraphs(prose), whole)
                title, prose, first = "", [], False
            else:
                prose += lines[at : end + 1]
            at = end + 1 if whole else _heading(lines, at + 1, end)
            continue
        if heading := _HEADING.fullmatch(line):
            if first and prose and not intro:
                intro += prose
            title, prose = heading[1], []
        else:
            prose.append(line)
        at += 1
    if first and not intro:
        intro += prose


def _closing(lines: list[str], begin: int, mark: str) -> tuple[int, bool]:
    """Where a block ends, and whether it does: else the next one begins there."""
    for at in range(begin + 1, len(lines)):
        if lines[at].strip().startswith(mark):
            return at, not lines[at].strip().strip(mark[0])
    return len(lines), False


def _heading(lines: list[str], begin: int, end: int) -> int:
    """The last heading between: what follows is of the next step, not of a block without an end."""
    return next((n for n in range(end - 1, begin - 1, -1) if _HEADING.fullmatch(lines[n])), end)


def _paragraphs(prose: list[str]) -> str:
    """The prose as it is, without empty lines around it."""
    return "\n".join(prose).strip()
