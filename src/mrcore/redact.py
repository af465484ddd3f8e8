"""What must not leave the place where it was read: what stands under names like password or token.

Only the standard library is used, because the log reader starts light. Every expression here is
linear in the text: it begins at the border of a word and never gives back what it took.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pydantic import JsonValue

MASK = "•••"

_SECRET = {"pass", "secret", "token", "jwt", "otp", "pin", "cvv", "authorization", "cookie"}
_ENDINGS = ("token", "secret")
_JOINED = re.compile(
    r"password|passwd|passphrase|passcode|pwd|credential|apikey|privatekey|accesskey"
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_HINT = re.compile(
    r"pass|pwd|secret|token|jwt|otp|pin|cvv|authorization|cookie|credential|bearer|basic"
    r"|(?:api|private|access).?key|://|eyJ",
    re.IGNORECASE,
)
_NAME = re.compile(r"""(?<![\w-])([\w-]{3,}+)(\\?["']?\s{0,4}(?:=>|:=|[:=])\s{0,4})""")
_VALUE = re.compile(
    r"""\\"(?:[^"\\]|\\\\(?:\\["\\]|[^\\]))*+(?:\\")?
      | "(?:[^"\\]|\\.)*+"? | '(?:[^'\\]|\\.)*+'?
      | [\[{(][^\]})]*+[\]})]? | [^\s,;&"'\[\](){}<>][^\s,;&"'\])}<>]*+""",
    re.VERBOSE | re.DOTALL,
)
_QUOTE = re.compile(r"""\\?["']""")
_SCHEME = re.compile(r"\b(Bearer|Basic)\s{1,4}[A-Za-z0-9._~+/=-]{6,}+", re.IGNORECASE)
_HEADER = re.compile(
    r"""\b((?:set-)?cookie|authorization)(\\?["']?\s{0,4}[:=]\s{0,4}\\?["']?)([^"'\\\r\n]++)""",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"""(://[^\s:/@"']*+:)[^\s/"']+@""")
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+\.[\w-]*+")


def is_secret(name: str) -> bool:
    """Whether a field, header or key of this name holds what nobody should read."""
    words = [word.lower().removesuffix("s") for word in _WORD.findall(name)]
    if any(word in _SECRET or word + "s" in _SECRET or word.endswith(_ENDINGS) for word in words):
        return True
    return _JOINED.search("".join(words)) is not None


def value(data: JsonValue) -> JsonValue:
    """JSON with the values under secret names masked, at every depth, and in its texts."""
    if isinstance(data, dict):
        return {k: MASK if _hides(k, v) else value(v) for k, v in data.items()}
    if isinstance(data, list):
        return [value(item) for item in data]
    return text(data) if isinstance(data, str) else data


def text(words: str) -> str:
    """Text with `password=…`, `"token": "…"`, `Bearer …`, cookies and passwords in URLs masked.

    Finds what is named, not what merely looks secret; a secret that nothing names stays. Quotes
    stay where they are, so that JSON stays JSON.
    """
    if not _HINT.search(words):
        return words
    words = _IN_URL.sub(rf"\1{MASK}@", words)
    words = _HEADER.sub(rf"\1\2{MASK}", words)
    words = _SCHEME.sub(rf"\1 {MASK}", words)
    words = _JWT.sub(MASK, words)
    return _named(words)


def under(name: str, words: str) -> str:
    """What may be shown of a value that stands under this name."""
    return MASK if _hides(name, words) else text(words)


class Redactor(NamedTuple):
    """How a text, JSON, and a value under a name become what may be shown."""

    text: Callable[[str], str]
    value: Callable[[JsonValue], JsonValue]
    under: Callable[[str, str], str]
    is_secret: Callable[[str], bool]


ALL = Redactor(text, value, under, is_secret)

NOTHING = Redactor(
    lambda words: words, lambda data: data, lambda name, words: words, lambda name: False
)
"""For `Source.reveal`, which only the door asks."""


def _named(words: str) -> str:
    parts, done = [], 0
    for found in _NAME.finditer(words):
        if found.start() < done or not is_secret(found[1]):
            continue
        given = _VALUE.match(words, found.end())
        if given is None or _is_count(found[1], given[0]):
            continue
        parts += [words[done : found.end()], _mask(found[2], given[0])]
        done = given.end()
    return "".join(parts) + words[done:]


def _mask(separator: str, given: str) -> str:
    """The mask in the quotes of what was given; a bare value of a quoted name gets the name's."""
    if quote := _QUOTE.match(given):
        closed = len(given) >= 2 * len(quote[0]) and given.endswith(quote[0])
        return f"{quote[0]}{MASK}{quote[0] if closed else ''}"
    quote = _QUOTE.match(separator)
    return f"{quote[0]}{MASK}{quote[0]}" if quote else MASK


def _hides(name: str, data: JsonValue) -> bool:
    return data is not None and is_secret(name) and not _is_count(name, str(data))


def _is_count(name: str, given: str) -> bool:
    """Whether these are so many tokens of a language model, and not one that lets somebody in."""
    return name.lower().endswith("tokens") and given.isdecimal()
