"""Secrets by the name of their key: never shown, whatever the rest of the core does with values."""

from __future__ import annotations

import re
from typing import Any

MASK = "•••"
_NAMES = r"pass(?:word|wd|phrase)?|secret|token|otp|authorization|cookie|api[_-]?key|cvv|pin"
_KEY = re.compile(rf"(?:^|[_\W])(?:{_NAMES})s?(?:$|[_\W])", re.IGNORECASE)
_IN_TEXT = re.compile(
    rf"""((?:{_NAMES})["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&)}}\]]+)""",
    re.IGNORECASE,
)


def value(item: Any) -> Any:
    """JSON with every value under a secret's name replaced."""
    if isinstance(item, dict):
        if set(item) == {"truncated"}:
            return {"truncated": text(str(item["truncated"]))}
        return {k: MASK if secret(str(k)) and v is not None else value(v) for k, v in item.items()}
    return [value(v) for v in item] if isinstance(item, list) else item


def secret(key: str) -> bool:
    """Whether a key is named like a secret: `otp`, `userToken`, `api_key`; not `stop`."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key)
    return bool(_KEY.search(words))


def text(words: str) -> str:
    """Text without what follows a secret's name and `:` or `=`."""
    return _IN_TEXT.sub(rf"\1{MASK}", words)
