"""The head of a message: whose it is, told without unpickling it, however large it is."""

from __future__ import annotations

import hashlib
import re
import zlib

_BEGIN_BYTES = 512
_HEAD = b"\x8c\x07Message\x94\x93\x94(\x8c"


def hint(data: bytes) -> str:
    """The job id that a message seems to have, without unpickling; '' where that cannot be seen.

    Only `reader.read` tells for sure.
    """
    at = data.find(_HEAD) + len(_HEAD)
    if at < len(_HEAD) or at >= len(data):
        return ""
    return data[at + 1 : at + 1 + data[at]].decode("utf-8", "replace")


_BEGIN = re.compile(
    rb"\x80[\x04\x05]\x95.{8}\x8c\x0dhuey\.registry\x94\x8c\x07Message\x94\x93\x94\(\x8c(.)",
    re.DOTALL,
)
"""How huey's messages begin: the class, and the first of its values, which is the id."""


def begins(data: bytes) -> str:
    """The job id that a message begins with, however large it is; '' where it begins otherwise.

    Only the beginning is looked at, and unpacked where huey compressed it.
    """
    try:
        if data[:2] == b"\x1f\x8b":
            data = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, _BEGIN_BYTES)
        elif data[:1] == b"\x78":
            data = zlib.decompressobj().decompress(data, _BEGIN_BYTES)
    except zlib.error:
        return ""
    found = _BEGIN.match(data)
    if found is None:
        return ""
    return data[found.end() : found.end() + found[1][0]].decode("utf-8", "replace")


NAMELESS = "unreadable-"


def nameless(data: bytes) -> str:
    """The id of a job whose message does not say one: the same for the same bytes."""
    return NAMELESS + hashlib.sha256(data).hexdigest()[:16]
