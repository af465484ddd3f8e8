"""What must not leave the place where it was read, as type and keyed tag: `email:7f3a91`.

Found by the name that it stands under (password, token, otp) and by its shape (an e-mail, a
telephone number, a card, a key of a cloud). Equal values have equal tags, so that they are
recognised and not known. Redacting what is redacted changes nothing. Only the standard library
is used, because the log reader starts light; the time is linear in the text.

A raw value that reads like a tag of ours (`token:abc123` and nothing more) is taken for one.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from mrcore.redact import flat, names, numbers, shapes, tags, values

if TYPE_CHECKING:
    from pydantic import JsonValue

KEY_FILE = "redact.key"
KEY_BYTES = 32
MOST_ROUNDS = 4
"""What is found may change what the words around it mean."""

MASK = tags.MASK
key = tags.key
is_secret = names.is_secret

_NAME = re.compile(
    rf"(?<![\w{flat.TAKEN}-])([\w-]{{2,}}+)"
    r"""(\\{0,31}+["']?[ \t]{0,4}(?::=|=>|[:=]{1,2}|>)[ \t]{0,4})"""
)
_SPOKEN = re.compile(
    rf"(?<![\w{flat.TAKEN}-])(?:(--?[a-zA-Z][\w-]*+)[ \t]{{1,4}}(?![-\s])"
    r"|((?i:password|identified[ ]by))[ \t]{1,4}(?='))"
)
_TAGLIKE = re.compile(rf"(?:{'|'.join(tags.TYPES)}):|{MASK}|(?<![0-9a-f])[0-9a-f]{{6}}(?![0-9a-f])")
_GLUED_BEFORE = re.compile("[A-Za-z0-9-]")
_GLUED_AFTER = re.compile("[A-Za-z0-9_]")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SHORT = ("otp", "pin", "cvv", "cvc")
_OPENING = re.compile(r"""[\[{]\s{0,4}(\\*["'])""")
_QUOTES = re.compile(r"""\\*["']""")
_OPEN_TO = re.compile(
    r"\$\d{1,3}|\?|%s|%\(\w+\)s|:\w+|\*+|x+|<\w+>|\[\w+\]|\{\w+\}|•+|\$\{.*\}"
    r"|null|none|nil|undefined|true|false|string|str|is|not|no|ok|or|and|in|of|for|must|too|was|has"
    r"|expired|invalid|missing|required|incorrect|wrong|failed|failure|unknown|empty|denied|refused"
    r"|rejected|mismatch|malformed|accepted|valid|verified|sent|set|unset|absent|present|error",
    re.IGNORECASE,
)
_JSON_BEFORE = re.compile(r"""(\\*+["'])\s{0,4}:\s{0,4}$|[\[,]\s{0,4}$""")
_JSON_AFTER = re.compile(r"\s{0,4}(?:[,}\]]|$)")


def use(key: bytes) -> None:
    """Tag with this key from now on, in the whole process; empty for no digits."""
    tags.use(key)
    repeated.cache_clear()


@functools.lru_cache(maxsize=4096)
def repeated(words: str) -> str:
    """`text` for what is read again and again, like the statement of a session that goes on."""
    return text(words)


def text(words: str, name: str = "") -> str:
    """Text with what is secret or somebody's as tags.

    `name` is what the text stands under, as far as it tells what a bare number is. Quotes stay
    where they are, so that JSON stays JSON.
    """
    for _ in range(MOST_ROUNDS):
        before, words = words, _once(words, name)
        if words == before:
            break
    return words


def _once(words: str, name: str) -> str:
    lowered = words.lower()
    flattened = flat.of(words)
    if found := shapes.find(flattened, lowered, name):
        words = _replaced(words, found, flattened)
        flattened = flat.of(words)
    if any(stem in lowered for stem in names.ALL_STEMS):
        words = _named(words, flattened)
    return words


def label(words: str) -> str:
    """A name as it may be shown: an address or number in it is redacted, what it names is not."""
    flattened = flat.of(words)
    found = shapes.find(flattened, words.lower())
    return _replaced(words, found, flattened) if found else words


def value(data: JsonValue, name: str = "") -> JsonValue:
    """JSON with its texts and numbers redacted at every depth; `name` is what it stands under."""
    if isinstance(data, dict):
        return {label(key): _held(key, item) for key, item in data.items()}
    if isinstance(data, list):
        return [value(item, name) for item in data]
    if isinstance(data, str):
        return text(data, name)
    if isinstance(data, int) and not isinstance(data, bool) and data >= 10**6:
        return _number(data, name)
    return data


def under(name: str, words: str) -> str:
    """What may be shown of a value that stands under this name."""
    held = _held(name, words)
    return held if isinstance(held, str) else words


class Redactor(NamedTuple):
    """How a text, JSON, and a value under a name become what may be shown."""

    text: Callable[[str], str]
    value: Callable[[JsonValue], JsonValue]
    under: Callable[[str, str], str]
    label: Callable[[str], str]
    is_secret: Callable[[str], bool]


ALL = Redactor(text, value, under, label, is_secret)

NOTHING = Redactor(
    text=lambda words: words,
    value=lambda data: data,
    under=lambda name, words: words,
    label=lambda words: words,
    is_secret=lambda name: False,
)
"""For `Source.reveal`, which only the door asks."""


def sought(words: str) -> str:
    """The tag of a text that is wholly a shape, as who looks for an e-mail types it; else empty.

    A regular expression's backslashes before its dots and pluses are taken for what they are.
    """
    plain = re.sub(r"\\([.+@-])", r"\1", words.strip())
    found = shapes.find(flat.of(plain), plain.lower()) if tags.key() else []
    if len(found) == 1 and found[0].end - found[0].start == len(plain):
        return tags.make(found[0].kind, found[0].normal)
    return ""


def mentions_tag(words: str) -> bool:
    """Whether an expression may look for a tag or for the digits of one, which no raw text has."""
    return _TAGLIKE.search(words) is not None


def _replaced(words: str, found: list[shapes.Found], flattened: str) -> str:
    parts, done = [], 0
    for one in found:
        tag = tags.make(one.kind, one.normal)
        # A key may be glued to a word; its tag would not be known as one.
        tag = f" {tag}" if _GLUED_BEFORE.match(flattened[one.start - 1 : one.start]) else tag
        tag = f"{tag} " if _GLUED_AFTER.match(flattened, one.end) else tag
        if words[one.start : one.end].isdecimal() and (quote := _json_quote(words, one)):
            tag = f"{quote}{tag}{quote}"
        parts += [words[done : one.start], tag]
        done = one.end
    return "".join(parts) + words[done:]


def _json_quote(words: str, one: shapes.Found) -> str:
    """The quotes that a tag needs where JSON had a bare number; empty where it needs none.

    In a list they are those of the nearest opening: a text that itself holds JSON, beside the
    number, can mislead it. The number is gone in any case.
    """
    before = _JSON_BEFORE.search(words, max(0, one.start - 24), one.start)
    if before is None or not _JSON_AFTER.match(words, one.end):
        return ""
    window = words[max(0, one.start - 256) : one.start]
    quotes = before[1] or next(reversed(_OPENING.findall(window)), "")
    return quotes or ('"' if window.lstrip()[:1] == "[" else "")


def _named(words: str, flattened: str) -> str:
    parts, done, until = [], 0, 0
    for found in sorted(_names(flattened), key=re.Match.start):
        name = found[1] or found[2]
        if found.start() < max(done, until):
            continue
        until = found.end()
        given = _given(words, found, name)
        if given is None:
            continue
        kind, shown = given
        glued = not shown.opening and _GLUED_AFTER.match(words, shown.end)
        tag = _tagged(kind, shown, found[0])
        parts += [words[done : shown.start], f"{tag} " if glued else tag]
        done = shown.end
    return "".join(parts) + words[done:]


def _names(flattened: str) -> list[re.Match[str]]:
    found = list(_NAME.finditer(flattened))
    if "--" in flattened or "'" in flattened:
        found += _SPOKEN.finditer(flattened)
    return found


def _given(words: str, found: re.Match[str], name: str) -> tuple[str, values.Value] | None:
    """The type of what stands behind a name, and where; None where it may be shown."""
    if kind := "password" if found.re is _SPOKEN and found[2] else names.secret(name):
        given = values.after(words, found.end(), kind, found[0][len(name) :])
        return None if given is None or _stays(name, given.inner) else (kind, given)
    if kind := names.personal(name):
        given = values.personal(words, found.end(), kind)
        if given and _fits(kind, given.inner):
            return kind, given
    return None


def _tagged(kind: str, given: values.Value, name: str) -> str:
    """The tag in the quotes of what was given; a bare value of a quoted name gets the name's."""
    tag = tags.make(kind, _normal(kind, given.inner))
    if given.opening or kind in names.PERSONAL:
        quote = _QUOTES.search(name) if given.inner.isdecimal() and not given.opening else None
        around = (quote[0], quote[0]) if quote else (given.opening, given.closing)
        return f"{around[0]}{tag}{around[1]}"
    quote = _QUOTES.search(name)
    return f"{quote[0]}{tag}{quote[0]}" if quote else tag


def _held(name: str, data: JsonValue) -> JsonValue:
    """What may be shown of JSON under this name: its structure stays."""
    kind = names.secret(name)
    if not kind:
        if (kind := names.personal(name)) and isinstance(data, str | int) and _is(kind, str(data)):
            return tags.make(kind, _normal(kind, str(data)))
        return value(data, name)
    return _leaves(kind, name, data)


def _leaves(kind: str, name: str, data: JsonValue) -> JsonValue:
    if isinstance(data, dict):
        return {label(key): _leaves(kind, name, item) for key, item in data.items()}
    if isinstance(data, list):
        return [_leaves(kind, name, item) for item in data]
    if data is None or isinstance(data, bool):
        return data
    words = text(data) if isinstance(data, str) else json.dumps(data)
    if _stays(name, words):
        return words if isinstance(data, str) else data
    return tags.make(kind, _normal(kind, words))


def _number(data: int, name: str) -> JsonValue:
    found = numbers.find(str(data), name)
    return tags.make(found[0].kind, found[0].normal) if found else data


def _is(kind: str, words: str) -> bool:
    found = values.personal(words, 0, kind)
    return found is not None and found.inner == words and _fits(kind, words)


def _fits(kind: str, given: str) -> bool:
    """Whether a value is what the name of its field promises."""
    digits = len(numbers.digits_of(given))
    least, most = {"phone": (7, 15), "card": (12, 19), "aadhaar": (12, 12)}.get(kind, (0, 99))
    return kind == "upi" or (least <= digits <= most and digits >= 8 - (kind == "phone"))


def _normal(kind: str, given: str) -> str:
    if kind == "phone":
        return numbers.phone(numbers.digits_of(given))
    if kind in names.PERSONAL and kind != "upi":
        return numbers.digits_of(given)
    return given.lower() if kind == "upi" else given


def _stays(name: str, given: str) -> bool:
    """Whether what stands under a secret name is none: a tag, a placeholder, a word about it."""
    if not given or _OPEN_TO.fullmatch(given.rstrip(".!")) or shapes.is_tagged(given):
        return True
    if name.lower().endswith(_SHORT) and _UUID.fullmatch(given):
        return True  # of the job that is about it
    # So many tokens of a language model, and not one that lets somebody in.
    return name.lower().endswith("tokens") and given.isdecimal()
