"""What the documents tell a reader to type: commands of ours, and settings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

BLOCK = re.compile(r"^([ ]*)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_GENERATED = re.compile(r"<!-- generated: .*?<!-- end -->", re.DOTALL)
_RUNBOOK = re.compile(r"^````markdown\n(.*?)^````$", re.DOTALL | re.MULTILINE)
_PROGRAMS = ("mrtui", "mrcore")
_BEFORE = re.compile(r"(sudo( -u \w+)?|ssh -t \w+|[A-Z_]+=\S+)$")


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of a language; '' and sh are commands."""
    text = _own(document)
    return [body for _, found, body in BLOCK.findall(text) if found == language]


def commands(document: Path) -> Iterator[tuple[str, list[str]]]:
    """Program and arguments of every command of ours, in blocks and between backticks."""
    text = _own(document)
    lines = [
        line
        for body in (*blocks(document, ""), *blocks(document, "sh"))
        for line in body.splitlines()
    ]
    for line in [*lines, *re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))]:
        for part in re.split(r"\s(?:&&|\||>)\s", line):
            if found := _ours(part):
                yield found


def runbooks(document: Path) -> list[str]:
    """The runbooks that are shown whole: their blocks are of runbooks, not of settings."""
    return _RUNBOOK.findall(document.read_text())


def _own(document: Path) -> str:
    """What was written by hand, without runbooks."""
    return _RUNBOOK.sub("", _GENERATED.sub("", document.read_text()))


def exec_starts(unit: Path) -> Iterator[tuple[str, list[str]]]:
    """Program and arguments of what a systemd unit starts, and of what its comments say to run."""
    for line in unit.read_text().splitlines():
        if found := _ours(line.removeprefix("ExecStart=").removeprefix("#").strip()):
            yield found


def _ours(line: str) -> tuple[str, list[str]] | None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # prose
        return None
    for at, word in enumerate(words):
        program = word.rpartition("/")[2]
        before = " ".join(words[:at])
        if program in _PROGRAMS and (not before or _BEFORE.match(before)):
            return program, words[at + 1 :]
    return None
