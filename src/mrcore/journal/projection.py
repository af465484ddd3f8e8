"""Payloads and results as JSON beside the message, so that readers need no pickle."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

PAYLOAD_LIMIT = 32_768
RESULT_LIMIT = 8_192
TRACE_LIMIT = 16_384
ERROR_LIMIT = 300
_NODES = 2_000
_DEPTH = 12


def dump(value: Any, limit: int = PAYLOAD_LIMIT) -> str:
    """JSON of a value; what JSON has no word for becomes its repr.

    Longer than `limit` characters it is replaced by `{"truncated": <its beginning>}`.
    """
    text = json.dumps(plain(value))
    return text if len(text) <= limit else json.dumps({"truncated": text[:limit]})


def plain(value: Any, other: Callable[[Any], str] | None = None) -> Any:
    """A value of JSON's own kinds, at most 12 deep and 2,000 nodes: shared parts cannot explode.

    `other` tells what JSON has no word for; by default that is its repr.
    """
    left = [_NODES]
    told = other or _repr

    def walk(item: Any, depth: int) -> Any:
        left[0] -= 1
        if left[0] < 0 or depth > _DEPTH:
            return "…"
        if item is None or isinstance(item, bool):
            return item
        if isinstance(item, str):
            return str(item[:PAYLOAD_LIMIT])
        if isinstance(item, int) and abs(item) < 2**63:
            return int(item)
        if isinstance(item, float) and abs(item) < float("inf"):
            return float(item)
        if isinstance(item, dict):
            return {
                _key(k, told): walk(v, depth + 1) for k, v in itertools.islice(item.items(), _NODES)
            }
        if isinstance(item, list | tuple | set | frozenset):
            return [walk(v, depth + 1) for v in itertools.islice(item, _NODES)]
        return told(item)

    return walk(value, 0)


def _key(key: Any, told: Callable[[Any], str]) -> str:
    return key if isinstance(key, str) else told(key)


def _repr(value: Any) -> str:
    """A bounded repr; a class whose repr fails is named instead."""
    try:
        return repr(value)[:1_000]
    except Exception:
        return f"<{type(value).__name__}>"


def error_line(error: BaseException) -> str:
    """An exception in one line: its class and its words."""
    words = str(error).strip().splitlines()
    line = f"{type(error).__name__}: {words[0]}" if words else type(error).__name__
    return line[:ERROR_LIMIT]


def trace_text(text: str) -> str:
    """A stack trace whose middle is left out where it is too long."""
    if len(text) <= TRACE_LIMIT:
        return text
    head, tail = TRACE_LIMIT // 4, TRACE_LIMIT - TRACE_LIMIT // 4
    return f"{text[:head]}\n… {len(text) - TRACE_LIMIT} characters …\n{text[-tail:]}"
