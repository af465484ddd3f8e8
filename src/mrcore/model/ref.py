"""Refs: `source/kind/id…`, each part percent-encoded, so that any bytes can be an id."""

from __future__ import annotations

import functools
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

SCHEME = "mr://"
_AROUND = " \t\r\n\"'`<>()[]{},;"


class Address(NamedTuple):
    """A ref taken apart; ids are bytes because Redis keys are."""

    source: str
    kind: str
    ids: tuple[bytes, ...]

    @property
    def id(self) -> str:
        """The last id as text; undecodable bytes become backslash escapes."""
        return self.ids[-1].decode("utf-8", "backslashreplace") if self.ids else ""


def make(source: str, kind: str, *ids: str | bytes | int) -> str:
    """Build a ref; every part may hold `/ % ? space` and any byte."""
    parts = [source, kind, *(str(i) if isinstance(i, int) else i for i in ids)]
    return "/".join(map(_encoded, parts))


# The same few thousand parts are encoded and decoded with every sample and look at the rules.
@functools.lru_cache(maxsize=32_768)
def _encoded(part: str | bytes) -> str:
    return quote(part, safe="")


def parse(ref: str) -> Address:
    """Take a ref (or its `mr://` form) apart.

    Raises ValueError when it has no source or no kind, or when these are not text.
    """
    parts = [unquote_to_bytes(part) for part in ref.removeprefix(SCHEME).split("/")]
    try:
        source, kind = (part.decode() for part in parts[:2])
    except ValueError:
        source = kind = ""
    if not source or not kind:
        raise ValueError(f"{ref!r} is not a ref; a ref is source/kind/id")
    return Address(source, kind, tuple(parts[2:]))


def pasted(text: str) -> str:
    """The ref in what a person pasted: without what stands around it, or broke it into lines.

    No ref has white space, quotes or brackets in it, since they are encoded; of several refs it is
    the first.
    """
    start = text.find(SCHEME)
    found = "".join(text[max(0, start) :].split("\n")).replace("\r", "").strip(_AROUND)
    first = found.removeprefix(SCHEME).partition(SCHEME)[0]
    return next(iter(first.split()), "").strip(_AROUND)


def plain(ref: str) -> str:
    """A ref in either form as sources write it, without `mr://`."""
    return ref.removeprefix(SCHEME)


def source_of(ref: str) -> str:
    """The source's name in a ref."""
    return _decoded(ref.removeprefix(SCHEME).split("/", 1)[0])


@functools.lru_cache(maxsize=1_024)
def _decoded(part: str) -> str:
    return unquote_to_bytes(part).decode()


def url(ref: str) -> str:
    """The form that a person can paste: `mr://huey/queue/emailQueue`."""
    return SCHEME + ref
