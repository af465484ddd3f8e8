"""One job: payload and timings beside the attempt that is looked at, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from mrcore.model import queue, ref, wire
from mrtui import holding, plain, prose, world
from mrtui.columns import fmt
from mrtui.columns import job as job_columns
from mrtui.screens import detail, text
from mrtui.widgets import cells

ATTEMPT = "attempt/"


class Job(detail.Detail):
    """Left what it was given and when; right why it failed."""

    NAME = "job"
    SCOPES: ClassVar[tuple[str, ...]] = ("job",)
    WITHOUT: ClassVar[tuple[str, ...]] = ()

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self._chosen = ""  # section of the attempt that was gone to; the newest without
        self._full = False

    def crumbs(self) -> Sequence[str]:
        ids = ref.parse(self.ref).ids
        found = self.job()
        named = [part.decode("utf-8", "replace") for part in ids]
        if found is not None:
            named[-1] = f"{job_columns.short(found.id)} {found.name}"
        return ("queues", *named)

    def body(self) -> ComposeResult:
        yield Static(classes="headline", markup=False)
        with Horizontal(id="job"):
            with VerticalScroll(id="sections", can_focus=True):
                yield Static(id="text", markup=False)
            with VerticalScroll(id="attempt", can_focus=True):
                yield Static(id="trace", markup=False)

    def job(self) -> queue.Job | None:
        """The job as its detail has it."""
        known = self.entity()
        return known if isinstance(known, queue.Job) else None

    def attempts(self) -> list[wire.Section]:
        """The attempts that left a trace, newest first."""
        parts = self.found.sections if self.found else ()
        return [part for part in parts if part.id.startswith(ATTEMPT)]

    @property
    def _attempt(self) -> int:
        """Place of the attempt that is looked at; new ones come above it."""
        places = (place for place, part in enumerate(self.attempts()) if part.id == self._chosen)
        return next(places, 0)

    def _choose(self, place: int) -> None:
        tries = self.attempts()
        self._chosen = tries[place].id if 0 < place < len(tries) else ""
        self.repaint()

    def noticed(self, difference: world.Difference) -> None:
        """A job is in no live set: ask again when its queue changes, too."""
        address = ref.parse(self.ref)
        its_queue = ref.make(address.source, "queue", address.ids[0])
        if {self.ref, its_queue} & (difference.refs | difference.touched) or self.found is None:
            self.ask_again()

    def tick(self) -> None:
        """Ask once a second until it has ended."""
        if self.ref in self.control.acting.pending or not holding.settled(self.job()):
            self.ask_again()
        super().tick()

    def pull(self) -> None:
        super().pull()
        self.put("#trace", self._trace())

    def headline(self) -> list[cells.Cell]:
        """State, tries, age, the last error."""
        found = self.job()
        if found is None:
            return super().headline()
        view, tone = self.view(), job_columns.TONES.get(found.state, "")
        pending = self.ref in self.control.acting.pending
        glyph = job_columns.GLYPHS[found.state] if view.sure(found) else fmt.STALE
        glyph = "⟳" if pending else glyph
        word = "asked the core" if pending else found.state.value
        parts = [
            cells.Cell(f"{glyph} {word} {job_columns.attempts(found)}", tone),
            cells.Cell(job_columns.when(found, view), "dim"),
            cells.Cell(
                f"took {took}" if (took := job_columns.took(found)) != fmt.NONE else "", "dim"
            ),
            cells.Cell(view.as_of(self.sources()), "unknown"),
            cells.Cell(found.error, "bad"),
        ]
        return text.spaced(parts)

    def told(self) -> list[detail.Told]:
        """Everything but the attempts' traces."""
        parts = self.found.sections if self.found else ()
        return [
            (part.title, prose.section(part, self.control.instant))
            for part in parts
            if not part.id.startswith(ATTEMPT)
        ]

    def pane_text(self) -> list[str]:
        """The attempt's trace when that has the focus; else the payload and what is beside it."""
        tries = self.attempts()
        if not tries or self.focused is not self.query_one("#attempt"):
            return super().pane_text()
        part = tries[self._attempt]
        return [plain.safe(part.title), *map(plain.line, self._shown(part))]

    def _shown(self, part: wire.Section) -> list[prose.Line]:
        return (prose.section if self._full else prose.folded)(part, self.control.instant)

    def _trace(self) -> list[prose.Line]:
        width = max(16, self.query_one("#attempt").size.width - 1)
        tries = self.attempts()
        if not tries:
            return [(cells.Cell("no attempt has failed", "dim"),)]
        part = tries[self._attempt]
        place = len(tries) - self._attempt
        sides = "  ".join(["← older"] * (place > 1) + ["newer →"] * (place < len(tries)))
        title = f"{part.title}  {place} of {len(tries)}"
        heading = text.ends([cells.Cell(title, "strong")], [cells.Cell(sides, "dim")], width)
        return [tuple(heading), *prose.wrap(self._shown(part), width)]

    async def do_frames(self, _: str) -> None:
        """The whole trace as Python wrote it, or without the frames of libraries."""
        self._full = not self._full
        self.repaint()

    async def do_older(self, _: str) -> None:
        """The attempt before."""
        self._choose(min(self._attempt + 1, len(self.attempts()) - 1))

    async def do_newer(self, _: str) -> None:
        """The attempt after."""
        self._choose(self._attempt - 1)


ROOM = Job
