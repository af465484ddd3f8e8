"""The runbooks that there are: those that ship, and a person's own, which replace them."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from mrcore import errors
from mrcore.expr import words
from mrcore.runbooks import book, parse


def shipped() -> Iterator[tuple[str, str]]:
    """Name and text of every runbook that ships, by name."""
    folder = importlib.resources.files("mrcore.runbooks") / "library"
    for each in sorted(folder.iterdir(), key=lambda found: found.name):
        if each.name.endswith(".md"):
            yield each.name, each.read_text(encoding="utf-8")


def own(folder: Path) -> Iterator[tuple[str, str]]:
    """Path and text of every `*.md` in a folder. Raises RunbookError."""
    try:
        for path in sorted(folder.glob("*.md")):
            # What is no UTF-8 is no runbook either: that is said of its text, like all else.
            yield str(path), path.read_text(encoding="utf-8", errors="replace")
        if not folder.is_dir():
            raise errors.RunbookError(f"The folder of runbooks {folder} is not there.")
    except OSError as error:
        raise errors.RunbookError(f"{folder} cannot be read: {error}.") from None


class Library(NamedTuple):
    """The runbooks that are well formed, by id, and every mistake in the others.

    `broken` are the mistakes of those that are not, by id: none of these is replaced by another.
    """

    known: dict[str, book.Runbook]
    problems: tuple[str, ...] = ()
    broken: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def load(folder: Path | None, time_scale: float = 1.0) -> dict[str, book.Runbook]:
    """All runbooks by id; one of a person's own replaces the shipped one of the same id.

    Raises RunbookError with every mistake in all of them.
    """
    found = look(folder, time_scale)
    if found.problems:
        more = len(found.problems) - 1
        named = f" --folder {folder}" if folder else ""
        fix = f"{more} more: mrcore runbook lint{named}." if more else ""
        raise errors.RunbookError(found.problems[0], problems=found.problems, fix=fix)
    return found.known


def look(
    folder: Path | None, time_scale: float = 1.0, given: Iterable[parse.Reading] = ()
) -> Library:
    """All runbooks as they are, also where some are none; those `given` replace the others.

    Raises RunbookError where the folder cannot be read.
    """
    texts = own(folder) if folder else ()
    known: dict[str, book.Runbook] = {}
    broken: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for shelf in (
        (_read_once(text, where, time_scale) for where, text in shipped()),
        (parse.reading(text, where, time_scale) for where, text in texts),
        given,
    ):
        here: dict[str, book.Runbook] = {}
        for each in shelf:
            problems += each.problems
            if each.runbook is None:
                broken[each.id] = each.problems
                known.pop(each.id, None)
            elif each.id in here:
                said = f"{here[each.id].where} has the id {each.id} already."
                problems.append(f"{each.runbook.where}:1: {said}")
            else:
                here[each.id] = each.runbook
        known |= here
    problems += dangling(known, broken)
    return Library(known, tuple(dict.fromkeys(problems)), broken)


@functools.lru_cache(maxsize=64)
def _read_once(text: str, where: str, time_scale: float) -> parse.Reading:
    """One that ships: it is the same for every core of this process."""
    return parse.reading(text, where, time_scale)


def dangling(known: Mapping[str, book.Runbook], broken: Collection[str] = ()) -> Iterator[str]:
    """Routes that lead to a runbook that is nowhere; those that are `broken` are somewhere."""
    there = {*known, *broken}
    for each in known.values():
        for step in each.steps:
            for route in step.routes:
                if route.runbook and route.runbook not in there:
                    near = words.nearest(route.runbook, there)
                    said = f"{each.where}:{step.line}: step {step.id} leads to runbook"
                    yield f"{said} {route.runbook!r}, which is none. {near}".rstrip()
