"""Which of the selected jobs an action makes sense for, and why not for the others."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources.engine import acts
from mrcore.sources.huey import looking, offers

NOT_KEPT = "Its message was not kept, so it cannot be put back."
_WANTED = {
    offers.RETRY: "failed",
    offers.EDIT: "failed",
    offers.RELEASE: "quarantined",
    offers.PROMOTE: "delayed",
    offers.DELAY: "delayed",
}

_NOT_LATE = (offers.RETRY, offers.DUPLICATE, offers.RELEASE)
"""What is not done with a job whose time is over: a code that has expired is not sent again."""


async def chosen(
    looker: looking.Looker,
    action: base.ActionId,
    selection: plans.Selection,
    progress: source_base.Progress,
    left: acts.LeftOuts,
    *,
    late: bool = False,
) -> AsyncIterator[list[looking.Seen]]:
    """Portions of at most 500 jobs that the action makes sense for; the others go into `left`.

    `late`: what has expired is left out, too, as it is before a retry.
    """
    async for portion, looked, total in looker.selected(selection):
        if late or action in _NOT_LATE:
            portion = await looker.unexpired(portion)
        taken: list[looking.Seen] = []
        for number, seen in enumerate(portion):
            if number % 250 == 0:
                progress(looked - len(portion) + number, total)
            if why := refusal(action, seen):
                left.add(seen.ref, why)
            else:
                taken.append(seen)
        yield taken
        progress(looked, total)


def refusal(action: base.ActionId, seen: looking.Seen) -> str:
    """Why an action makes no sense for a job, or ''."""
    if not seen.state:
        return seen.gone
    if seen.state not in offers.STATES[action]:
        if seen.state == "active":
            return "It is running."
        wanted = _WANTED.get(action, "")
        return (
            f"It is not {wanted} any more but {seen.state}." if wanted else f"It is {seen.state}."
        )
    if seen.expired:
        return f"{seen.expired[:1].upper()}{seen.expired[1:]}."
    needs_message = action in (offers.RETRY, offers.EDIT, offers.DUPLICATE)
    return NOT_KEPT if needs_message and seen.state == "failed" and not seen.kept else ""
