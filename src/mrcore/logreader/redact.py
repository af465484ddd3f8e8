"""Takes obvious secrets out of a text before it leaves the reader."""

from __future__ import annotations

import re

MARK = "‹redacted›"

_HINT = re.compile(
    r"pass|pwd|secret|token|api.?key|access.?key|private.?key|bearer|basic |credential|://|eyJ"
    r"|authorization|cookie",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"""(?P<name>[\w-]*(?:passw(?:or)?d|passphrase|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key
        |credentials?|(?<![a-z])pass(?![a-z])|token(?!s|iz))[\w-]*\\?["']?\s*[=:]\s*)
        (?P<value>\\?"(?:[^"\\]|\\.)*\\?"|'[^']*'|(?!‹)[^\s,;&"'}\])<>]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_SCHEME = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_HEADER = re.compile(
    r"\b((?:set-)?cookie|authorization)(\\?[\"']?\s*[:=]\s*\\?[\"']?)([^\"'\r\n]+)", re.I
)
_URL = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://[^\s:/@\"']*):[^\s@/\"']+@", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")


def redact(text: str) -> str:
    """The text with the values of passwords, tokens, keys, cookies and URL credentials replaced.

    Finds what is named (`password=…`, `"token": "…"`, `Bearer …`, `postgres://user:…@`), not what
    merely looks secret; a secret that nothing names stays.
    """
    if not _HINT.search(text):
        return text
    text = _URL.sub(rf"\g<head>:{MARK}@", text)
    text = _HEADER.sub(rf"\1\2{MARK}", text)
    text = _SCHEME.sub(rf"\1 {MARK}", text)
    text = _JWT.sub(MARK, text)
    return _NAMED.sub(_hide, text)


def _hide(match: re.Match[str]) -> str:
    value = match["value"]
    if value.startswith(MARK):
        return match[0]
    for quote in ('\\"', '"', "'"):
        if value.startswith(quote) and value.endswith(quote) and len(value) >= 2 * len(quote):
            return f"{match['name']}{quote}{MARK}{quote}"
    return f"{match['name']}{MARK}"
