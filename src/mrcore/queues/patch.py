"""JSON Patch (RFC 6902): how an edit is said, which works on what is not shown. Pure."""

from __future__ import annotations

import copy
import re

from pydantic import JsonValue

from mrcore import errors

OPS_MAX = 100
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_OPS = {
    "add": ("value",),
    "remove": (),
    "replace": ("value",),
    "move": ("from",),
    "copy": ("from",),
    "test": ("value",),
}


def apply(payload: JsonValue, ops: JsonValue) -> JsonValue:
    """The payload after the operations, in their order; the given one is not changed.

    All or none is done. Raises BadRequest with a sentence that names the operation and the path.
    """
    if not isinstance(ops, list) or len(ops) > OPS_MAX:
        raise errors.BadRequest(
            f"A patch is a list of at most {OPS_MAX} operations.",
            fix='One is {"op": "replace", "path": "/kwargs/to", "value": "…"}.',
        )
    done = copy.deepcopy(payload)
    for number, op in enumerate(ops, 1):
        try:
            done = _one(done, op)
        except _Wrong as wrong:
            raise errors.BadRequest(f"Operation {number} of the patch: {wrong}.") from None
    return done


class _Wrong(Exception):
    """What is wrong with one operation."""


def _one(data: JsonValue, op: JsonValue) -> JsonValue:
    kind, op = _read(op)
    to = _pointer(op["path"])
    value = copy.deepcopy(op.get("value"))
    match kind:
        case "test":
            if not _same(_get(data, to), value):
                raise _Wrong(f"{_shown(to)} is not what the patch was made for")
            return data
        case "remove":
            return _removed(data, to)
        case "replace":
            _get(data, to)
            return _put(data, to, value)
        case "add":
            return _added(data, to, value)
    source = _pointer(op["from"])
    if kind == "move" and to[: len(source)] == source and to != source:
        raise _Wrong(f"{_shown(source)} cannot be moved into itself")
    value = copy.deepcopy(_get(data, source))
    return _added(_removed(data, source) if kind == "move" else data, to, value)


def _read(op: JsonValue) -> tuple[str, dict[str, JsonValue]]:
    """The kind of an operation that has all that it needs."""
    if not isinstance(op, dict):
        raise _Wrong("it is no object")
    kind = op.get("op")
    if not isinstance(kind, str) or kind not in _OPS:
        raise _Wrong(f"there is no op {kind!r}; there are {', '.join(_OPS)}")
    for needed in ("path", *_OPS[kind]):
        if needed not in op:
            raise _Wrong(f"{kind} needs {needed!r}")
    return kind, op


def _pointer(path: JsonValue) -> list[str]:
    """A JSON Pointer's parts."""
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise _Wrong(f"{path!r} is no path; it is empty or begins with /")
    parts = path.split("/")[1:]
    if any(re.search(r"~(?![01])", part) for part in parts):
        raise _Wrong(f"{path!r} is no path: ~ is written ~0")
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def _shown(parts: list[str]) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts) or "all"


def _get(data: JsonValue, parts: list[str]) -> JsonValue:
    for depth, part in enumerate(parts):
        if isinstance(data, dict) and part in data:
            data = data[part]
        elif isinstance(data, list) and _INDEX.fullmatch(part) and int(part) < len(data):
            data = data[int(part)]
        else:
            raise _Wrong(f"there is no {_shown(parts[: depth + 1])}")
    return data


def _put(data: JsonValue, parts: list[str], value: JsonValue) -> JsonValue:
    """Replace what is there."""
    if not parts:
        return value
    owner = _get(data, parts[:-1])
    if isinstance(owner, list):
        owner[int(parts[-1])] = value
    elif isinstance(owner, dict):
        owner[parts[-1]] = value
    return data


def _added(data: JsonValue, parts: list[str], value: JsonValue) -> JsonValue:
    if not parts:
        return value
    owner, last = _get(data, parts[:-1]), parts[-1]
    if isinstance(owner, dict):
        owner[last] = value
    elif isinstance(owner, list):
        if last != "-" and not (_INDEX.fullmatch(last) and int(last) <= len(owner)):
            raise _Wrong(f"{_shown(parts)} is no place in a list of {len(owner)}")
        owner.insert(len(owner) if last == "-" else int(last), value)
    else:
        raise _Wrong(f"{_shown(parts[:-1])} holds nothing")
    return data


def _removed(data: JsonValue, parts: list[str]) -> JsonValue:
    _get(data, parts)
    if not parts:
        return None
    owner = _get(data, parts[:-1])
    if isinstance(owner, list):
        owner.pop(int(parts[-1]))
    elif isinstance(owner, dict):
        owner.pop(parts[-1])
    return data


def _same(one: JsonValue, other: JsonValue) -> bool:
    """Equal as JSON: true is not 1, 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(_same(a, b) for a, b in pairs)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return one == other
