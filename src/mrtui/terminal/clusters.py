"""Text as terminal cells: what is drawn together, and how wide it is."""

from __future__ import annotations

import functools
import re
from typing import Final

from rich.cells import cell_len

_JOINER: Final = "\u200d"
# Characters that are one cell wide on their own and with any of these beside them.
NARROW: Final = re.compile(
    "[ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0377\u0391-\u03a1\u03b1-\u03c9\u0400-\u0482"
    "\u2010-\u2027\u2190-\u21ff\u2500-\u25fc\u2800-\u28ff]*"
)
# Printable by Unicode's word and yet unseen: fillers, joiners, variation selectors.
UNSEEN: Final = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164"
    "\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
)
_UNSEEN: Final = re.compile(f"[{UNSEEN}]")
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_MARKS_MAX: Final = 4
_GAP: Final = "\ufffd"


@functools.lru_cache(maxsize=4_096)
def split(text: str) -> tuple[tuple[str, int], ...]:
    """Return `(cluster, cells)` of a text: a character with what combines with it.

    Only the first cluster can have no width: marks that belong to the text before this one.
    Control characters are left out: no foreign sequence passes. Nor does what is unseen and
    changes how others look, which only a person's own typing and pasting brings here.
    """
    found: list[str] = []
    for char in map(_seen, _CONTROLS.sub("", text)):
        if found and (cell_len(char) == 0 or found[-1].endswith(_JOINER)):
            found[-1] += char if len(found[-1]) <= _MARKS_MAX else ""
        elif char:
            found.append(char)
    return tuple((_drawn(cluster), cell_len(cluster)) for cluster in found)


def _drawn(cluster: str) -> str:
    """What is drawn of a cluster: what is seen of it, or of joined characters the first."""
    if cluster.isprintable() and not _UNSEEN.search(cluster):
        return cluster
    width, first = cell_len(cluster), cluster.partition(_JOINER)[0]
    drawn = _UNSEEN.sub("", cluster.replace(_JOINER, ""))
    if cell_len(drawn) > width:
        drawn = _UNSEEN.sub("", first)
    return drawn + " " * (width - cell_len(drawn))


def _seen(char: str) -> str:
    """A character, or what stands in its cells when it is not to be drawn."""
    if char.isprintable() or char == _JOINER:
        return char
    return (" " if char.isspace() else _GAP) * cell_len(char)
