"""The line of news: what was said last, and until when that is worth the line. Pure, light."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from mrtui.widgets import cells

if TYPE_CHECKING:
    from mrtui import world

STANDS_S = 60.0
"""How long it is said what came of an operation; `:operations` has it for good."""

LEAST_S = 5.0
"""How long it is said at least, so that it can be read."""

_RANK: dict[str, int] = {"bad": 0, "warn": 1}


class News(NamedTuple):
    """A sentence and its style word; without `said_at` it stays until the next key.

    `known` are the refs of the troubles that there were when it was said.
    """

    text: str = ""
    style: cells.Style = ""
    said_at: datetime | None = None
    known: frozenset[str] = frozenset()


def stands(said: News, troubles: Sequence[world.Trouble], now: datetime) -> bool:
    """Whether it is still to be said: not for ever, nor before a new trouble as bad as it is."""
    if not said.text or said.said_at is None:
        return bool(said.text)
    age_s = (now - said.said_at).total_seconds()
    least = _RANK.get(said.style, 2)
    worse = any(
        _RANK.get(trouble.level.value, 2) <= least and trouble.entity.ref not in said.known
        for trouble in troubles
    )
    return age_s < (LEAST_S if worse else STANDS_S)
