"""Numbers that are somebody's: telephone numbers, and cards by their check digit."""

from __future__ import annotations

import re
from typing import NamedTuple

from mrcore.redact import flat, names

_RUN = re.compile(r"\d(?:\d{9}|\d{4}[ -]\d{4}|\d{2,3}[ -]\d{3,6}[ -]\d{3})")
_PLUS = re.compile(r"\+\ufdd1{0,2}\d")
_AREA = re.compile(r"\(\d{3}\) ?\d")

_NUMBER = re.compile(
    rf"""(?<![A-Za-z0-9.\-#$₹€£@+{flat.TAKEN}])(?:
      (?P<plus>\(?\+{flat.PADDING}{{0,2}}\d{{1,3}}\)?(?:[ .-]?\(?\d\)?){{6,14}}+)
    | (?P<area>\(\d{{3}}\)[ ]?\d{{3}}-\d{{4}})
    | (?P<grouped>\d{{4}}(?P<a>[ -])\d{{4}}(?P=a)\d{{4}}(?P=a)\d{{1,7}}
        |\d{{4}}(?P<b>[ -])\d{{6}}(?P=b)\d{{4,5}})
    | (?P<digits>\d{{13,19}})
    | (?P<local>(?:(?:00|0)?91[ -]?|0[ -]?)?(?:\d{{5}}[ -]?\d{{5}}
        |\d{{3}}(?P<c>[ -])\d{{3}}(?P=c)\d{{4}}|\d{{4}}(?P<d>[ -])\d{{3}}(?P=d)\d{{3}}))
    )(?![A-Za-z0-9_@{flat.TAKEN}]|[.\-]\d)""",
    re.VERBOSE,
)
_BEFORE = re.compile(r"([A-Za-z][A-Za-z_-]*+)[\s\"'\\=:>(\[/_+]{0,8}$")
_IN_LIST = re.compile(
    r"([A-Za-z][A-Za-z_-]*+)[\"'\\]{0,4}\s?[:=]\s?[\[(](?:[\"']?\d{1,20}[\"']?,\s?){1,8}[\"']?$"
)
_COLUMN = re.compile(r"\d[ ]{1,4}$")
_NEXT_COLUMN = re.compile(r"[ ]{1,4}\d")
_UNIT = re.compile(
    r"\s?(?:bytes?|[kKMGT]i?B|B|ms|[uµ]s|ns|s|sec|seconds|rows?|keys?|events?|records?|lines?"
    r"|items?)\b|\s?%"
)
_NOT_SOMEBODYS_WORDS = """
amount awb backlog balance batch block build byte bytes cost count crc cursor digest docket
duration elapsed epoch free generation gid hash heap id ids inode invoice item job lag latency
len length limit lsn max mem memory min ms ns offset oid order orders page partition pid pos
position price product qty receipt ref reference req request rev revision rid row rows rrn rss
run seed seq sequence serial shard size sku span thread ticket tid time timestamp took total
trace tracking transaction ts txn uid uptime us used utr version xid xmin
"""
_NOT_SOMEBODYS = frozenset(_NOT_SOMEBODYS_WORDS.split())
_SOMEBODYS_WORDS = """
phone mobile whatsapp msisdn tel telephone cell sms caller callee otp card
"""
_SOMEBODYS = frozenset(_SOMEBODYS_WORDS.split())
_WINDOW = 120


class Found(NamedTuple):
    """`flat[start:end]` is a number of this kind; `normal` is the same however it is written."""

    start: int
    end: int
    kind: str
    normal: str


def may_be_in(words: str) -> bool:
    """Whether `find` may find something; in most lines it cannot."""
    return bool(
        _RUN.search(words)
        or ("+" in words and _PLUS.search(words))
        or ("(" in words and _AREA.search(words))
    )


def find(words: str, name: str = "") -> list[Found]:
    """Numbers in a flat text that stands under `name`."""
    found = []
    for match in _NUMBER.finditer(words):
        one = _plus(match) if match["plus"] else _classified(words, match, name)
        if one is not None:
            found.append(one)
    return found


def digits_of(words: str) -> str:
    """Its digits in any script, as 0 to 9."""
    if words.isascii():
        return "".join(filter(str.isdecimal, words))
    return "".join(str(int(char)) for char in words if char.isdecimal())


def phone(digits: str) -> str:
    """The international form of a telephone number: digits behind a plus sign."""
    digits = digits.lstrip("0")
    return "+91" + digits if len(digits) == 10 and digits[0] in "6789" else "+" + digits


def is_card(digits: str) -> bool:
    """Whether an issuer gives out such numbers, of this length, with this check digit (Luhn)."""
    if not _issued(digits):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def _issued(digits: str) -> bool:
    size, two, four = len(digits), int(digits[:2]), int(digits[:4])
    if digits[0] == "4":
        return size in (13, 16, 19)
    if two in (34, 37):
        return size == 15
    if two in (36, 38, 39) or 3000 <= four <= 3059:
        return size == 14
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return size == 16
    return (two in (50, 60, 64, 65, 81, 82) or 3528 <= four <= 3589) and size in (16, 19)


def _plus(match: re.Match[str]) -> Found | None:
    written = match["plus"]
    digits = digits_of(written)
    most = 12 if digits.startswith("91") else 11 if digits.startswith("1") else 15
    if digits[0] == "0" or len(digits) < (most if most < 15 else 9):
        return None
    size = len(written)
    if len(digits) > most:
        size = [at for at, char in enumerate(written, 1) if char.isdecimal()][most - 1]
        if written[size].isdecimal():
            return None  # longer than any number of that country
    return Found(match.start(), match.start() + size, "phone", "+" + digits[:most])


def _classified(words: str, match: re.Match[str], name: str) -> Found | None:
    digits = digits_of(match[0])
    kind, normal = "card", digits
    if match["grouped"] or match["digits"]:
        if not is_card(digits):
            return None
        if match["grouped"]:
            return Found(match.start(), match.end(), kind, digits)
    else:
        kind, normal = "phone", phone(digits)
        if len(set(digits)) == 1 or (
            not match["area"] and not (normal.startswith("+91") and normal[3] in "6789")
        ):
            return None
    if _is_something_else(words, match, name):
        return None
    return Found(match.start(), match.end(), kind, normal)


def _is_something_else(words: str, match: re.Match[str], name: str) -> bool:
    """Whether what stands around a bare number says that it counts or names a thing."""
    start, end = match.span()
    before = words[max(0, start - _WINDOW) : start]
    context = _BEFORE.search(before) or _IN_LIST.search(before)
    around = names.words_of(context[1]) if context else []
    if not around and not before.strip(" \"'[(\\"):
        around = names.words_of(name)
    if not _SOMEBODYS.isdisjoint(around):
        return False
    if not _NOT_SOMEBODYS.isdisjoint(around) or _UNIT.match(words, end):
        return True
    columns = _COLUMN.search(before) or _NEXT_COLUMN.match(words, end)
    return " " in match[0] and columns is not None
