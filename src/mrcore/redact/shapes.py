"""What looks like a secret or like a person, whatever its name is.

Every expression is linear in the text: what it repeats is bounded or never given back, and it
begins only where a word begins.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator

from mrcore.redact import flat, numbers, tags

Found = numbers.Found
Finder = Callable[[str, str], Iterator[Found]]

_T = flat.TAKEN
_P = flat.PADDING
_EDGE = rf"(?<![A-Za-z0-9{_T}])"

_KEYS = re.compile(
    rf"""{_EDGE}(?:
      (?P<aws>(?:AKIA|ASIA)[A-Z0-9]{{16}}(?![A-Za-z0-9]))
    | (?P<gcp>AIza[\w-]{{35}}(?![\w-])|ya29\.[\w-]{{20,}}+|GOCSPX-[\w-]{{20,}}+)
    | (?P<github>gh[pousr]_[A-Za-z0-9]{{30,}}+|github_pat_\w{{20,}}+)
    | (?P<gitlab>glpat-[\w-]{{18,}}+)
    | (?P<slack>xox[abeoprs]-[\w-]{{10,}}+)
    | (?P<stripe>[srp]k_(?:live|test)_\w{{10,}}+|whsec_\w{{16,}}+)
    | (?P<razorpay>rzp_(?:live|test)_\w{{8,}}+)
    | (?P<azure>[\w~.-]{{3}}\dQ~[\w~.-]{{31,34}}(?![\w~-]))
    | (?P<apikey>SG\.[\w-]{{16,}}+\.[\w-]{{16,}}+|npm_[A-Za-z0-9]{{36}}(?!\w)|sk-[\w-]{{20,}}+
        |mr_\d{{1,9}}_[\w-]{{32,}}+)
    )""",
    re.VERBOSE,
)
_KEY_MARKS = (
    *("AKIA", "ASIA", "AIza", "ya29.", "GOCSPX-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    *("github_pat_", "glpat-", "xox", "k_live_", "k_test_", "whsec_", "rzp_", "Q~", "SG.", "npm_"),
    *("sk-", "mr_"),
)
_WEBHOOK = re.compile(r"hooks\.slack\.com/(?:services|workflows)/([\w/-]{16,}+)")
_SIGNATURE = re.compile(r"[?&]sig=([\w\0+/=-]{20,}+)")
_JWT = re.compile(rf"(?<![\w{_T}-])eyJ[\w-]{{8,}}+\.[\w-]{{8,}}+\.[\w-]*+(?:\.[\w-]*+){{0,2}}")
_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^\"'\\-]++|\\++(?![\"'])|-(?!----))*+"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
)
_PEM_LINE = re.compile(r"(?m)^[ \t]{0,8}([A-Za-z0-9+/]{64})[ \t\r]{0,4}$")
_SCHEME = re.compile(
    r"\b(?:(bearer)[ \t]{1,4}([\w.~+/-]{6,}+={0,2})|(basic)[ \t]{1,4}([A-Za-z0-9+/]{6,}+={0,2}))",
    re.IGNORECASE,
)
_USERINFO = re.compile(rf"""://[^\s:/@"'<>{_T}]*+:(?!\d{{1,5}}[?#/])([^\s/"'<>]+)@""")
_USER = re.compile(rf"://([\w.~-]{{16,}}+)@{_P}{{0,2}}")
_CHAR = r"\w\u0900-\u0dff"
_EMAIL = re.compile(
    rf"(?<![{_CHAR}{_T}{_P}.+-])([{_CHAR}.+{_P}-]++)@{_P}{{0,2}}([{_CHAR}-]++(?:\.[{_CHAR}-]++)*+)"
)
_TOP = re.compile(r"(?:[^\W\d_]|[\u0900-\u0dff]){2,}+")
_SERVICES = frozenset({"git", "hg", "svn", "celery", "rabbit"})
_NO_TOPS_WORDS = """
automount css device gif ico jpeg jpg js json map mount path png scope service slice socket svg
swap target timer ts webp
"""
_NO_TOPS = frozenset(_NO_TOPS_WORDS.split())
_UPI_WORDS = """
apl axl fbl ibl okaxis okhdfcbank okicici oksbi paytm ptaxis pthdfc ptsbi ptyes upi waaxis
wahdfcbank waicici wasbi yapl ybl
"""
_UPI = frozenset(_UPI_WORDS.split())
_GOV = re.compile(
    rf"{_EDGE}(?:(?P<gstin>[0-3]\d[A-Z]{{5}}\d{{4}}[A-Z][1-9A-Z]Z[0-9A-Z])"
    r"|(?P<pan>[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]))(?![A-Za-z0-9])"
)
_GOV_HINT = re.compile(r"[A-Z]\d{4}[A-Z]")
_CODES = re.compile(r"otp|code|ओटीपी|one[- ]time[- ](?:password|pin)")
_QUALIFIED = re.compile(
    r"(?:(?:verification|security|login|confirmation|access|authentication|one[- ]time)[- ]|pass)$"
)
_DIGITS = r"(\d{4,8}|\d{3}[ -]\d{3})(?![\w.-]?\d|\w|[ ]?(?:ms|s|bytes|jobs|sec)\b)"
_CODE_AFTER_NAME = re.compile(
    rf"(?:[ ]code)?(?:[ ](?:for|to)[ ][\w.+@{_T}-]{{1,64}}+)?"
    rf"[ ]?(?:[ ](?:is|was|has been|sent|es)\b|है)?[ ]?[:=#-]?[ ]?[\"']?{_DIGITS}"
)
_CODE_BEFORE_NAME = re.compile(
    rf"(?<![\w.-]){_DIGITS}[ ](?:is|as)[ ](?:your|the)[ ](?:[\w-]{{1,24}}+[ ]){{0,4}}"
    r"(?:otp|code|passcode|pin)\b"
)
_BARE_CODE = re.compile(r"[\"']?[ ]?(?:is|[:=])[ ]?[\"']?(\d{6})(?![\w.]|-\d)")
_WORD_BEFORE = re.compile(r"([a-z]{1,16})[ _-]$")
_OTHER_CODES_WORDS = """
area bin branch city country currency dial error exit hsn http ifsc pin postal reason response
result return sort sql status store zip
"""
_OTHER_CODES = frozenset(_OTHER_CODES_WORDS.split())


def find(words: str, lowered: str, name: str = "") -> list[Found]:
    """Shapes in a flat text, in the order of the text; none overlaps another.

    `lowered` is the text in lower case, `name` what it stands under.
    """
    found: list[Found] = []
    for finder in _finders(words, lowered):
        found += finder(words, name)
    if len(found) < 2:
        return found
    taken, ends = [], 0
    for one in sorted(found, key=lambda one: one.start):  # the first finder's first
        if one.start >= ends:
            taken.append(one)
            ends = one.end
    return taken


def _finders(words: str, lowered: str) -> Iterator[Finder]:
    """Those that may find something: the hints are cheap, most lines have none of them."""
    yield from _for_people(words, lowered)
    yield from _for_secrets(words, lowered)


def _for_people(words: str, lowered: str) -> Iterator[Finder]:
    if "@" in words:
        if "://" in words:
            yield _userinfo
        yield _emails
    if numbers.may_be_in(words):
        yield lambda flat, name: iter(numbers.find(flat, name))
    if "otp" in lowered or "code" in lowered or "one-time" in lowered or "ओटीपी" in words:
        yield _codes
    if _GOV_HINT.search(words):
        yield _government


def _for_secrets(words: str, lowered: str) -> Iterator[Finder]:
    if "bearer" in lowered or "basic" in lowered:
        yield _schemes
    if "eyJ" in words:
        yield lambda flat, _: _whole(_JWT, "jwt", flat)
    if any(mark in words for mark in _KEY_MARKS):
        yield _keys
    if "PRIVATE KEY" in words:
        yield lambda flat, _: _whole(_PEM, "pem", flat)
    if "\n" in words or 64 <= len(words) <= 76:
        yield _pem_lines
    if "hooks.slack" in words:
        yield lambda flat, _: _inner(_WEBHOOK, "slack", flat)
    if "sig=" in words:
        yield lambda flat, _: _inner(_SIGNATURE, "azure", flat)


def _whole(pattern: re.Pattern[str], kind: str, words: str) -> Iterator[Found]:
    return (Found(*m.span(), kind, m[0]) for m in pattern.finditer(words))


def _inner(pattern: re.Pattern[str], kind: str, words: str) -> Iterator[Found]:
    return (Found(*m.span(1), kind, m[1]) for m in pattern.finditer(words))


def _keys(words: str, name: str) -> Iterator[Found]:
    for match in _KEYS.finditer(words):
        given = match[0]
        dense = any(map(str.isdigit, given)) and given.lower() != given
        if not given.startswith("sk-") or dense:
            yield Found(*match.span(), match.lastgroup or "apikey", given)


def _schemes(words: str, name: str) -> Iterator[Found]:
    for match in _SCHEME.finditer(words):
        given = match[2] or match[4]
        if match[3]:
            if _is_basic(given):
                yield Found(*match.span(4), "basic", given)
        elif len(given) >= 20 or any(map(str.isdigit, given)):
            yield Found(*match.span(2), "jwt" if _JWT.fullmatch(given) else "bearer", given)


def _is_basic(given: str) -> bool:
    try:
        return b":" in binascii.a2b_base64(given.rstrip("=") + "==")
    except binascii.Error:
        return False


def _pem_lines(words: str, name: str) -> Iterator[Found]:
    """Lines of a key whose first line is elsewhere; a digest in hex has no mixed case."""
    for found in _inner(_PEM_LINE, "pem", words):
        if found.normal.lower() != found.normal and found.normal.upper() != found.normal:
            yield found


def _userinfo(words: str, name: str) -> Iterator[Found]:
    for found in _inner(_USERINFO, "password", words):
        if found.normal.strip(_T):
            yield found
    for found in _inner(_USER, "secret", words):
        if any(map(str.isdigit, found.normal)):
            yield found


def _emails(words: str, name: str) -> Iterator[Found]:
    for match in _EMAIL.finditer(words):
        local, domain = match[1].replace(_P, ""), match[2]
        end = match.end()
        if "." not in domain:
            if domain.lower() in _UPI:
                yield Found(match.start(), end, "upi", f"{local}@{domain}".lower())
            continue
        top = _TOP.match(domain, domain.rindex(".") + 1)
        if top is None or top[0].lower() in _NO_TOPS:
            continue
        if local.lower() in _SERVICES or _is_version(domain):
            continue
        if not domain[top.end() :].startswith(("-", "_")) and top.end() != len(domain):
            continue
        end -= len(domain) - top.end()
        yield Found(match.start(), end, "email", f"{local}@{domain[: top.end()]}".lower())


def _is_version(domain: str) -> bool:
    first, second = domain.split(".")[:2]
    return first.isdecimal() and second[:1].isdecimal()


def _government(words: str, name: str) -> Iterator[Found]:
    for match in _GOV.finditer(words):
        yield Found(*match.span(), match.lastgroup or "pan", match[0])


def _codes(words: str, name: str) -> Iterator[Found]:
    lowered = words.lower()
    if len(lowered) != len(words):
        lowered = words  # a script in which that is not a letter for a letter
    for match in _CODES.finditer(lowered):
        if found := _code(lowered, match):
            yield Found(*found.span(1), "otp", numbers.digits_of(found[1]))
    if " your " in lowered or " the " in lowered:
        for match in _CODE_BEFORE_NAME.finditer(lowered):
            yield Found(*match.span(1), "otp", numbers.digits_of(match[1]))


def _code(words: str, name: re.Match[str]) -> re.Match[str] | None:
    """The code behind what may be the name of one."""
    before = words[max(0, name.start() - 20) : name.start()]
    if name[0] == "code" and not _QUALIFIED.search(before):
        other = _WORD_BEFORE.search(before)
        is_other = before[-1:].isalnum() or (other and other[1] in _OTHER_CODES)
        return None if is_other else _BARE_CODE.match(words, name.end())
    if name[0] == "otp" and before[-1:].isalnum():
        return None
    return _CODE_AFTER_NAME.match(words, name.end())


def is_tagged(words: str) -> bool:
    """Whether this is a tag, or one behind the name of an HTTP scheme."""
    scheme, _, rest = words.rpartition(" ")
    return tags.is_tag(rest) and scheme.lower().strip() in ("", "bearer", "basic", "token")
