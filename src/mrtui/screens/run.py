"""A runbook under way, or ended: each step, what it found, what waits for whom, what closes it."""

from __future__ import annotations

import functools
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from mrcore.model import plans, run
from mrtui import answers, consent, keys, prose, runs, steps, world
from mrtui.columns import fmt
from mrtui.columns import run as columns
from mrtui.columns.table import View
from mrtui.screens import detail, text
from mrtui.screens import step as step_dialog
from mrtui.widgets import cells, fitting, reading

_FOUND_WIDTH = 18
_TOOK_WIDTH = 6
_HEAD_WIDTH = 6
"""Cursor, sign and number, with what is between them."""

_NARROW = 60
"""With less there is no room for how long, nor for a sentence beside what it is of."""

_TALKS = (run.StepState.RUNNING, run.StepState.FAILED, run.StepState.UNVERIFIABLE)
"""Steps of which the whole sentence is shown, below them."""


class Steps(reading.Reading):
    """The steps; arrows move from one to the next."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", show=False),
        Binding("down,j", "step(1)", show=False),
        Binding("home", "step(-999)", show=False),
        Binding("end,G", "step(999)", show=False),
    ]

    def action_step(self, by: int) -> None:
        """Another step."""
        cast("Run", self.screen).step_by(by)


class Run(detail.Detail):
    """Its steps, one of them chosen: the one that it is at, until a person chooses another."""

    NAME = "run"
    SCOPES: ClassVar[tuple[str, ...]] = ("run",)
    WITHOUT: ClassVar[tuple[str, ...]] = ("tab.next",)

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self._chosen: int | None = None
        self._on_timeline = False
        self._taken = ""  # the fix that a person has seen through; the next is planned by itself
        self._tops: list[int] = []  # the line at which each step begins

    def body(self) -> ComposeResult:
        yield Static(classes="headline", markup=False)
        with Steps(id="sections", can_focus=True):
            yield Static(id="text", markup=False)

    def crumbs(self) -> tuple[str, ...]:
        known = self.entity()
        return ("runbooks", columns.title(known) if isinstance(known, run.Run) else self.ref)

    def headline(self) -> list[cells.Cell]:
        """Which run, whose, for how long, of what."""
        known = self.entity()
        if not isinstance(known, run.Run):
            return super().headline()
        view = self.view()
        ended = known.ended_at or view.now
        parts = [
            cells.Cell(f"run {known.id}", "strong"),
            cells.Cell(known.state, columns.STYLES.get(known.state, "accent")),
            cells.Cell(fmt.seconds((ended - known.began_at).total_seconds()), "dim"),
            cells.Cell(known.login or "nobody's yet", "" if known.login else "dim"),
            cells.Cell(known.subject, "dim"),
            cells.Cell(view.as_of(self.sources()), "unknown"),
        ]
        return [view.mark(known), cells.Cell(" "), *text.spaced(parts)]

    # Its steps

    def lines(self) -> list[prose.Line]:
        """What it found, what is next, the steps, what closes it; or its timeline."""
        known = self.entity()
        if not isinstance(known, run.Run):
            return super().lines()
        width = max(24, self.room_in("#sections"))
        if self._on_timeline:
            return self._timeline(width)
        view, at = self.view(), self._at(known)
        written = self.control.keymap.written
        asked = self.ref in self.control.acting.pending
        key = "" if asked else written("run.next")
        made = [self._onwards(known) or steps.now(known, key, written("run.confirm")), ()]
        if known.diagnosis:
            made.insert(1, (cells.Cell(known.diagnosis),))
        lines = prose.wrap(made, width)
        self._tops = []
        for place, step in enumerate(known.steps):
            self._tops.append(len(lines))
            lines += _step(step, place + 1, width, view, chosen=place == at)
        if known.recovers:
            mark = "✓" if known.state is run.RunState.RECOVERED else " "
            said = cells.Cell(f"recovered when: {known.recovers}", "dim")
            lines += prose.wrap([(cells.Cell(f" {mark} ", "ok"), said)], width)
        return lines

    def _onwards(self, known: run.Run) -> prose.Line:
        """Which key leads to the run that goes on with this one; nothing where a step waits."""
        found = None if runs.waits(known) else runs.onwards(self.control.world, known)
        if found is None:
            return ()
        key = self.control.keymap.written("row.runbook")
        said = f"goes on in {runs.said(found)}"
        return cells.Cell(f"▶ {key} ", "accent"), cells.Cell(said, "strong")

    def why_not(self, entry: keys.Key) -> str:
        """Why there is no next fix here, where another run goes on."""
        known = self.entity()
        on = self._onwards(known) if isinstance(known, run.Run) else ()
        return "".join(cell.text for cell in on).removeprefix("▶ ") or super().why_not(entry)

    def told(self) -> list[detail.Told]:
        """What is copied as text."""
        return [("", self.lines())]

    def _timeline(self, width: int) -> list[prose.Line]:
        parts = self.found.sections if self.found else ()
        found = [part for part in parts if part.id == "timeline"]
        lines: list[prose.Line] = []
        for part in found:
            lines += prose.wrap(prose.titled(part, self.control.instant, width), width)
        return lines or [(cells.Cell("asking", "dim"),)]

    def _at(self, known: run.Run) -> int:
        at = steps.current(known) if self._chosen is None else self._chosen
        return max(0, min(at, len(known.steps) - 1))

    def step_by(self, by: int) -> None:
        """Choose another step, and keep it in sight; on the timeline, scroll."""
        known, box = self.entity(), self.query_one("#sections", Steps)
        if self._on_timeline:
            box.scroll_relative(y=by, animate=False)
        elif isinstance(known, run.Run) and known.steps:
            self._chosen = max(0, min(self._at(known) + by, len(known.steps) - 1))
            self.repaint()
            self.call_after_refresh(self._follow)

    def _follow(self) -> None:
        """Scroll as little as it takes to see the chosen step, and what is above the first."""
        known, box = self.entity(), self.query_one("#sections", Steps)
        if not isinstance(known, run.Run) or not self._tops:
            return
        at = self._at(known)
        top = self._tops[at] if at else 0
        end = self._tops[at + 1] if at + 1 < len(self._tops) else self._tops[at] + 2
        if top < box.scroll_y:
            box.scroll_to(y=top, animate=False)
        elif end > box.scroll_y + box.size.height:
            box.scroll_to(y=end - box.size.height, animate=False)

    # Verbs

    async def do_step(self, _: str) -> None:
        """The chosen step in full."""
        known = self.entity()
        if isinstance(known, run.Run) and known.steps:
            at = self._at(known)
            told = steps.in_full(known.steps[at], at + 1, known, self.control.instant)
            self.control.later(functools.partial(self._show, "step", told), "step")

    async def do_why(self, _: str) -> None:
        """Why the chosen step is taken, or is not."""
        known = self.entity()
        if isinstance(known, run.Run) and known.steps:
            at = self._at(known)
            told = steps.why(known.steps[at], at + 1, known)
            self.control.later(functools.partial(self._show, "why this step", told), "step")

    async def _show(self, title: str, told: list[prose.Line]) -> None:
        await self.control.question(step_dialog.StepDialog(title, told), self)

    async def do_timeline(self, _: str) -> None:
        """What happened when, or the steps again."""
        self._on_timeline = not self._on_timeline
        self.ask_again()
        self.query_one("#sections", Steps).scroll_home(animate=False)
        self.repaint()

    async def do_next(self, action: str) -> None:
        """Have the fix that waits planned, then show the plan; it is applied there."""
        known = self.entity()
        if isinstance(known, run.Run) and action in self.offered():
            self._next(known.waits, action)

    def noticed(self, difference: world.Difference) -> None:
        super().noticed(difference)
        self._next_by_itself()

    def _next_by_itself(self) -> None:
        """Whoever has seen a fix through, and looks on, is shown the plan of the next."""
        known = self.entity()
        here = self._taken and self.control.screen is self and runs.NEXT in self.offered()
        if here and isinstance(known, run.Run) and known.waits not in ("", self._taken):
            self._taken = ""
            self._next(known.waits, runs.NEXT)

    def _next(self, waits: str, action: str) -> None:
        chosen = plans.Selection(refs=(self.ref,))

        async def then() -> None:
            await self._planned(waits)

        wish = consent.Wish(action, chosen, frozenset((self.ref,)), then=then, asks=True)
        self.control.acting.wish(wish)

    async def _planned(self, waits: str) -> None:
        """Show the plan that a step has now, or say why it has none."""
        client = self.control.link.client
        found = (await client.detail(self.ref)).entity
        step = next((s for s in getattr(found, "steps", ()) if s.id == waits), None)
        if step is None or not step.plan:
            self.control.say(f"▲ {step.title}: {step.why}" if step else "the run has ended", "warn")
            self._taken = waits
            self._next_by_itself()
            return
        plan = await client.planned(step.plan)
        answer = await self.control.acting.show(plan, self)
        self._taken = waits if answer is not None else ""
        if answer is not None and answer.verb is answers.Verb.AGAIN:
            self.control.call_next(self.do, "next run.next")


def _step(step: run.Step, number: int, width: int, view: View, *, chosen: bool) -> list[prose.Line]:
    """One line of a step; where it is at work or went wrong, its sentence in full below."""
    sign, count, what, why, took, found = columns.step_cells(step, number, view)
    by_hand = step.kind == "manual" and step.state is run.StepState.RUNNING
    talks = bool(why.text) and (step.state in _TALKS or (width < _NARROW and chosen))
    end = [cells.Cell(f" {found.text}", found.style)]
    if width >= _NARROW:
        end = [cells.Cell(f" {found.text:>{_FOUND_WIDTH}}", found.style)]
        end.insert(0, cells.Cell(f" {took.text:>{_TOOK_WIDTH}}", took.style))
    room = width - _HEAD_WIDTH - sum(fitting.width(cell.text) for cell in end)
    middle = [_fit(what, room)]
    if why.text and not talks and width >= _NARROW:
        what_width = max(12, room * 2 // 5)
        middle = [_fit(what, what_width), cells.Cell(" "), _fit(why, room - what_width - 1)]
    cursor = cells.Cell("▸" if chosen else " ", "accent")
    lines: list[prose.Line] = [
        (cursor, sign, cells.Cell(" "), count, cells.Cell(" "), *middle, *end)
    ]
    below = [step.text] if by_hand and step.text else []
    below += [why.text] if talks else []
    below += [f"done when: {step.until}"] if by_hand and step.until else []
    for said in below:
        for paragraph in said.split("\n\n"):
            told = (
                cells.Cell(" " * _HEAD_WIDTH),
                cells.Cell(" ".join(paragraph.split()), why.style),
            )
            lines += prose.wrap([told], width)
    return lines


def _fit(cell: cells.Cell, width: int) -> cells.Cell:
    return cells.Cell(fitting.fit(cell.text, width), cell.style)


ROOM = Run
