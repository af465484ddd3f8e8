"""The runbooks that there are: those that ship, and a person's own, which replace them."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Iterator
from pathlib import Path

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
            yield str(path), path.read_text(encoding="utf-8")
        if not folder.is_dir():
            raise errors.RunbookError(f"The folder of runbooks {folder} is not there.")
    except (OSError, ValueError) as error:
        raise errors.RunbookError(f"{folder} cannot be read: {error}.") from None


def load(folder: Path | None, time_scale: float = 1.0) -> dict[str, book.Runbook]:
    """All runbooks by id; one of a person's own replaces the shipped one of the same id.

    Raises RunbookError with every mistake in all of them.
    """
    found: dict[str, book.Runbook] = {}
    problems: list[str] = []
    for texts, read in ((shipped(), _read_once), (own(folder) if folder else (), parse.read)):
        here: dict[str, book.Runbook] = {}
        for where, text in texts:
            try:
                made = read(text, where, time_scale)
            except errors.RunbookError as error:
                problems += error.problems
                continue
            if made.id in here:
                problems.append(f"{where}:1: {here[made.id].where} has the id {made.id} already.")
            here[made.id] = made
        found |= here
    problems += dangling(found)
    if problems:
        raise errors.RunbookError(problems[0], problems=tuple(problems))
    return found


@functools.lru_cache(maxsize=64)
def _read_once(text: str, where: str, time_scale: float) -> book.Runbook:
    """One that ships: it is the same for every core of this process."""
    return parse.read(text, where, time_scale)


def dangling(known: dict[str, book.Runbook]) -> Iterator[str]:
    """Routes that lead to a runbook that is nowhere."""
    for each in known.values():
        for step in each.steps:
            for route in step.routes:
                if route.runbook and route.runbook not in known:
                    near = words.nearest(route.runbook, known)
                    said = f"{each.where}:{step.line}: step {step.id} leads to runbook"
                    yield f"{said} {route.runbook!r}, which is none. {near}".rstrip()
