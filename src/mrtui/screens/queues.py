"""Every queue: counts by state, who works, what is in trouble."""

from __future__ import annotations

from mrcore.model import plans, queue
from mrtui.columns import fmt, table
from mrtui.columns import queue as queue_columns
from mrtui.screens import listing, text
from mrtui.widgets import cells


class Queues(listing.Listing):
    """Trouble first; Enter leads to the jobs."""

    NAME = "queues"
    SCOPES = ("lists", "queues")
    KIND = "queue"
    EMPTY = "no queue yet"
    OF = "job queues"

    def sources(self) -> list[str]:
        """The sources that have queues."""
        return sorted(self.control.world.sources_of("queue"))

    def spec(self) -> table.Table:
        return queue_columns.table_of(self.entities())

    def everything(self) -> plans.Selection | None:
        """The failed jobs of the queue under the cursor."""
        found = self.entity()
        if not isinstance(found, queue.Queue) or not found.counts.failed:
            return None
        query = plans.Query(state=queue.JobState.FAILED.value)
        return plans.Selection(ref=found.ref, collection="jobs", query=query)

    def headline(self) -> list[list[cells.Cell]]:
        """Totals over all queues."""
        view = self.view()
        every = view.world.table("queue").values()
        found = [entity for entity in every if isinstance(entity, queue.Queue)]
        bad = sum(not view.well(entity) for entity in found)
        waiting = sum(q.counts.waiting + q.counts.prioritized for q in found)
        failed = sum(entity.counts.failed for entity in found)
        out = view.world.total("queue.out_rate")
        parts = [
            cells.Cell(fmt.plural(len(found), "queue"), "strong"),
            cells.Cell(f"{bad} in trouble" if bad else "", "bad"),
            cells.Cell(f"{fmt.count(waiting)} waiting"),
            cells.Cell(f"{fmt.count(sum(q.counts.active for q in found))} active", "dim"),
            cells.Cell(f"{fmt.count(failed)} failed", "bad" if failed else "dim"),
            cells.Cell("" if out is None else f"out {fmt.rate(out)}", "dim"),
        ]
        return [text.spaced(parts)] if found else []


ROOM = Queues
