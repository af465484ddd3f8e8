"""In what a colour without traffic is not as the live one. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore.model import deploy

_SAYS = frozenset({"healthy", "degraded", "unhealthy"})
"""States of which two can disagree; one that is stopped or is not heard says nothing."""


def compared(rows: Sequence[deploy.Colour]) -> list[deploy.Colour]:
    """The colours, with what those that run beside the live one have otherwise."""
    live = next((row for row in rows if row.live), None)
    if live is None or live.state not in _SAYS:
        return list(rows)
    return [_against(row, live) for row in rows]


def _against(row: deploy.Colour, live: deploy.Colour) -> deploy.Colour:
    if row.live or row.state not in _SAYS:
        return row
    pairs = ((row.release, live.release), (row.state, live.state))
    said = [f"{own}, {live.name} {other}" for own, other in pairs if own and other and own != other]
    return row.model_copy(update={"differs": "; ".join(said)}) if said else row
