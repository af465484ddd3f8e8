"""Clean and drain job by job: where there are many, or where the board's routes take too much.

Each job is a target of its own: it goes on however many there are, says how far it is, can be
stopped, and leaves what has moved on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from mrcore.model import base, plans, queue
from mrcore.sources import base as source_base
from mrcore.sources.bullboard import acts, moving, offers, rows, seeing, shape

MOST = 100_000
"""Targets of one plan; of more than that the rest comes with the next plan."""

OLDER_S = 3_600.0
DRAINED = ("waiting", "prioritized", "paused")
_MORE = f"More than {MOST:,} at once: plan it again for these."


@dataclass
class Room:
    """How many targets there is still room for in a plan, and those that have not run."""

    left: int = MOST
    waited: int = 0


class Emptying:
    """Plans it; what is done to each job is a removal."""

    def __init__(self, seer: seeing.Seer, removal: moving.Moving) -> None:
        self._seer = seer
        self.removal = removal

    async def plan(
        self,
        of: base.Ref,
        app: shape.App,
        queries: list[plans.Query],
        room: Room,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        """The jobs of one queue that are meant, as far as there is room, the oldest first."""
        left = acts.LeftOuts()
        for query in queries:
            if not rows.count(app, query.state):
                continue
            chosen = plans.Selection(ref=of, collection="jobs", query=query)
            async for portion, looked, total in self._seer.selected(chosen):
                progress(looked, total)
                for seen in portion:
                    if why := offers.refusal(offers.REMOVE, app, seeing.job_id(seen)):
                        left.add(seen.ref, why)
                    elif not room.left:
                        left.add(seen.ref, _MORE)
                    else:
                        room.left -= 1
                        room.waited += bool(seen.row and seen.row.state in _WAITING)
                        yield moving.target(offers.REMOVE, seen)
        for one in left.told():
            yield one


_WAITING = offers.STATES[offers.REMOVE] - {queue.JobState.COMPLETED, queue.JobState.FAILED}


def queries(action: base.ActionId, args: plans.Args) -> list[plans.Query]:
    """Which jobs are meant."""
    if action == offers.CLEAN:
        older_s = rows.number(args.get("older_s", OLDER_S)) or 0.0
        return [plans.Query(state=str(args.get("state")), order="oldest", older_s=older_s)]
    states = (*DRAINED, "delayed") if args.get("delayed") else DRAINED
    return [plans.Query(state=state, order="oldest") for state in states]
