"""Jobs of one queue, a tab a state; `r` retries the failed one under the cursor.

A job that was acted on stays where it is, and shows what becomes of it, until the cursor leaves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import ClassVar

from mrcore import errors
from mrcore.model import base, plans, queue, ref
from mrtui import holding, world
from mrtui.columns import fmt, table
from mrtui.columns import job as job_columns
from mrtui.screens import paged, text
from mrtui.widgets import cells

STATES = (
    queue.JobState.FAILED,
    queue.JobState.WAITING,
    queue.JobState.ACTIVE,
    queue.JobState.DELAYED,
    queue.JobState.COMPLETED,
    queue.JobState.QUARANTINED,
)
"""The tabs; the last is there only while it holds something, or is the one that is shown."""

MOST_ASKED = 20
"""How many held jobs are asked for in a row."""

FLOWS: tuple[tuple[str, str, cells.Style], ...] = (
    ("in", "queue.in_rate", "accent"),
    ("out", "queue.out_rate", "ok"),
    ("failed", "queue.fail_rate", "bad"),
)


class Jobs(paged.Paged):
    """The queue in a line, its flow in a line, then the jobs of one state."""

    NAME = "jobs"
    KIND = "job"
    COLLECTION = "jobs"
    SCOPES: ClassVar[tuple[str, ...]] = ("lists", "jobs")
    WITHOUT: ClassVar[tuple[str, ...]] = ()

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self._state = -1
        self._holding = holding.Holding()
        self._awake = asyncio.Event()
        self._seen_gone: frozenset[str] = frozenset()

    @property
    def state(self) -> queue.JobState:
        """The tab that is shown."""
        return STATES[max(0, self._state)]

    def entered(self) -> None:
        if self._state < 0:
            self._state = self._first()
        super().entered()
        self.beside(self._watch, "held")

    def crumbs(self) -> Sequence[str]:
        return ("queues", ref.parse(self.ref).id)

    def sources(self) -> Iterable[str]:
        return (ref.source_of(self.ref),)

    def wanted(self) -> plans.Query:
        return plans.Query(state=self.state.value, text=self.pattern)

    def begin(self) -> None:
        """Another list holds nothing of this one."""
        self._holding.release()
        super().begin()

    # Held jobs

    def acted(self, refs: frozenset[str]) -> None:
        """Hold the rows, and watch what becomes of them."""
        self._holding.hold(refs, [row.ref for row in self.grid.rows], self._entities)
        self._awake.set()

    def beside_row(self) -> base.Entity | None:
        return self.owned()

    def everything(self) -> plans.Selection | None:
        """The failed jobs that the filter leaves."""
        if self.state is not queue.JobState.FAILED or self.wrong or not self.grid.rows:
            return None
        return plans.Selection(ref=self.ref, collection=self.COLLECTION, query=self.wanted())

    def listed(self, view: table.View) -> list[base.Entity]:
        return self._holding.placed(super().listed(view))

    def gone(self) -> frozenset[str]:
        """What was taken away, or is nowhere any more."""
        return super().gone() | self._holding.gone

    def ended(self, refs: frozenset[str]) -> None:
        super().ended(refs)
        self._awake.set()

    def row(self, entity: base.Entity, view: table.View) -> tuple[cells.Cell, ...]:
        """A job that left this tab says where it is."""
        made = super().row(entity, view)
        if not isinstance(entity, queue.Job) or entity.state is self.state:
            return made
        more = f": {entity.error}" if entity.error else ""
        if entity.state is queue.JobState.ACTIVE and entity.worker:
            more = f" on {entity.worker}"
        tone = job_columns.TONES.get(entity.state, "")
        return (*made[:-1], cells.Cell(f"→ {entity.state.value}{more}", tone))

    def moved(self) -> None:
        """On another row: what was held goes where it belongs."""
        super().moved()
        if self._holding.now and self.cursor_ref not in self._holding.now:
            self._holding.release()
            self.repaint()

    def noticed(self, difference: world.Difference) -> None:
        super().noticed(difference)
        if difference.touched & self._holding.now.keys():
            self._awake.set()

    def tick(self) -> None:
        """Look again at what is held, once a second; let go what was shown as gone."""
        if self._holding.open:
            self._awake.set()
        if over := self._seen_gone - self.control.acting.gone:
            self._holding.let_go(over)
            self.ask_soon()
        self._seen_gone = self.gone() & self._holding.now.keys()
        super().tick()

    async def _watch(self) -> None:
        while True:
            await self._awake.wait()
            self._awake.clear()
            for address in self._holding.open[:MOST_ASKED]:
                await self._look(address)
            self.repaint()

    async def _look(self, address: str) -> None:
        """Ask how a held job is now; while the core is away it is asked again later."""
        waits = address in self.control.acting.pending
        try:
            found: base.Entity | None = (await self.control.link.client.detail(address)).entity
        except errors.NotFound:
            found = None
        except errors.MrError:
            return
        self._holding.saw(address, found, ended=not waits and holding.settled(found))

    # The queue

    def owned(self) -> queue.Queue | None:
        """The queue, while its source reports it."""
        found = self.control.world.get(self.ref)
        return found if isinstance(found, queue.Queue) else None

    def headline(self) -> list[list[cells.Cell]]:
        """Counts and oldest; rates with their history; tabs."""
        found = self.owned()
        lines = [self._counts(found), self._flow()] if found is not None else []
        return [*lines, self._tabs(found)]

    async def do_tab(self, argument: str) -> None:
        """Another state."""
        tabs = self._shown()
        self._state = STATES.index(tabs[(tabs.index(self.state) + int(argument)) % len(tabs)])
        self.begin()
        self.repaint()

    def _shown(self) -> list[queue.JobState]:
        found, last = self.owned(), queue.JobState.QUARANTINED
        held = self.state is last or (found is not None and found.counts.quarantined > 0)
        return [state for state in STATES if state is not last or held]

    def _first(self) -> int:
        """The tab that an engineer came for: the first that holds something."""
        found = self.owned()
        if found is None:
            return 0
        held = [getattr(found.counts, state.value) for state in STATES]
        return next((place for place, count in enumerate(held) if count), 0)

    def _counts(self, found: queue.Queue) -> list[cells.Cell]:
        view, counts = self.view(), found.counts
        workers = "? workers" if found.workers is None else fmt.plural(found.workers, "worker")
        parts = [
            cells.Cell(f"{fmt.count(counts.waiting)} waiting", "strong"),
            cells.Cell(f"{fmt.count(counts.active)} active"),
            cells.Cell(f"{fmt.count(counts.failed)} failed", "bad" if counts.failed else ""),
            cells.Cell(f"{fmt.count(counts.delayed)} delayed"),
            cells.Cell(f"oldest {view.age(found.oldest_enqueued_at)}", "dim"),
            cells.Cell("" if view.why(found).text else workers, "dim"),
        ]
        return [view.mark(found), cells.Cell(" "), *text.spaced([view.why(found), *parts])]

    def _flow(self) -> list[cells.Cell]:
        known = self.control.world
        line: list[cells.Cell] = []
        for word, metric, style in FLOWS:
            bars = fmt.spark(known.recent(metric, self.ref), 10)
            if not bars:
                continue
            line += [
                cells.Cell(f"  {word} ", "dim"),
                cells.Cell(f"{bars:>10}", style),
                cells.Cell(f" {fmt.rate(known.latest(metric, self.ref)):>6}"),
            ]
        return line if self.size.width >= 80 else []

    def _tabs(self, found: queue.Queue | None) -> list[cells.Cell]:
        line: list[cells.Cell] = []
        for state in self._shown():
            count = "" if found is None else f" {fmt.short(getattr(found.counts, state.value))}"
            if state is self.state:
                line.append(cells.Cell(f"[{state.value}{count}]", "accent"))
            elif self.size.width >= 60 or count != " 0":
                line.append(cells.Cell(f" {state.value}{count} ", "dim"))
        return [*line, cells.Cell(" "), *self.looked()]


ROOM = Jobs
