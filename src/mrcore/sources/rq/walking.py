"""RQ's states by ours. Pure."""

from __future__ import annotations

from mrcore import errors
from mrcore.sources.rq import offers


def states(state: str) -> tuple[str, ...]:
    """RQ's states that are shown as this one. Raises Unsupported."""
    found = tuple(own for own, shown in offers.SHOWN.items() if not state or shown.value == state)
    if not found:
        known = ", ".join(dict.fromkeys(shown.value for shown in offers.SHOWN.values()))
        raise errors.Unsupported(f"RQ has no jobs that are {state}.", fix=f"It has {known}.")
    return found
