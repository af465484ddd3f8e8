"""Names of fields, headers and keys, and what type of value stands under them."""

from __future__ import annotations

import functools
import re

_CACHED_CHARS = 64

_SECRET = {
    "pass": "password",
    "secret": "secret",
    "token": "token",
    "jwt": "token",
    "otp": "otp",
    "pin": "pin",
    "cvv": "cvv",
    "cvc": "cvv",
    "authorization": "authorization",
    "cookie": "cookie",
}
_ENDINGS = {
    "token": "token",
    "secret": "secret",
    "requirepass": "password",
    "dbpass": "password",
    "userpass": "password",
    "masterauth": "password",
    "cliauth": "password",
}
_JOINED = re.compile(
    r"(password|passwd|passphrase|passcode|pwd)|(credential)"
    r"|((?:api|private|access|account|signing|encryption)key)"
)
_JOINED_TYPES = ("", "password", "credential", "apikey")
_HARMLESS_END_WORDS = """
attempt count error exception expired expires expiry expiration enabled endpoint failure file folder
job kind len length limit max min missing name param path policy prefix queue required reset retry
retries sent state status ttl type uri url verified version worker
"""
_HARMLESS_END = frozenset(_HARMLESS_END_WORDS.split())
_DEEDS = frozenset({"fetch", "generate", "get", "resend", "send", "validate"})
"""`sendOtp` is a job, and what stands behind it its id."""

_PERSONAL = {
    "phone": "phone",
    "mobile": "phone",
    "msisdn": "phone",
    "whatsapp": "phone",
    "telephone": "phone",
    "card": "card",
    "aadhaar": "aadhaar",
    "aadhar": "aadhaar",
    "vpa": "upi",
    "upi": "upi",
}
PERSONAL = frozenset({*_PERSONAL.values(), "account"})
"""Types of what tells of a person and is named."""

_ACCOUNT = re.compile(r"(?:account|acct|acc)(?:no|num|number)$|^iban$")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SEGMENT = re.compile(r"[:./\s]")

_STEMS = (
    *("pass", "pwd", "secret", "token", "jwt", "otp", "pin", "cvv", "cvc", "authorization"),
    *("cookie", "credential", "key", "masterauth", "cliauth", "cli_auth"),
)

ALL_STEMS = (*_STEMS, *_PERSONAL, "account", "accno", "acc_no", "acct", "iban", "identified by")
"""Lower-case parts of which every name that matters holds one."""


def words_of(name: str) -> list[str]:
    """The words of a name in lower case: camelCase, snake_case and kebab-case are taken apart."""
    return [word.lower() for word in _WORD.findall(name)]


def is_secret(name: str) -> bool:
    """Whether a field, header or key of this name holds what nobody should read."""
    return bool(secret(name))


def secret(name: str) -> str:
    """The type of what stands under this name; empty where it is no secret."""
    return _cached(name) if len(name) <= _CACHED_CHARS else _secret(name)


def personal(name: str) -> str:
    """The type of a number or address that a field of this name holds; empty for none."""
    return _cached_personal(name) if len(name) <= _CACHED_CHARS else _personal(name)


def _personal(name: str) -> str:
    words = words_of(name)
    for word in reversed(words):
        if kind := _PERSONAL.get(word):
            return kind
    return "account" if _ACCOUNT.search("".join(words)) else ""


@functools.lru_cache(maxsize=4096)
def _cached(name: str) -> str:
    return _secret(name)


@functools.lru_cache(maxsize=4096)
def _cached_personal(name: str) -> str:
    return _personal(name)


def _secret(name: str) -> str:
    for segment in reversed(_SEGMENT.split(name)):
        words = [word.removesuffix("s") for word in words_of(segment)]
        if (
            words
            and words[0] not in _DEEDS
            and not _HARMLESS_END & {words[-1], words[-1] + "s"}
            and (kind := _type(words))
        ):
            return kind
    return ""


def _type(words: list[str]) -> str:
    for word in reversed(words):
        for known in (word, word + "s"):
            if kind := _SECRET.get(known):
                return kind
        for ending, kind in _ENDINGS.items():
            if word.endswith(ending) or f"{word}s".endswith(ending):
                return kind
    joined = _JOINED.search("".join(words))
    return _JOINED_TYPES[joined.lastindex or 0] if joined else ""
