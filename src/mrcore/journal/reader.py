"""The one restricted reader of huey's messages, and the writer of what it has read.

What it is given can neither run code nor hang it.

Only here is pickle imported. Built are JSON's own kinds, bytes, sets, dates and times; the message
itself is a plain record, and every other name becomes an `Unknown` that says what it was called.
Tuples and frozen sets become lists: a nested one as a key could take 2^n steps to hash. Written is
only a message of such plain data.
"""

from __future__ import annotations

import datetime
import gzip
import io
import pickle
import pickletools
import zlib
from collections.abc import Callable, Iterator
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
    then: tuple[tuple[str, str], ...] = ()
    """Id and task of what runs with its result, one after the other; at most three."""


class Unreadable(ValueError):
    """Bytes that are not a message, or that want more than the reader gives."""


class NotPlain(ValueError):
    """A message that would lose something if it were written anew; the sentence says what."""


class Row(list[Any]):
    """A list that was a tuple."""


class _Frozen(list[Any]):
    """A list that was a frozen set."""


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
        self.stack.append(Row(items))

    def _frozen(self) -> None:
        items = self.pop_mark()
        self.stack.append(_Frozen(items))

    def _tuple_of(self, size: int) -> None:
        self.stack[-size:] = [Row(self.stack[-size:])]

    dispatch[pickle.BUILD[0]] = _build
    dispatch[pickle.TUPLE[0]] = _tuple
    dispatch[pickle.FROZENSET[0]] = _frozen
    dispatch[pickle.EMPTY_TUPLE[0]] = lambda self: self.stack.append(Row())
    dispatch[pickle.TUPLE1[0]] = lambda self: self._tuple_of(1)
    dispatch[pickle.TUPLE2[0]] = lambda self: self._tuple_of(2)
    dispatch[pickle.TUPLE3[0]] = lambda self: self._tuple_of(3)


def read(data: bytes) -> Seen:
    """What a message says.

    Raises Unreadable with a sentence when it is not huey's, too large or broken.
    """
    values, _ = _values(_uncompressed(data))
    eta, retries, delay = values.get("eta"), values.get("retries"), values.get("retry_delay")
    return Seen(
        id=values["id"],
        task=values["name"],
        args=values.get("args"),
        kwargs=values.get("kwargs"),
        eta=eta if isinstance(eta, datetime.datetime) else None,
        retries=retries if isinstance(retries, int) else 0,
        retry_delay=float(delay) if isinstance(delay, int | float) else 0.0,
        then=tuple(_chain(values)),
    )


def _chain(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for _ in range(3):
        parts = values.get("on_complete")
        values = parts.values if isinstance(parts, _Parts) else {}
        if not isinstance(values.get("id"), str) or not isinstance(values.get("name"), str):
            return
        yield values["id"], values["name"]


def value(data: bytes) -> Any:
    """What any pickle says, an object of a class that is not built as an `Unknown`.

    Raises Unreadable with a sentence when it is no pickle, too large or broken.
    """
    if len(data) > MESSAGE_LIMIT:
        raise Unreadable(f"The pickle is larger than {MESSAGE_LIMIT} bytes.")
    return _loaded(io.BytesIO(data))


def _loaded(stream: io.BytesIO) -> Any:
    _check(stream.getvalue())
    try:
        return _Restricted(stream).load()
    except Exception as error:
        raise Unreadable(f"The message does not unpickle: {type(error).__name__}.") from error


def _values(data: bytes) -> tuple[dict[str, Any], bytes]:
    """A message's values by name, and what stands behind it: a signature."""
    stream = io.BytesIO(data)
    parts = _loaded(stream)
    values = parts.values if isinstance(parts, _Parts) else {}
    if not isinstance(values.get("id"), str) or not isinstance(values.get("name"), str):
        raise Unreadable("The message is a pickle, but not one of huey's.")
    return values, stream.read()


def rewritten(data: bytes, **changes: Any) -> bytes:
    """A message with other values: `id`, `args`, `kwargs`, `eta`, …; all else is as it was.

    Tuples stay tuples. Raises Unreadable as `read` does, and NotPlain for what cannot be kept: an
    object of a class that only its workers know, a signature.
    """
    plain = _uncompressed(data)
    values, behind = _values(plain)
    if behind:
        raise NotPlain("It is signed: only who has its key can write it.")
    made = _Writer().message({**values, **changes})
    written = pickle.dumps(made, protocol=min(plain[1], pickle.HIGHEST_PROTOCOL))
    if data[:2] == b"\x1f\x8b":
        return gzip.compress(written)
    return zlib.compress(written) if data[:1] == b"\x78" else written


class _Writer:
    """Makes what was read into what is pickled: nothing but plain data, and not without an end."""

    def __init__(self) -> None:
        self._left = 20_000

    def message(self, values: dict[str, Any]) -> Message:
        made = {name: self._plain(value, 0) for name, value in values.items()}
        made["args"] = tuple(made.get("args") or ())
        return Message(**made)

    def _plain(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > 40:
            raise NotPlain("It holds too much, or too deep, to be written anew.")
        if isinstance(value, _Parts):
            return self.message(value.values)
        if isinstance(value, _Frozen):
            raise NotPlain("It holds a frozen set, which would be lost.")
        if isinstance(value, Row | tuple):
            return tuple(self._plain(item, depth + 1) for item in value)
        if isinstance(value, list):
            return [self._plain(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return {k: self._plain(item, depth + 1) for k, item in value.items()}
        if isinstance(value, set):
            return {self._plain(item, depth + 1) for item in value}
        if isinstance(value, _PLAIN):
            return value
        raise NotPlain("It holds an object of a class that only its workers know.")


_PLAIN = (
    *(type(None), bool, int, float, str, bytes),
    *(datetime.date, datetime.time, datetime.timedelta, datetime.timezone),
)
"""What is written as it was read; a datetime is a date."""


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
