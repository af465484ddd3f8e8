"""Where a value begins and ends behind its name: quoted, in brackets, or bare."""

from __future__ import annotations

import re
from typing import NamedTuple

_OPEN = re.compile(r"""(?:[bBrRuU]{1,2}(?=["']))?(\\{0,31}+)(["'])""")
_QUOTE = re.compile(r"""(?<!\\)(\\*+)(["'])""")
_BRACKET = re.compile(r"""(?<!\\)(\\*+)(["'])|[\[\]{}()]""")
_BARE = re.compile(r"""(?:[^\s,;&"'\[\](){}<>\\]++|\\++(?!["'\\]))++""")
_END = re.compile(r"[\r\n]|$")
_STRUCTURE = re.compile(r"""\s{0,4}(?:[,}\]:]|\\*"|$)""")
_OUTER = re.compile(r"\s{0,4}(?:[,}\]:]|$)")
_REST = re.compile(r"""(?:[^"'\\\r\n]++|\\++(?!["'\\]))++""")
_SCHEMED = re.compile(r"(?:bearer|basic|token|apikey|negotiate)[ \t]{1,4}[^\s,;\"'\\]++", re.I)
_TO_THE_END = re.compile(r"(?:digest|aws4-hmac-sha256|hawk|oauth|signature)[ \t]", re.I)
_NUMBER = re.compile(r"""(\\{0,31}["'])?(\+?[\d(][\d ().-]{5,22}\d)(?![\w.-]|:\d)""")
_UPI = re.compile(r"""(\\{0,31}["'])?([\w.-]{2,64}@[a-zA-Z]{2,32})(?![\w.-])""")


class Value(NamedTuple):
    """`words[start:end]` with its quotes; `inner` without; `quote` is what stands around it."""

    start: int
    end: int
    inner: str
    opening: str = ""
    closing: str = ""


def after(words: str, at: int, kind: str, separator: str) -> Value | None:
    """The value that begins at `at`, or None where none does."""
    named_quote = '"' in separator or "'" in separator
    if opened := _OPEN.match(words, at):
        if not named_quote and _STRUCTURE.match(words, opened.end()):
            return None  # it closes the string that the name is in
        return _quoted(words, at, opened)
    if words[at : at + 1] in ("[", "{", "("):
        end = _bracketed(words, at, in_json=named_quote)
        return Value(at, end, words[at:end])
    is_header = ":" in separator and not named_quote
    if is_header and kind == "cookie":
        return _of(_REST.match(words, at))
    if kind == "authorization":
        if is_header and _TO_THE_END.match(words, at):
            return _of(_REST.match(words, at))
        if schemed := _SCHEMED.match(words, at):
            return _of(schemed)
    bare = _of(_BARE.match(words, at))
    if bare and words[bare.end : bare.end + 1] == "(":
        end = _bracketed(words, bare.end, in_json=named_quote)
        return Value(at, end, words[at:end])
    return bare


def personal(words: str, at: int, kind: str) -> Value | None:
    """The number or address of this kind that begins at `at`, without its closing quote."""
    found = (_UPI if kind == "upi" else _NUMBER).match(words, at)
    return Value(at, found.end(), found[2], found[1] or "") if found else None


def _of(found: re.Match[str] | None) -> Value | None:
    if found is None:
        return None
    inner = found[0].rstrip()
    return Value(found.start(), found.start() + len(inner), inner)


def _quoted(words: str, at: int, opened: re.Match[str]) -> Value:
    """To the closing quote, which has as many backslashes as the opening one.

    A value that was cut ends where the text around it, or its line, ends.
    """
    depth, quote = len(opened[1]), opened[2]
    begin = opened.end()
    for found in _QUOTE.finditer(words, begin):
        run = len(found[1])
        if found[2] != quote:
            if quote == '"' or not _STRUCTURE.match(words, found.end()):
                continue
            run = -1  # the JSON string ends that this one began in
        if run < depth:
            return Value(at, found.start(), words[begin : found.start()], opened[0])
        if _closes(run, depth):
            close = found.end() - 1 - depth
            return Value(at, found.end(), words[begin:close], opened[0], words[close : found.end()])
    ended = _END.search(words, begin)
    end = ended.start() if ended else len(words)
    return Value(at, end, words[begin:end], opened[0])


def _closes(run: int, depth: int) -> bool:
    """Whether a quote behind `run` backslashes closes a string whose quotes have `depth`."""
    return (run - depth) % (2 * (depth + 1)) == 0


def _bracketed(words: str, at: int, *, in_json: bool) -> int:
    """The end of what a bracket opens; the end of the line where nothing closes it."""
    open_, quote, depth = 0, "", -1
    for found in _BRACKET.finditer(words, at):
        if found[2]:
            run = len(found[1])
            if not quote:
                if not in_json and _OUTER.match(words, found.end()):
                    return found.start()  # it closes the string that the bracket is in
                depth = run if depth < 0 else depth
                quote = found[2] if run == depth else ""
            elif found[2] == quote and (run < depth or _closes(run, depth)):
                quote = ""
            if 0 <= run < depth:
                return found.start()
        elif not quote:
            open_ += 1 if found[0] in "[{(" else -1
            if not open_:
                return found.end()
    ended = _END.search(words, at)
    return ended.start() if ended else len(words)
