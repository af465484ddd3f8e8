"""What an RQ job was called with and what it gave back, as it may be shown. Pure.

`data`, `meta` and results are pickles (or JSON, with RQ's JSONSerializer). Only the restricted
reader reads them: no code of theirs runs. What stands under a name is redacted by that and by its
shape. What has no name, like an argument by position, may be a password as well as anything else:
it is shown as a tag. What is not read is shown by its size and class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import JsonValue

from mrcore import redact
from mrcore.journal import projection, reader
from mrcore.sources.rq import asking, record

_OPEN_BELOW = 100
"""Numbers without a name that are shown: shorter than any code."""


def called(fields: Mapping[bytes, bytes], clean: redact.Redactor) -> JsonValue:
    """What a job was called with, and its `meta`; a reveal shows pickles' bytes, too."""
    data = record.inflated(fields.get(b"data"))
    description = asking.text(fields.get(b"description"))
    shown: dict[str, JsonValue] = {}
    said = _read(data, clean)
    if _is_call(said):
        shown |= {"function": clean.text(said[0])}
        shown |= {"args": clean.value(_bare(said[2], clean)), "kwargs": clean.value(said[3])}
    else:
        shown |= {"function": clean.text(record.name(description)), "data": held(data, clean)}
    if meta := fields.get(b"meta"):
        shown["meta"] = held(meta, clean)
    if clean is redact.NOTHING:
        shown["call"] = description
        pickled = {"data": data, "meta": meta or b""}.items()
        shown |= {name: raw(some) for name, some in pickled if some[:1] == b"\x80"}
    return shown


def held(data: bytes, clean: redact.Redactor) -> JsonValue:
    """A value as it may be shown; a text of several words as it is, but for what it names."""
    said = _read(data, clean)
    if isinstance(said, _Unread):
        if clean is redact.NOTHING:
            return raw(data)
        return {"bytes": len(data), said.tells: clean.text(said.what)}
    if isinstance(said, str) and len(said.split()) > 1:
        return clean.text(said)
    return clean.value(_bare(said, clean))


def words(data: bytes | None) -> JsonValue:
    """What can be searched of a call, and says when it expires; None where it is not read."""
    said = _read(record.inflated(data), redact.ALL)
    if _is_call(said):
        return {"function": said[0], "args": _bare(said[2], redact.ALL), "kwargs": said[3]}
    return None if isinstance(said, _Unread) else _bare(said, redact.ALL)


def raw(data: bytes) -> str:
    """Bytes as they are written in Python, the first 16 KiB."""
    more = f" … ({len(data):,} bytes)" if len(data) > 16_384 else ""
    return f"{data[:16_384]!r}{more}"


class _Unread(NamedTuple):
    """In place of a value that is not read: its `class`, or `why` it is not read."""

    tells: str
    what: str


def _read(data: bytes, clean: redact.Redactor) -> Any:
    """JSON's value, or a pickle's as JSON has it; `_Unread` for any other."""
    if (parsed := record.parsed_json(data)) is not None or data == b"null":
        return parsed
    try:
        said = reader.value(data)
    except reader.Unreadable as why:
        return _Unread("why", str(why))
    if isinstance(said, reader.Unknown):
        return _Unread("class", said.name)

    def other(value: object) -> str:
        """Bytes may hold anything, like a pickle in a pickle."""
        told = repr(value)[:1_000]
        return clean.under("secret", told) if isinstance(value, bytes | bytearray) else told

    return projection.plain(said, other)


def _is_call(said: Any) -> bool:
    return isinstance(said, list) and len(said) == 4 and isinstance(said[0], str)


def _bare(value: Any, clean: redact.Redactor) -> Any:
    """What stands under no name as tags, so that equal ones are seen to be equal."""
    if isinstance(value, list):
        return [_bare(item, clean) for item in value]
    if isinstance(value, str):
        return clean.under("secret", value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _OPEN_BELOW:
        told = clean.under("secret", str(value))
        return value if told == str(value) else told
    return value
