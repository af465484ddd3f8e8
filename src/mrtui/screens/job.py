"""One job: payload and timings beside the attempt that is looked at, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import JsonValue
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from mrcore import errors
from mrcore.model import plans, queue, ref, wire
from mrtui import differing, holding, plain, prose, timeline, world
from mrtui.columns import fmt
from mrtui.columns import job as job_columns
from mrtui.screens import detail, text
from mrtui.widgets import cells, reading

ATTEMPT = "attempt/"


class Job(detail.Detail):
    """Left what it was given and when; right why it failed."""

    NAME = "job"
    SCOPES: ClassVar[tuple[str, ...]] = ("job", "detail")
    WITHOUT: ClassVar[tuple[str, ...]] = ()

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self._chosen = ""  # section of the attempt that was gone to; the newest without
        self._full = False
        self._diff: list[prose.Line] = []  # shown in place of the attempt

    def crumbs(self) -> Sequence[str]:
        ids = ref.parse(self.ref).ids
        found = self.job()
        named = [part.decode("utf-8", "replace") for part in ids]
        if found is not None:
            named[-1] = f"{job_columns.short(found.id)} {found.name}"
        return ("queues", *named)

    def body(self) -> ComposeResult:
        yield Static(classes="headline", markup=False)
        yield Static(id="timeline", markup=False)
        with Horizontal(id="job"):
            with reading.Reading(id="sections", can_focus=True):
                yield Static(id="text", markup=False)
            with reading.Reading(id="attempt", can_focus=True):
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
        job, parts = self.job(), self.found.sections if self.found else ()
        life = timeline.cells_of(job, parts, self.control.instant) if job is not None else []
        line = self.query_one("#timeline", Static)
        text.put(line, text.content(life))
        if self.room_in("#attempt"):
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
            *self._limits(found),
            cells.Cell(view.as_of(self.sources()), "unknown"),
            cells.Cell(found.error, "bad"),
        ]
        return text.spaced(parts)

    def _limits(self, found: queue.Job) -> list[cells.Cell]:
        """How far it is, its priority, when it expires, when it is forgotten."""
        view, made = self.view(), []
        if found.progress is not None and found.state is queue.JobState.ACTIVE:
            made.append(cells.Cell(f"{job_columns.progress(found)} done", "accent"))
        if found.priority:
            made.append(cells.Cell(f"priority {found.priority}", "dim"))
        if found.expires_at is not None:
            over = found.expires_at <= view.now
            left = "has expired" if over else f"expires in {fmt.until(found.expires_at, view.now)}"
            made.append(cells.Cell(left, "bad" if over else "warn"))
        if found.trims_at is not None:
            left = fmt.until(found.trims_at, view.now)
            made.append(
                cells.Cell(f"trimmed in {left}", job_columns.left(found.trims_at, view).style)
            )
        if found.captured_at is not None:
            made.append(cells.Cell("forgotten by its engine, kept by the core", "warn"))
        return made

    def told(self) -> list[detail.Told]:
        """Everything but the attempts' traces."""
        parts = self.found.sections if self.found else ()
        return [
            (part.title, self._brief(part)) for part in parts if not part.id.startswith(ATTEMPT)
        ]

    def _brief(self, part: wire.Section) -> list[prose.Line]:
        """A section; of a large payload only the outline, until all is asked for."""
        if self._full or part.form != "json":
            return prose.section(part, self.control.instant)
        return prose.outlined(part)

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
        width = max(16, self.room_in("#attempt"))
        tries = self.attempts()
        if self._diff:
            return prose.wrap(self._diff, width)
        if not tries:
            return [(cells.Cell("no attempt has failed", "dim"),)]
        part = tries[self._attempt]
        place = len(tries) - self._attempt
        sides = "  ".join(["← older"] * (place > 1) + ["newer →"] * (place < len(tries)))
        title = f"{part.title}  {place} of {len(tries)}"
        heading = text.ends([cells.Cell(title, "strong")], [cells.Cell(sides, "dim")], width)
        return [tuple(heading), *prose.wrap(self._shown(part), width)]

    def queue_here(self) -> str:
        address = ref.parse(self.ref)
        return ref.make(address.source, "queue", address.ids[0])

    async def do_diff(self, _: str) -> None:
        """What its payload has other than that of the newest good one; again: the attempt."""
        if self._diff:
            self._diff = []
            self.repaint()
        else:
            self.beside(self._compare, "diff")

    async def _compare(self) -> None:
        client = self.control.link.client
        try:
            page = await client.page(self.ref, "like", plans.Query(limit=1))
            if not page.rows:
                self.control.say("no job of this name has succeeded and is kept", "warn")
                return
            good = page.rows[0]
            other, mine = await client.detail(good.ref), await client.detail(self.ref)
        except errors.MrError as error:
            self.control.say(f"✖ {error}", "bad")
            return
        heading = [
            cells.Cell(f"- {job_columns.TABLE.label(good)}, which succeeded", "bad"),
            cells.Cell("   + this one", "ok"),
            cells.Cell("   d: the attempt", "dim"),
        ]
        self._diff = [tuple(heading), *differing.lines(_payload(other), _payload(mine))]
        self.repaint()

    async def do_frames(self, _: str) -> None:
        """All of the payload and the whole trace, or without what is folded."""
        self._full = not self._full
        self.repaint()

    async def do_older(self, _: str) -> None:
        """The attempt before."""
        self._choose(min(self._attempt + 1, len(self.attempts()) - 1))

    async def do_newer(self, _: str) -> None:
        """The attempt after."""
        self._choose(self._attempt - 1)


def _payload(found: wire.Detail) -> JsonValue:
    """Its arguments by name where they are known, else its payload."""
    known = {part.id: part.data for part in found.sections}
    return known.get("arguments", known.get("payload"))


ROOM = Job
