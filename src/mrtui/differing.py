"""How two payloads differ, as lines. Pure."""

from __future__ import annotations

import difflib
import json

from pydantic import JsonValue

from mrtui import prose
from mrtui.terminal import safe_text
from mrtui.widgets import cells

_STYLES: dict[str, cells.Style] = {"+": "ok", "-": "bad", "@": "accent"}


def lines(good: JsonValue, this: JsonValue, around: int = 3) -> list[prose.Line]:
    """A unified diff from the good one to this one; one line where they are equal."""
    one, other = (
        json.dumps(side, indent=2, ensure_ascii=False, sort_keys=True).split("\n")
        for side in (good, this)
    )
    made: list[prose.Line] = []
    for line in list(difflib.unified_diff(one, other, lineterm="", n=around))[2:]:
        said = safe_text.safe_text(line)
        made.append((cells.Cell(said, _STYLES.get(line[:1], "dim")),))
    return made or [(cells.Cell("the payloads are the same", "dim"),)]
