"""A runbook's text taken apart: front matter, and each fenced step with the prose above it. Pure.

Every piece knows the line on which it begins, so that a mistake can be found.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

_HEADING = re.compile(r"#{1,6}\s+(?:\d+\.?\s+)?(.*?)\s*#*\s*")
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})\s*([A-Za-z]*)\s*")
_AT = re.compile(r"\(at line (\d+), column (\d+)\)|\(at end of document\)")
_MARK = "+++"


class Wrong(Exception):
    """What is wrong with a runbook, and on which line of it."""

    def __init__(self, sentence: str, line: int) -> None:
        super().__init__(sentence)
        self.line = line


class Block(NamedTuple):
    """A piece of TOML: `line` is where its first line stands; `title` and `prose` are above it."""

    text: str
    line: int
    title: str = ""
    prose: str = ""

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

    def line_of(self, *needles: str, after: str = "") -> int:
        """The line on which the first of `needles` that is found stands, behind `after`."""
        begin = max(0, self.text.find(after)) if after else 0
        for needle in needles:
            at = self.text.find(needle, begin) if needle else -1
            if at >= 0:
                return self.line + self.text.count("\n", 0, at)
        return self.line + self.text.count("\n", 0, begin)


class Document(NamedTuple):
    """A runbook's text in pieces; `intro` is the prose before the first step."""

    front: Block
    steps: tuple[Block, ...]
    intro: str


def read(text: str) -> Document:
    """Take a text apart. Raises Wrong where the front matter or a fence has no end."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != _MARK:
        raise Wrong("the first line of a runbook is +++: its front matter is missing.", 1)
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == _MARK), 0)
    if not end:
        raise Wrong("the front matter does not end: a second line +++ is missing.", 1)
    front = Block("\n".join(lines[1:end]), 2)
    intro: list[str] = []
    return Document(front, tuple(_steps(lines, end + 1, intro)), "\n".join(intro).strip())


def _steps(lines: list[str], begin: int, intro: list[str]) -> Iterator[Block]:
    """Each fenced ```toml block; prose before the first of them goes into `intro`."""
    title, at, first = "", begin, True
    prose: list[str] = []
    while at < len(lines):
        line = lines[at]
        fence = _FENCE.fullmatch(line)
        if fence is not None:
            end = _closing(lines, at, fence[1])
            if fence[2] == "toml":
                yield Block("\n".join(lines[at + 1 : end]), at + 2, title, _paragraphs(prose))
                title, prose, first = "", [], False
            else:
                prose += lines[at : end + 1]
            at = end + 1
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


def _closing(lines: list[str], begin: int, mark: str) -> int:
    for at in range(begin + 1, len(lines)):
        if lines[at].strip().startswith(mark) and not lines[at].strip().strip(mark[0]):
            return at
    raise Wrong(f"this block does not end: {mark} is missing.", begin + 1)


def _paragraphs(prose: list[str]) -> str:
    """The prose as it is, without empty lines around it."""
    return "\n".join(prose).strip()
