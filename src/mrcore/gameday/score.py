"""What came of a game day: which expectations held, how quickly, and in which order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import platformdirs
import pydantic

from mrcore import errors
from mrcore.model import base

FILE = "gamedays.jsonl"
KEPT = 500

Until = Literal["injected", "detected", "diagnosed", "recovered"]
Played = Literal["auto", "by hand", "withheld", "misled"]
"""Who recovers it; with the fix withheld, or a diagnosis that is wrong, it must not recover."""


class Expectation(base.Frozen):
    """Something that had to be so, and whether it was; `why` says what was instead."""

    what: str
    held: bool
    why: str = ""


class Card(base.Frozen):
    """The score of one play. Seconds are from the moment in which the last fault was there.

    `story` has, for each ref, its verdicts, phases, plans and outcomes in their order: two plays
    with one seed tell the same. `operators` are the manual steps that were played for a person.
    """

    scenario: str
    title: str
    seed: int
    time_scale: float
    until: Until
    played: Played
    at: base.Instant
    ok: bool
    detected_s: float | None = None
    diagnosed_s: float | None = None
    recovered_s: float | None = None
    keypresses: int = 0
    wrong_actions: int = 0
    expectations: tuple[Expectation, ...] = ()
    operators: tuple[str, ...] = ()
    story: Mapping[base.Ref, tuple[str, ...]] = {}


def lines(card: Card) -> Iterator[str]:
    """A card for a person."""
    yield f"{card.scenario}  {card.title}"
    for each in card.expectations:
        mark = "✓" if each.held else "✗"
        yield f"  {mark} {each.what}" + (f": {each.why}" if each.why else "")
    for operator in card.operators:
        yield f"  ⚑ played by an operator: {operator}"
    took = ((said, s) for said, s in zip(_SAID, _seconds(card), strict=True) if s is not None)
    times = ", ".join(f"{said} {seconds:.1f} s" for said, seconds in took)
    yield f"  {times or 'nothing was detected'} (time_scale {card.time_scale:g})"
    yield f"  keypresses {card.keypresses}, wrong actions {card.wrong_actions}"
    yield f"  {'held' if card.ok else 'FAILED'}: {card.scenario} {_end(card)}"


_NOT_RECOVERED = {"withheld": "its fix was withheld", "misled": "its diagnosis was wrong"}


def _end(card: Card) -> str:
    """What the score is of."""
    if (why := _NOT_RECOVERED.get(card.played)) is None:
        return f"until {card.until}, played {card.played}"
    return f"did not recover, as it must not: {why}" if card.ok else f"until {card.until}; {why}"


_SAID = ("detected after", "diagnosed after", "recovered after")


def _seconds(card: Card) -> tuple[float | None, ...]:
    return card.detected_s, card.diagnosed_s, card.recovered_s


def default_file() -> Path:
    """Where the scores of this user are kept."""
    return platformdirs.user_data_path("mr") / FILE


def keep(card: Card, file: Path) -> None:
    """Append a card; the newest 500 are kept.

    Raises StackError when the file cannot be written.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = file.read_text().splitlines() if file.exists() else []
        text = "\n".join([*before[-KEPT + 1 :], card.model_dump_json()])
        temporary = file.with_suffix(".new")
        temporary.write_text(text + "\n")
        temporary.replace(file)
    except OSError as error:
        raise errors.StackError(f"The score cannot be kept in {file}: {error.strerror}.") from None


def kept(file: Path) -> dict[tuple[str, Played], Card]:
    """The newest card of every scenario and way in which it was played; no other line is read."""
    try:
        written = file.read_text().splitlines()
    except OSError:
        return {}
    found: dict[tuple[str, Played], Card] = {}
    for line in written:
        try:
            card = Card.model_validate(json.loads(line))
        except (ValueError, pydantic.ValidationError):
            continue
        found[card.scenario, card.played] = card
    return dict(sorted(found.items()))
