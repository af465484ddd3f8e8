"""What an edit of a redacted payload means: the smallest JSON Patch (RFC 6902). Pure."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator

from pydantic import JsonValue

from mrcore import errors

Ops = list[dict[str, JsonValue]]

TAG = re.compile(r"[a-z]{2,16}:(?:[0-9a-f]{6}(?![0-9A-Za-z_])|•••)")
"""What stands in place of a value that is hidden: `email:7f3a91`."""


def read(text: str) -> JsonValue:
    """What was typed, as JSON. Raises BadRequest with the line where it is none."""
    try:
        value: JsonValue = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        why = f"{error.msg} in line {error.lineno}, column {error.colno}"
        raise errors.BadRequest(f"This is no JSON: {why}.") from None
    except (ValueError, RecursionError) as error:
        raise errors.BadRequest(f"This is no JSON: {error}.") from None
    return value


def _no_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is no number of JSON")


def written(payload: JsonValue) -> str:
    """A payload as it is edited: a line a value."""
    return json.dumps(payload, indent=2, ensure_ascii=False)


def between(before: JsonValue, after: JsonValue) -> Ops:
    """The operations that make one of the other, in their order; none where they are equal.

    Raises BadRequest where one would write a tag: what it stands for is not known here, and the
    job would be run with the tag itself.
    """
    ops = list(_changes("", before, after))
    hidden = set(TAG.findall(json.dumps(before, ensure_ascii=False)))
    for op in ops:
        said = json.dumps(op.get("value"), ensure_ascii=False)
        for tag in TAG.findall(said):
            if tag in hidden:
                raise errors.BadRequest(
                    f"{op['path'] or 'The whole'} would be written with {tag}, which stands for a "
                    "value that is hidden: leave it as it was, or write the whole value."
                )
    return ops


def _changes(path: str, before: JsonValue, after: JsonValue) -> Iterator[dict[str, JsonValue]]:
    if _same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        inside = list(_of_objects(path, before, after))
    elif isinstance(before, list) and isinstance(after, list):
        inside = list(_of_lists(path, before, after))
    else:
        inside = []
    whole: dict[str, JsonValue] = {"op": "replace", "path": path, "value": after}
    hides = TAG.search(json.dumps(after, ensure_ascii=False)) is not None
    if inside and (hides or _size(inside) <= _size([whole])):
        yield from inside
    else:
        yield whole


def _of_objects(
    path: str, before: dict[str, JsonValue], after: dict[str, JsonValue]
) -> Iterator[dict[str, JsonValue]]:
    for name in before:
        if name not in after:
            yield {"op": "remove", "path": f"{path}/{_part(name)}"}
    for name, value in after.items():
        below = f"{path}/{_part(name)}"
        if name not in before:
            yield {"op": "add", "path": below, "value": value}
        else:
            yield from _changes(below, before[name], value)


def _of_lists(
    path: str, before: list[JsonValue], after: list[JsonValue]
) -> Iterator[dict[str, JsonValue]]:
    """Pieces that differ, from the end on: the places before them stay as they were."""
    one, other = ([json.dumps(item, sort_keys=True) for item in side] for side in (before, after))
    pieces = difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    for kind, low, high, new_low, new_high in reversed(pieces):
        if kind == "equal":
            continue
        both = min(high - low, new_high - new_low)
        for place in reversed(range(low + both, high)):
            yield {"op": "remove", "path": f"{path}/{place}"}
        for more in range(new_low + both, new_high):
            place = low + more - new_low
            yield {"op": "add", "path": f"{path}/{place}", "value": after[more]}
        for step in range(both):
            yield from _changes(f"{path}/{low + step}", before[low + step], after[new_low + step])


def _part(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _size(ops: Ops) -> int:
    return len(json.dumps(ops, ensure_ascii=False))


def _same(one: JsonValue, other: JsonValue) -> bool:
    """Equal as JSON text: true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def told(op: dict[str, JsonValue]) -> str:
    """An operation in a line: `/kwargs/to → "x"`, `/kwargs/cc removed`."""
    path = str(op["path"]) or "all"
    if op["op"] == "remove":
        return f"{path} removed"
    sign = "+" if op["op"] == "add" else "→"
    return f"{path} {sign} {json.dumps(op.get('value'), ensure_ascii=False)}"
