"""What the positional arguments of tasks are called: told by workers, who have the functions."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any

TASKS, NAMES = 500, 50
"""At most so many tasks of a queue, and parameters of a task."""

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def of(registry: Mapping[str, Any]) -> dict[str, str]:
    """By a task's name the JSON list of its parameters; `*rest` takes all that follow."""
    found = {}
    for task, made in list(registry.items())[:TASKS]:
        names = list(_names(made))[:NAMES]
        if names:
            found[task] = json.dumps(names)
    return found


def _names(made: Any) -> Iterator[str]:
    """Of a task's function, which huey keeps in the closure of `execute`; none of what has none."""
    execute: Any = getattr(made, "execute", None)
    closure = getattr(execute, "__closure__", None) or ()
    held = dict(zip(execute.__code__.co_freevars, closure, strict=True)) if closure else {}
    if "func" not in held:
        return
    try:
        parameters = inspect.signature(held["func"].cell_contents).parameters
    except (TypeError, ValueError):
        return
    for name, parameter in parameters.items():
        if parameter.kind in _POSITIONAL:
            yield name
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            yield f"*{name}"


def read(words: bytes | None) -> list[str]:
    """The names as they were written; none where nobody told them."""
    try:
        found = json.loads(words or b"[]")
    except ValueError:
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def named(names: list[str], args: list[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """Arguments by name; None where the task has other ones by now, or nothing is positional."""
    rest = names[-1] if names and names[-1].startswith("*") else ""
    fixed = names[:-1] if rest else names
    given = dict(zip(fixed, args, strict=False))
    if not args or (len(args) > len(fixed) and not rest) or given.keys() & kwargs.keys():
        return None
    more = {rest: args[len(fixed) :]} if len(args) > len(fixed) else {}
    return {**given, **more, **kwargs}
