"""Tags: what is shown in place of a value, `type:7f3a91`, equal where the values are equal.

The six hex digits are of HMAC-SHA256 over the value, with the key of this process: who does not
have the key can neither reckon back nor try values out. Without a key no digits are shown.
"""

from __future__ import annotations

import hashlib
import hmac
import re

MASK = "•••"

TYPES = (
    *("aadhaar", "account", "apikey", "authorization", "aws", "azure", "basic", "bearer", "card"),
    *("cookie", "credential", "cvv", "email", "gcp", "github", "gitlab", "gstin", "jwt", "otp"),
    *("pan", "password", "pem", "phone", "pin", "razorpay", "secret", "slack", "stripe", "token"),
    *("upi",),
)

DIGITS = 6

BODY = rf"(?:{'|'.join(TYPES)}):(?:(?=[0-9]{{0,5}}+[a-f])[0-9a-f]{{6}}(?![0-9A-Za-z_])|{MASK})"
"""A tag. It has at least one letter, so that `otp:482913` is none."""

TAG = re.compile(BODY)
_LETTER = re.compile("[a-f]")

_key = b""


def use(key: bytes) -> None:
    """Take this key; `redact.use` also forgets what was made with another."""
    global _key
    _key = key


def key() -> bytes:
    """The key that is in use, empty for none."""
    return _key


def make(kind: str, value: str) -> str:
    """The tag of a value, which was normalised by whoever recognised it."""
    if not _key:
        return f"{kind}:{MASK}"
    made = hmac.new(_key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    at = 0
    while not _LETTER.search(made, at, at + DIGITS):
        at += 1  # the first six digits that hold a letter
    return f"{kind}:{made[at : at + DIGITS]}"


def is_tag(words: str) -> bool:
    """Whether this is a tag and nothing else."""
    return TAG.fullmatch(words) is not None
