"""On which line of a TOML file something stands: the parser of the library does not tell."""

from __future__ import annotations

import re

_HEAD = re.compile(r"\s*\[\[\s*rule\s*\]\]")
_KEY = re.compile(r"""\s*["']?([A-Za-z0-9_-]+)["']?\s*=\s*("{3}|'{3})?(.*)""")


class Places:
    """Where every `[[rule]]` and its keys begin; what is inside of long texts is no key."""

    def __init__(self, text: str) -> None:
        self._heads: list[int] = []
        self._keys: list[dict[str, int]] = [{}]
        inside = ""
        for number, line in enumerate(text.splitlines(), 1):
            if inside:
                inside = "" if inside in line else inside
                continue
            if _HEAD.match(line):
                self._heads.append(number)
                self._keys.append({})
            elif (found := _KEY.match(line)) is not None:
                # A long text that begins on the next line has its first line there.
                later = bool(found[2]) and not found[3]
                key = found[1].replace("-", "_")
                self._keys[-1].setdefault(key, number + later)
                inside = found[2] or "" if found[2] and found[2] not in found[3] else ""

    def top(self, key: str) -> int:
        """The line of a key above every rule, or of a table."""
        return self._keys[0].get(key, 1)

    def of(self, rule: int, key: str, line: int = 1) -> int:
        """The line of a rule's key, and of a text's `line` behind it; else the rule's own."""
        if rule >= len(self._heads):
            return 1
        found = self._keys[rule + 1].get(key)
        return self._heads[rule] if found is None else found + line - 1
