"""The level of a log line: what its structure says first, what its words suggest last."""

from __future__ import annotations

import re
from bisect import bisect_right

DEBUG, INFO, WARN, ERROR, NONE = "debug", "info", "warn", "error", "none"

RANK = {NONE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4}
"""Levels in order; `none` is below all."""

STRUCTURE_BYTES = 64
"""How far behind its time a line may name its level."""

_WORDS: dict[bytes, str] = {
    **dict.fromkeys((b"trace", b"debug", b"verbose", b"silly", b"fine"), DEBUG),
    **dict.fromkeys((b"info", b"information", b"notice", b"log", b"http"), INFO),
    **dict.fromkeys((b"warn", b"warning"), WARN),
    **dict.fromkeys(
        (b"error", b"err", b"fatal", b"crit", b"critical", b"panic", b"alert", b"emerg", b"severe"),
        ERROR,
    ),
    **{b"debug%d" % n: DEBUG for n in range(1, 6)},
}
_COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
_JSON = re.compile(rb'"(?:level|severity|levelname|log\.level)": ?"?(\w+)')
_LOGFMT = re.compile(rb'(?:^|\s)(?:level|lvl|severity)="?(\w+)')
_VALKEY = re.compile(rb"\d+:[XCSM] \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} ([.\-*#]) ")
_VALKEY_LEVELS = {b".": DEBUG, b"-": DEBUG, b"*": INFO, b"#": WARN}
_LEVEL = (
    rb"(TRACE|DEBUG[1-5]?|VERBOSE|INFO|NOTICE|LOG|WARN|WARNING"
    rb"|ERROR|ERR|FATAL|CRIT|CRITICAL|PANIC|ALERT|EMERG|SEVERE)"
)
_TIME = re.compile(
    rb"[\[(<]?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?"
    rb"(?: ?(?:Z|(?!" + _LEVEL + rb"\b)[A-Z]{2,5}|[+-]\d\d:?\d\d))?(?![A-Za-z0-9])[\])>:,]*\s*"
)
_FIRST = re.compile(
    rb"(?:\[[^\]\s]*\]\s*|[A-Z]+-\d+\s+|\d+\s+|[|:-]\s+)*" + _LEVEL + rb"(?=[\s:|\]-]|$)"
)
_POSTGRES = re.compile(rb"\[\d+\] (?:\S+ ){0,8}?" + _LEVEL + rb":  ")
_LOWER_FIRST = re.compile(rb"(debug|info|notice|warn|warning|error|fatal)(?=:\s)")
_BRACKET = re.compile(rb"[\[<(]\s*" + _LEVEL + rb"\s*[\])>]", re.IGNORECASE)
_APART = re.compile(rb"(?:\s[-|:]+\s+|:)" + _LEVEL + rb"(?=\s*[-|:]|\s)")
_SECOND = re.compile(rb"(?:\[[^\]\s]*\]\s*)*[\w.@/-]+(?:\[\d+\])?:?\s+" + _LEVEL + rb":?\s")
_BAD_WORDS = re.compile(
    rb"\b(?:Unhandled|Traceback \(most|[A-Za-z_]*(?:Error|Exception)\b(?::|\s*$|\()"
    rb"|ECONN\w+|ENOSPC|EADDRINUSE|FATAL|PANIC|panic:|Segmentation fault|Out of memory|Killed\b"
    rb"|ERROR\b|[Ff]atal error|npm ERR!)"
)
_WARN_WORDS = re.compile(rb"\b(?:WARN(?:ING)?\b|[A-Z]\w*Warning\b|[Dd]eprecat)")

SUSPECTS: tuple[bytes, ...] = (
    *(b"err", b"warn", b"fatal", b"crit", b"panic", b"alert", b"emerg", b"severe", b"traceback"),
    *(b"exception", b"unhandled", b"econn", b"enospc", b"eaddrinuse", b"segmentation"),
    *(b"out of memory", b"killed", b"deprecat", b" # "),
    *(b'level":4', b'level":5', b'level":6', b'level": 4', b'level": 5', b'level": 6'),
)
"""Lower-case bytes: a line whose lower case has none of them is neither `warn` nor `error`."""


def of(line: bytes) -> tuple[str, bool]:
    """The level of a line and whether it was inferred from words.

    Structure: JSON (pino's 10 to 60, or words), logfmt, Valkey's mark (`#` is a
    warning), then a word in capitals or brackets within 64 bytes behind the time.
    """
    line = _COLOUR.sub(b"", line[:2048]) if b"\x1b" in line[:256] else line[:2048]
    found = _structure(line)
    if found:
        return found, False
    if _BAD_WORDS.search(line):
        return ERROR, True
    if _WARN_WORDS.search(line):
        return WARN, True
    return NONE, False


def _structure(line: bytes) -> str:
    if b"{" in line[:80] and (match := _JSON.search(line)):
        return _word(match[1])
    if b"=" in line and (match := _LOGFMT.search(line[:512])):
        return _word(match[1])
    if line[:1].isdigit() and (match := _VALKEY.match(line)):
        return _VALKEY_LEVELS[match[1]]
    return _token(line)


def _token(line: bytes) -> str:
    time = _TIME.match(line)
    start = time.end() if time else 0
    head = line[start : start + STRUCTURE_BYTES]
    match = _FIRST.match(head) or _LOWER_FIRST.match(head)
    match = match or _BRACKET.search(head) or _APART.search(head)
    if match is None and time is not None:
        match = _POSTGRES.match(line, start, start + 4 * STRUCTURE_BYTES) or _SECOND.match(head)
    return _word(match[1]) if match else ""


def _word(word: bytes) -> str:
    if word.isdigit():
        return _number(int(word))
    return _WORDS.get(word.lower(), "")


def _number(value: int) -> str:
    """pino's and bunyan's: 30 is info, 40 warn, 50 error; other scales are unknown."""
    return (DEBUG, INFO, WARN, ERROR)[bisect_right((30, 40, 50), value)] if 10 <= value < 70 else ""
