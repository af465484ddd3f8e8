"""One entity in full, whatever its kind: the sections that its source wrote."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from mrcore import errors
from mrcore.model import base, ref, wire
from mrtui import columns, plain, prose, world
from mrtui.columns import fmt
from mrtui.screens import leading, room, text
from mrtui.widgets import cells, reading

Told = tuple[str, list[prose.Line]]
"""A title, which may be empty, and the lines below it."""


class Detail(room.Room):
    """A headline with the verdict, then sections below each other."""

    NAME = "detail"
    SCOPES: ClassVar[tuple[str, ...]] = ("detail",)
    WITHOUT: ClassVar[tuple[str, ...]] = ("row.open", "tab.next")

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self.found: wire.Detail | None = None
        self._failed = ""
        self._asking = self._again = False

    def crumbs(self) -> Sequence[str]:
        known = self.entity()
        address = ref.parse(self.ref)
        return (address.kind, columns.label(known) if known else address.id)

    def sources(self) -> Iterable[str]:
        return (ref.source_of(self.ref),)

    def entity(self) -> base.Entity | None:
        """What the detail is of, as fresh as it is known."""
        live = self.control.world.get(self.ref)
        return live or (self.found.entity if self.found else None)

    def body(self) -> ComposeResult:
        yield Static(classes="headline", markup=False)
        with reading.Reading(id="sections", can_focus=True):
            yield Static(id="text", markup=False)

    def entered(self) -> None:
        self.ask_again()
        super().entered()

    def noticed(self, difference: world.Difference) -> None:
        """Ask again when it changed or was touched."""
        if self.ref in difference.refs | difference.touched or (
            self.found is None and self.control.world.connected
        ):
            self.ask_again()

    def ask_again(self) -> None:
        """Ask the core for the detail; once more after the answer that is under way."""
        self._again = True
        if not self._asking:
            self._asking = True
            self.beside(self._ask, "detail")

    async def _ask(self) -> None:
        while self._again:
            self._again = False
            try:
                self.found = await self.control.link.client.detail(self.ref)
                self._failed = ""
            except errors.MrError as error:
                self._failed = str(error)
            self.repaint()
        self._asking = False

    def without(self) -> tuple[str, ...]:
        """Where it leads nowhere, that is not offered."""
        leads = self.found is not None and leading.ways(self.found)
        return super().without() if leads else (*super().without(), "row.links")

    async def do_links(self, _: str) -> None:
        """Choose where to go on."""
        ways = leading.ways(self.found) if self.found is not None else []
        if ways:
            self.control.later(functools.partial(self._lead, ways), "links")

    async def _lead(self, ways: list[tuple[str, base.Ref]]) -> None:
        chosen = ways[0][1] if len(ways) == 1 else None
        if chosen is None:
            chosen = await self.control.question(leading.Leading(ways), self)
        if chosen is not None and self.control.screen is self:
            self.control.visits.open(chosen, ref.parse(chosen).kind)

    def pull(self) -> None:
        """Headline and sections from what is known now."""
        self.put(".headline", [self.headline()])
        if self.room_in("#sections"):  # else it is not laid out yet; Widened paints it
            self.put("#text", self.lines())

    def room_in(self, box: str) -> int:
        """Columns that a line has in a box; 0 before it is laid out."""
        return self.query_one(box, reading.Reading).room

    def put(self, selector: str, lines: Iterable[Sequence[cells.Cell]]) -> None:
        """Show lines in a Static, unless it shows them already."""
        widget, said = self.query_one(selector, Static), text.content_of_lines(lines)
        if widget.content != said:
            widget.update(said)

    def headline(self) -> list[cells.Cell]:
        """Glyph, name, verdict; or why there is nothing."""
        known = self.entity()
        if known is None:
            return [cells.Cell(f"? {self._failed or 'asking'}", "unknown")]
        view = self.view()
        parts = [cells.Cell(columns.label(known), "strong"), view.why(known)]
        if self._failed:
            at = fmt.clock(self.found.at) if self.found else fmt.NONE
            parts.append(cells.Cell(f"{fmt.STALE} as of {at}: {self._failed}", "unknown"))
        else:
            parts.append(cells.Cell(view.as_of(self.sources()), "unknown"))
        return [view.mark(known), cells.Cell(" "), *text.spaced(parts)]

    def told(self) -> list[Told]:
        """What stands below the headline, unwrapped."""
        parts = self.found.sections if self.found else ()
        return [(part.title, prose.section(part, self.control.instant)) for part in parts]

    def row_text(self) -> list[str]:
        """All of it: there are no rows."""
        return self.pane_text()

    def pane_text(self) -> list[str]:
        made = [plain.line(self.headline())]
        for title, lines in self.told():
            made += ["", *([title] if title else []), *map(plain.line, lines)]
        return made + [plain.line(line) for line in self._links()]

    def lines(self) -> list[prose.Line]:
        """All of it, wrapped to the width."""
        width = max(20, self.room_in("#sections"))
        made: list[prose.Line] = []
        for title, lines in self.told():
            heading = [prose.heading(title, width)] if title else []
            made += prose.wrap([*heading, *lines, ()], width)
        return made + self._links()

    def _links(self) -> list[prose.Line]:
        made: list[prose.Line] = []
        for link in self.found.links if self.found else ():
            line = (cells.Cell(f"→ {link.label}  ", "accent"), cells.Cell(ref.url(link.ref), "dim"))
            made.append(line)
        return made


ROOM = Detail
