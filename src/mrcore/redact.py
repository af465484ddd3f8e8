"""What must not leave the place where it was read: values under names like password or token."""

from __future__ import annotations

import re

from pydantic import JsonValue

MASK = "•••"

_SECRET = {"password", "passwd", "passphrase", "passcode", "pass", "pwd", "secret", "token", "jwt"}
_SECRET |= {"otp", "authorization", "cookie", "credential", "cvv"}
_JOINED = ("apikey", "privatekey", "accesskey", "accesstoken")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PAIR = re.compile(r"""([\w.-]{3,64})(["']?\s{0,4}[:=]\s{0,4})("[^"]*"?|'[^']*'?|[^\s,;&}\]]+)""")
_IN_URL = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(@)")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether a field, header or key of this name holds what nobody should read."""
    words = [word.lower().removesuffix("s") for word in _WORD.findall(name)]
    if any(word in _SECRET or word + "s" in _SECRET for word in words):
        return True
    joined = "".join(words)
    return any(word in joined for word in _JOINED)


def value(data: JsonValue) -> JsonValue:
    """JSON with the values under secret names masked, at every depth, and in its texts."""
    if isinstance(data, dict):
        return {k: MASK if is_secret(k) else value(v) for k, v in data.items()}
    if isinstance(data, list):
        return [value(item) for item in data]
    return text(data) if isinstance(data, str) else data


def text(words: str) -> str:
    """Text with `password=…`, `"token": "…"`, `Bearer …` and passwords in URLs masked."""
    words = _IN_URL.sub(rf"\1{MASK}\2", words)
    words = _BEARER.sub(rf"\1 {MASK}", words)
    return _PAIR.sub(lambda m: m[1] + m[2] + MASK if is_secret(m[1]) else m[0], words)
