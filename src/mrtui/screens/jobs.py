"""Jobs of one queue: its failures by fingerprint, then a tab a state.

A job that was acted on stays where it is, and shows what becomes of it, until the cursor leaves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import ClassVar

from mrcore import errors
from mrcore.model import base, plans, queue, ref
from mrtui import columns, holding, world
from mrtui.columns import job as job_columns
from mrtui.columns import table
from mrtui.screens import paged, queue_head
from mrtui.widgets import cells

GROUPS = queue_head.GROUPS
MOST_ASKED = 20
"""How many held jobs are asked for in a row."""


class Jobs(paged.Paged):
    """The queue in a line, its flow in a line, then what the tab lists."""

    NAME = "jobs"
    KIND = "job"
    WITHOUT: ClassVar[tuple[str, ...]] = ()

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self.tab = ""
        self.group: queue.FailureGroup | None = None  # whose jobs are listed
        self._all = False
        self._spec = job_columns.TABLE
        self._holding = holding.Holding()
        self._awake = asyncio.Event()
        self._seen_gone: frozenset[str] = frozenset()

    @property
    def on_groups(self) -> bool:
        """Whether failures are listed by fingerprint."""
        return self.tab == GROUPS

    def scopes(self) -> Sequence[str]:
        return ("lists", "groups" if self.on_groups else "jobs")

    def without(self) -> tuple[str, ...]:
        """On groups R does what r does."""
        hidden = ("row.retry", "list.mark") if self.on_groups else ()
        return (*super().without(), *hidden)

    def entered(self) -> None:
        self.tab = self.tab or queue_head.first(self.owned(), self._has_groups())
        super().entered()
        self.beside(self._watch, "held")

    def crumbs(self) -> Sequence[str]:
        return ("queues", ref.parse(self.ref).id)

    def sources(self) -> Iterable[str]:
        return (ref.source_of(self.ref),)

    def queue_here(self) -> str:
        return self.ref

    def collection(self) -> str:
        return GROUPS if self.on_groups else "jobs"

    def wanted(self) -> plans.Query:
        if self.on_groups:
            return plans.Query(text=self.pattern)
        known = self.group.fingerprint if self.group is not None else ""
        return plans.Query(state=self.tab, text=self.pattern, fingerprint=known)

    def begin(self) -> None:
        """Another list holds nothing of this one."""
        self._holding.release()
        self._all = False
        super().begin()
        self.beside(self._follow, "groups")

    def spec(self) -> table.Table:
        return columns.of("group") if self.on_groups else self._spec

    def pull(self) -> None:
        """Show the columns that the jobs need."""
        self._spec = job_columns.table_of(self.entities())
        super().pull()

    # Groups

    def _has_groups(self) -> bool:
        status = self.control.world.status(ref.source_of(self.ref))
        return status is not None and GROUPS in status.collections

    async def _ask(self) -> None:
        if not self.on_groups:
            await super()._ask()

    async def _follow(self) -> None:
        """Let groups fill while they are looked at."""
        pager = self.pager
        while self.on_groups and not self.wrong and pager is self.pager:
            try:
                client = self.control.link.client
                async for page in client.follow(pager.ref, pager.collection, pager.query):
                    pager.pages, self._failed = [page], ""
                    self.repaint()
            except errors.MrError as error:
                self._failed = "" if isinstance(error, errors.CoreUnreachable) else str(error)
                self.repaint()
            await asyncio.sleep(paged.REASK_S)

    async def do_open(self, argument: str) -> None:
        """Of a group its jobs; Esc leads back."""
        found = self.entity()
        if not isinstance(found, queue.FailureGroup):
            await super().do_open(argument)
            return
        self.group = found
        self._show(queue.JobState.FAILED.value)

    async def do_back(self, argument: str) -> None:
        """Esc lets go of everything that is marked, then of the filter, then of the group."""
        if self._all:
            self._all = False
            self.repaint()
        elif self.group is not None and not self.pattern:
            known, self.group = self.group.ref, None
            self._show(GROUPS)
            self.grid.cursor_ref = known
        else:
            await super().do_back(argument)

    # What is acted on

    def everything(self) -> plans.Selection | None:
        """The failed jobs that the filter leaves, or those of the group under the cursor."""
        if self.wrong or not self.grid.rows:
            return None
        if self.on_groups:
            found = self.entity()
            if not isinstance(found, queue.FailureGroup):
                return None
            failed = plans.Query(state=queue.JobState.FAILED.value, fingerprint=found.fingerprint)
            return plans.Selection(ref=self.ref, collection="jobs", query=failed)
        if self.tab != queue.JobState.FAILED.value and not self._all:
            return None
        return plans.Selection(ref=self.ref, collection="jobs", query=self.wanted())

    def meant(self, chosen: plans.Selection) -> frozenset[str]:
        return frozenset((self.cursor_ref,)) if self.on_groups else super().meant(chosen)

    def selected(self, action: str) -> tuple[plans.Selection, frozenset[str]]:
        """A group is its jobs; with everything marked it is all that the filter leaves."""
        found = self.entity()
        if found is None or action not in found.actions:
            return super().selected(action)
        if self.on_groups and (chosen := self.everything()) is not None:
            return chosen, frozenset((found.ref,))
        if self._all and (chosen := self.everything()) is not None:
            return chosen, frozenset(row.ref for row in self.grid.rows)
        return super().selected(action)

    def given(self, action: str) -> dict[str, str]:
        if action != "queue.clean":
            return {}
        return {"state": "failed" if self.on_groups or self.tab == "failed" else "completed"}

    async def do_mark(self, argument: str) -> None:
        """Mark a job; a group is acted on as a whole."""
        if self.on_groups:
            self.control.say("a group is acted on as a whole: R, C, X and Q do it", "warn")
        else:
            await super().do_mark(argument)

    async def do_mark_all(self, _: str) -> None:
        """Mark everything that the filter leaves, also what no page has shown yet."""
        if not self.grid.rows:
            self.control.say("nothing is listed yet that could be marked", "warn")
            return
        self._all = not self._all
        self.repaint()

    # Held jobs

    def acted(self, refs: frozenset[str]) -> None:
        """Hold the rows, and watch what becomes of them; groups count what becomes of theirs."""
        self._all = False
        if self.on_groups:
            return
        self._holding.hold(refs, [row.ref for row in self.grid.rows], self._entities)
        self._awake.set()

    def beside_row(self) -> base.Entity | None:
        return self.owned()

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
        if not isinstance(entity, queue.Job) or entity.state.value == self.tab:
            return made
        told, titles = job_columns.elsewhere(entity), [each.title for each in self.spec().columns]
        return tuple(
            told if title == job_columns.SAYS.title else cell
            for title, cell in zip(titles, made, strict=True)
        )

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
        found = holding.present(found)
        self._holding.saw(address, found, ended=not waits and holding.settled(found))

    # The queue

    def owned(self) -> queue.Queue | None:
        """The queue, while its source reports it."""
        found = self.control.world.get(self.ref)
        return found if isinstance(found, queue.Queue) else None

    def headline(self) -> list[list[cells.Cell]]:
        """Counts and oldest; rates with their history; the group, tabs."""
        found, width = self.owned(), self.size.width
        lines = queue_head.lines(found, self.view(), width) if found is not None else []
        if self.group is not None:
            lines.append(queue_head.group(self.group))
        tabs = self._tabs()
        groups = len(self.pager.rows) if self.on_groups and self.pager.pages else None
        lines.append([*queue_head.tabs(tabs, self.tab, found, width, groups), *self.looked()])
        if self._all:
            lines.append(queue_head.marked(found, self.tab, self.pattern, self.group))
        return lines

    def _tabs(self) -> list[str]:
        return queue_head.shown(self.owned(), self.tab, self._has_groups())

    async def do_tab(self, argument: str) -> None:
        """Another state."""
        tabs = self._tabs()
        self.group = None
        self._show(tabs[(tabs.index(self.tab) + int(argument)) % len(tabs)])

    def _show(self, tab: str) -> None:
        self.tab = tab
        self.begin()
        self.repaint()


ROOM = Jobs
