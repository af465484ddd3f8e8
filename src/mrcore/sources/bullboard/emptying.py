"""Clean and drain job by job: where there are many, or where the board's routes take too much.

Each job is a target of its own: it goes on however many there are, says how far it is, can be
stopped, and leaves what has moved on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from mrcore.model import base, plans, queue
from mrcore.sources import base as source_base
from mrcore.sources.bullboard import acts, moving, offers, rows, seeing, shape
from mrcore.sources.engine import emptying

ACTIONS, MOST, OLDER_S = emptying.ACTIONS, emptying.MOST, emptying.OLDER_S
Room = emptying.Room
_S = queue.JobState
WAITS = (_S.WAITING, _S.PRIORITIZED, _S.PAUSED)
DRAINED = tuple(state.value for state in WAITS)


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
                        left.add(seen.ref, emptying.MORE)
                    else:
                        room.left -= 1
                        room.waited += bool(seen.row and seen.row.state in _WAITING)
                        yield moving.target(offers.REMOVE, seen)
        for one in left.told():
            yield one


_WAITING = offers.STATES[offers.REMOVE] - {queue.JobState.COMPLETED, queue.JobState.FAILED}


def asked(action: base.ActionId, args: plans.Args) -> emptying.Asked:
    """Which jobs are meant. Raises BadRequest that names the argument."""
    return emptying.asked(action, args, WAITS)
