"""On which line of a scenario something stands: the library's parser does not tell."""

from __future__ import annotations

import re

_HEAD = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_-]+)\s*\]\]?")
_KEY = re.compile(r"""\s*["']?([A-Za-z0-9_-]+)["']?\s*=\s*("{3}|'{3})?(.*)""")

TOP = ("", 0)
"""What stands above every table."""

Table = tuple[str, int]
"""A table's name, and the how-manieth of that name it is (from 0)."""


class Lines:
    """Where every table and its keys begin; what is inside of long texts is no key."""

    def __init__(self, text: str) -> None:
        self._heads: dict[Table, int] = {TOP: 1}
        self._keys: dict[tuple[Table, str], int] = {}
        table, inside = TOP, ""
        for number, line in enumerate(text.splitlines(), 1):
            if inside:
                inside = "" if inside in line else inside
            elif (head := _HEAD.match(line)) is not None:
                table = (head[2], sum(name == head[2] for name, _ in self._heads))
                self._heads[table] = number
            elif (found := _KEY.match(line)) is not None:
                # A long text that begins on the next line has its first line there.
                later = bool(found[2]) and not found[3]
                self._keys.setdefault((table, found[1]), number + later)
                inside = found[2] or "" if found[2] and found[2] not in found[3] else ""

    def of(self, table: Table, key: str = "", line: int = 1) -> int:
        """The line of a table's key, and of a text's `line` behind it; else the table's own."""
        found = self._keys.get((table, key))
        if found is None and table == TOP:
            table = (key, 0)  # a table is a key of what is above it
        return self._heads.get(table, 1) if found is None else found + line - 1
