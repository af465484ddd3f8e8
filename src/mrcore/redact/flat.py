"""A text as its shapes are looked for: as long as the text itself, without what would hide them.

Escapes become NULs, so that `\\nasha@example.org` in a JSON string begins with the `a`; the
percent signs of a URL are read; tags become fillers, so that nothing is found in them again.
"""

from __future__ import annotations

import re

from mrcore.redact import tags

TAKEN = "\ufdd0"
"""Stands for each character of a tag: it belongs to no shape and ends none."""

PADDING = "\ufdd1"
"""Follows a character that `%40` or `%2B` stood for."""

_ESCAPE = re.compile(r"(?<!\\)\\{1,16}+(?:[bfnrt]|u[0-9a-fA-F]{4})|%[0-9A-Fa-f]{2}|[\ufdd0\ufdd1]")
_READ = {"%40": f"@{PADDING * 2}", "%2B": f"+{PADDING * 2}", "%2b": f"+{PADDING * 2}"}
_MAY_BE_TAG = re.compile(f":(?:[0-9a-f]{{6}}|{tags.MASK})")
_TAG = re.compile(rf"(?<![A-Za-z0-9-]){tags.BODY}")


def of(words: str) -> str:
    """The flat text."""
    if "\\" in words or "%" in words or TAKEN in words or PADDING in words:
        words = _ESCAPE.sub(_unescaped, words)
    return _TAG.sub(_taken, words) if _MAY_BE_TAG.search(words) else words


def _unescaped(found: re.Match[str]) -> str:
    return _READ.get(found[0]) or "\0" * len(found[0])


def _taken(found: re.Match[str]) -> str:
    return TAKEN * len(found[0])
