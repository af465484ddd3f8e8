"""What an edit does to a message: a JSON Patch on its payload, which stays as plain. Pure."""

from __future__ import annotations

import json
from typing import Any

from pydantic import JsonValue

from mrcore import errors
from mrcore.journal import projection, reader, scripts
from mrcore.model import plans
from mrcore.queues import patch
from mrcore.redact import tags


def operations(args: plans.Args) -> list[JsonValue]:
    """The operations of an edit. Raises BadRequest for none, and for a tag left in a value."""
    ops = args.get("patch")
    if not isinstance(ops, list) or not ops:
        raise errors.BadRequest(
            "patch is a list of operations (RFC 6902), and needs at least one.",
            fix='One is {"op": "replace", "path": "/kwargs/to", "value": "…"}.',
        )
    for number, op in enumerate(ops, 1):
        value = op.get("value") if isinstance(op, dict) else None
        found = tags.TAG.search(json.dumps(value, ensure_ascii=False))
        if found is not None and op.get("op") != "test":  # type: ignore[union-attr]
            raise errors.BadRequest(
                f"Operation {number} of the patch would write {found[0]!r}, which stands in place "
                "of a value that is hidden.",
                fix="Leave out what stays as it is, or write the value itself.",
            )
    return ops


def edited(message: bytes, ops: list[JsonValue]) -> tuple[bytes, dict[str, scripts.Value | None]]:
    """A message with another payload, and what the journal says of it then.

    Raises BadRequest where the patch does not fit, Unreadable and NotPlain for the message.
    """
    seen = reader.read(message)
    before: dict[str, Any] = {"args": seen.args, "kwargs": seen.kwargs}
    if not _is_json(before):
        raise reader.NotPlain("Its payload holds what JSON has no word for, and would be changed.")
    after = patch.apply(before, ops)
    if not isinstance(after, dict) or after.keys() != before.keys():
        raise errors.BadRequest("A payload has args and kwargs, and nothing else.")
    args, kwargs = after["args"], after["kwargs"]
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise errors.BadRequest("The args of a payload are a list and its kwargs an object.")
    like = _like(args, seen.args), _like(kwargs, seen.kwargs)
    data = reader.rewritten(message, args=like[0], kwargs=like[1])
    return data, {"payload": projection.dump(after)}


def _is_json(value: Any, depth: int = 0) -> bool:
    if isinstance(value, dict):
        keys = all(isinstance(key, str) for key in value)
        return keys and depth < 40 and all(_is_json(item, depth + 1) for item in value.values())
    if type(value) in (list, reader.Row):
        return depth < 40 and all(_is_json(item, depth + 1) for item in value)
    return value is None or type(value) in (bool, int, float, str)


def _like(after: Any, before: Any) -> Any:
    """A patched value in which what was a tuple is one again."""
    if isinstance(after, list) and isinstance(before, list):
        more = [None] * (len(after) - len(before))
        items = [_like(a, b) for a, b in zip(after, [*before, *more], strict=False)]
        return reader.Row(items) if isinstance(before, reader.Row) else items
    if isinstance(after, dict) and isinstance(before, dict):
        return {key: _like(item, before.get(key)) for key, item in after.items()}
    return after
