"""The one restricted reader of huey's messages: what it is given can neither run code nor hang it.

Only here is pickle imported. Built are JSON's own kinds, bytes, sets, dates and times; the message
itself is a plain record, and every other name becomes an `Unknown` that says what it was called.
Tuples and frozen sets become lists: a nested one as a key could take 2^n steps to hash.
"""

from __future__ import annotations

import datetime
import gzip
import io
import pickle
import pickletools
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from huey.registry import Message

MESSAGE_LIMIT = 65_536
"""Bytes; a larger message is not looked into."""

_REFUSED = frozenset({"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER"})


@dataclass(frozen=True)
class Seen:
    """What a message says: the job's id and task, its arguments, when it is due (huey's clock)."""

    id: str
    task: str
    args: Any
    kwargs: Any
    eta: datetime.datetime | None
    retries: int
    retry_delay: float


class Unreadable(ValueError):
    """Bytes that are not a message, or that want more than the reader gives."""


class Unknown:
    """Stands for an object of a class that the reader does not build; what it held is dropped."""

    name = ""

    def __init__(self, *args: object, **kwargs: object) -> None: ...

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, item: object) -> None: ...

    def extend(self, items: object) -> None: ...

    def add(self, item: object) -> None: ...

    def __repr__(self) -> str:
        return f"<unknown {self.name}>"


class _Parts:
    """A message's values in order; compared and hashed by identity."""

    def __new__(cls, *values: object) -> _Parts:
        made = super().__new__(cls)
        made.values = dict(zip(Message._fields, values, strict=False))
        return made

    values: dict[str, Any]


_BUILT: dict[tuple[str, str], type] = {
    ("huey.registry", "Message"): _Parts,
    ("datetime", "date"): datetime.date,
    ("datetime", "datetime"): datetime.datetime,
    ("datetime", "time"): datetime.time,
    ("datetime", "timedelta"): datetime.timedelta,
    ("datetime", "timezone"): datetime.timezone,
}


_Pure: Any = pickle._Unpickler  # the C one's memo can be made to fill the memory by one number


class _Restricted(_Pure):  # type: ignore[misc]  # a private class without types
    """Builds what `_BUILT` has and JSON's own kinds."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(_Pure.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        known = _BUILT.get((module, name))
        return known or type("Unknown", (Unknown,), {"name": f"{module}.{name}"[:200]})

    def _build(self) -> None:
        self.stack.pop()  # state could be set on a class, so it is never set

    def _tuple(self) -> None:
        items = self.pop_mark()
        self.stack.append(items)

    def _tuple_of(self, size: int) -> None:
        self.stack[-size:] = [self.stack[-size:]]

    dispatch[pickle.BUILD[0]] = _build
    dispatch[pickle.TUPLE[0]] = _tuple
    dispatch[pickle.FROZENSET[0]] = _tuple
    dispatch[pickle.EMPTY_TUPLE[0]] = _Pure.load_empty_list
    dispatch[pickle.TUPLE1[0]] = lambda self: self._tuple_of(1)
    dispatch[pickle.TUPLE2[0]] = lambda self: self._tuple_of(2)
    dispatch[pickle.TUPLE3[0]] = lambda self: self._tuple_of(3)


def read(data: bytes) -> Seen:
    """What a message says.

    Raises Unreadable with a sentence when it is not huey's, too large or broken.
    """
    data = _uncompressed(data)
    _check(data)
    try:
        parts = _Restricted(io.BytesIO(data)).load()
    except Exception as error:
        raise Unreadable(f"The message does not unpickle: {type(error).__name__}.") from error
    values = parts.values if isinstance(parts, _Parts) else {}
    if not isinstance(values.get("id"), str) or not isinstance(values.get("name"), str):
        raise Unreadable("The message is a pickle, but not one of huey's.")
    eta, retries, delay = values.get("eta"), values.get("retries"), values.get("retry_delay")
    return Seen(
        id=values["id"],
        task=values["name"],
        args=values.get("args"),
        kwargs=values.get("kwargs"),
        eta=eta if isinstance(eta, datetime.datetime) else None,
        retries=retries if isinstance(retries, int) else 0,
        retry_delay=float(delay) if isinstance(delay, int | float) else 0.0,
    )


_BEGIN_BYTES = 512
_HEAD = b"\x8c\x07Message\x94\x93\x94(\x8c"


def hint(data: bytes) -> str:
    """The job id that a message seems to have, without unpickling; '' where that cannot be seen.

    Only `read` tells for sure.
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


def _uncompressed(data: bytes) -> bytes:
    """Without huey's compression; never more than the limit is unpacked."""
    try:
        if data[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                data = file.read(MESSAGE_LIMIT + 1)
        elif data[:1] == b"\x78":
            data = zlib.decompressobj().decompress(data, MESSAGE_LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable("The message is compressed, and broken.") from error
    if len(data) > MESSAGE_LIMIT:
        raise Unreadable(f"The message is larger than {MESSAGE_LIMIT} bytes.")
    return data


def _check(data: bytes) -> None:
    """Walk the opcodes without running any: every length must lie within the message."""
    try:
        refused = [op.name for op, _, _ in pickletools.genops(data) if op.name in _REFUSED]
    except Exception as error:
        raise Unreadable("The message is not a pickle.") from error
    if refused:
        raise Unreadable(f"The message uses {refused[0]}, which huey does not.")
