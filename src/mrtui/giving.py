"""Arguments of actions as a person types them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from pydantic import JsonValue

from mrcore import catalogue
from mrcore.model import base, plans

OTHERWISE = frozenset(("queue.retry", "job.edit", "core.arm", "alert.ack"))
"""What is asked for in a way of its own, or can be left out."""


def value(typed: str) -> JsonValue:
    """JSON where it is some, else text."""
    try:
        made: JsonValue = json.loads(typed)
    except ValueError:
        return typed
    return made


def typed(given: Iterable[tuple[str, str]]) -> plans.Args:
    """What was typed under each name; what was left empty is not given."""
    return {name: value(text.strip()) for name, text in given if text.strip()}


def asked(action: base.ActionId) -> dict[str, str]:
    """The arguments that are asked for before an action is planned, and what they mean."""
    known = catalogue.ACTIONS.get(action)
    return dict(known.args) if known is not None and action not in OTHERWISE else {}
