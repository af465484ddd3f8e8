"""The arguments of an action, and what is said of those that it does not take. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from mrcore import catalogue, errors
from mrcore.model import plans

_NEAR = 0.4
"""How alike a name has to be for it to be meant: `minutes` is no `by_s`."""


def check(action: catalogue.Action, args: plans.Args) -> None:
    """Raise BadRequest for an argument that the action does not take, with those that it does."""
    unknown = sorted(args.keys() - action.args.keys())
    if unknown:
        said = f"{action.id} takes no argument {', '.join(unknown)}."
        raise errors.BadRequest(said, fix=" ".join(_fix(action, unknown)))


def explained(action: catalogue.Action, error: errors.BadRequest) -> errors.BadRequest:
    """The same error, with what the action takes where it is about one of its arguments.

    Then its sentence begins with the argument's name.
    """
    about = any(re.match(rf"{re.escape(name)}\b", error.sentence) for name in action.args)
    if error.fix or not about:
        return error
    return errors.BadRequest(error.sentence, fix=takes(action))


def takes(action: catalogue.Action) -> str:
    """`It takes by_s (run it so many seconds from now).`"""
    listed = ", ".join(f"{name} ({meaning})" for name, meaning in action.args.items())
    return f"It takes {listed}." if listed else "It takes none."


def _fix(action: catalogue.Action, unknown: list[str]) -> Iterator[str]:
    for name in unknown:
        if near := difflib.get_close_matches(name, action.args, 1, _NEAR):
            yield f"{near[0]} is the nearest."
    yield takes(action)
