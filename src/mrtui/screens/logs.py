"""Logs: all streams merged, or one; older lines above, new ones as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from textual.app import ComposeResult
from textual.widgets import Static

from mrcore import errors
from mrcore.model import base, log, plans
from mrcore.model import ref as refs
from mrtui import match, plain, world
from mrtui.columns import fmt, table
from mrtui.columns import line as line_columns
from mrtui.screens import room, text
from mrtui.widgets import cells, log_view

LEVELS = ("", "warn", "error")
ASK_AGAIN_S = 1.0
CAPACITY = 10_000


def rows(found: Iterable[base.Entity]) -> list[log_view.LogRow]:
    """Lines as the view takes them; it wants the oldest first."""
    return [
        log_view.LogRow(
            line.ref,
            fmt.clock(line.at),
            line.level.value,
            *line_columns.named(line.stream, line.text),
            line.folded,
        )
        for line in found
        if isinstance(line, log.LogLine)
    ]


def _plain(found: log_view.LogRow) -> str:
    folded = f"  ⋯ {found.folded} more" if found.folded else ""
    said = (found.time_text, found.level, found.stream, found.text)
    return plain.safe("  ".join(filter(None, said)) + folded)


class Logs(room.Room):
    """`/` lets the core filter, `v` chooses the level, Enter shows a line in full."""

    NAME = "logs"
    SCOPES = ("logs",)
    WITHOUT = ("tab.next", "row.logs")

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        address = refs.parse(ref) if ref else None
        self.pattern = address.id if address and address.kind == "search" else ""
        self.wrong = match.wrong(self.pattern)
        self.stream = ref if address and address.kind == "stream" else ""
        self.level = ""
        self.frozen = False
        self._held: list[log_view.LogRow] = []
        self._older: str | None = None
        self._failed = ""
        self._asking = True

    def crumbs(self) -> Sequence[str]:
        return ("logs", refs.parse(self.stream).id) if self.stream else ("logs",)

    def sources(self) -> Iterable[str]:
        if self.stream:
            return [refs.source_of(self.stream)]
        return sorted(self.control.world.sources_of("stream"))

    def owner(self) -> str:
        """The stream, or all of the source that has streams."""
        source = next(iter(self.sources()), "logs")
        return self.stream or refs.make(source, "stream") + "/*"

    @property
    def lines(self) -> log_view.LogView:
        """The view."""
        return self.query_one(log_view.LogView)

    @property
    def cursor_ref(self) -> str:
        found = self.lines.cursor_row if self.stands else None
        return found.ref if found is not None else ""

    def body(self) -> ComposeResult:
        yield Static(classes="headline", markup=False)
        yield log_view.LogView()

    def entered(self) -> None:
        self.begin()
        super().entered()

    def begin(self) -> None:
        """Read and follow anew: another filter, level or stream; old lines are none of it."""
        self._held.clear()
        self._asking, self._failed = True, ""
        self.lines.set_rows(())
        self.beside(self._read, "lines")

    def changed(self, difference: world.Difference) -> None:
        """Paint together with the lines: one frame, not two."""
        self.lines.in_frame(self.repaint)

    def tick(self) -> None:
        self.lines.in_frame(self.repaint)

    def wanted(self) -> plans.Query:
        """What is asked for now."""
        return plans.Query(text=self.pattern, level=self.level, limit=200)

    # Reading

    async def _read(self) -> None:
        """The newest lines, then what follows them; begun again whenever that ends."""
        while True:
            try:
                client = self.control.link.client
                page = await client.page(self.owner(), "lines", self.wanted())
                if not self.stands:
                    return  # the app ends
                self._older, self._failed, self._asking = page.cursor, "", False
                self.lines.set_rows(rows(reversed(page.rows)))
                shown = {found.ref for found in page.rows}
                async for more in client.follow(self.owner(), "lines", self.wanted()):
                    self._take([new for new in rows(more.rows) if new.ref not in shown])
                    shown = set()
            except errors.MrError as error:
                self._failed, self._asking = str(error), False
                self.repaint()
            await asyncio.sleep(ASK_AGAIN_S)

    def _take(self, new: list[log_view.LogRow]) -> None:
        if not self.stands:
            return
        if self.frozen or not self.is_current:
            self._held = [*self._held, *new][-CAPACITY:]
        else:
            self.lines.append(new)

    def resumed(self) -> None:
        self._let_go()
        super().resumed()

    def _let_go(self) -> None:
        if not self.frozen and self._held:
            held, self._held = self._held, []
            self.lines.append(held)

    async def on_log_view_reached_top(self) -> None:
        """Ask for what was written before."""
        self.beside(self._read_older, "older")

    async def _read_older(self) -> None:
        if self._older is None:
            return
        try:
            client = self.control.link.client
            page = await client.page(self.owner(), "lines", self.wanted(), self._older)
        except errors.MrError as error:
            self._failed = str(error)
            return
        if self.stands:
            self._older = page.cursor
            self.lines.prepend(rows(reversed(page.rows)))

    async def on_log_view_opened(self, event: log_view.LogView.Opened) -> None:
        """Enter on a line."""
        if event.ref:
            self.control.visits.open(event.ref, "line")

    # Showing

    def pull(self) -> None:
        view = self.view()
        self.lines.set_stale(bool(view.as_of(self.sources())))
        self.lines.placeholder = self._emptiness(view)
        text.put(self.query_one(".headline", Static), text.content(self.headline()))

    def _emptiness(self, view: table.View) -> str:
        """What an empty log says."""
        if self.wrong or self._failed:
            return self.wrong or f"? {self._failed}"
        if self.pattern and not self._asking:
            return f"nothing matches /{self.pattern}/"
        return view.emptiness("stream", "asking" if self._asking else "no lines", "logs")

    def headline(self) -> list[cells.Cell]:
        """Rate with its history, filter, level, what is held back, what went wrong."""
        known = self.control.world
        if self.stream:
            rate, recent = (
                known.latest("log.line_rate", self.stream),
                known.recent("log.line_rate", self.stream),
            )
        else:
            rate, recent = known.total("log.line_rate"), known.recent_total("log.line_rate")
        following = "● following" if self.lines.following and not self.frozen else "‖ standing"
        if self.frozen:
            following = f"‖ frozen +{len(self._held)}"
        view = self.view()
        old = view.as_of(self.sources())
        if not self.sources():
            old = view.emptiness("stream", "", "logs")
        parts = [
            cells.Cell(old, "unknown")
            if old
            else cells.Cell(following, "ok" if following.startswith("●") else "warn"),
            cells.Cell(fmt.rate(rate)),
            cells.Cell(fmt.spark(recent, 24), "accent"),
            cells.Cell(f"{self.level}s and worse" if self.level else "", "warn"),
            cells.Cell(f"/{self.pattern}/" if self.pattern else "", "accent"),
            cells.Cell(self.wrong, "bad"),
            cells.Cell(f"? {self._failed}" if self._failed else "", "unknown"),
        ]
        return text.spaced(parts)

    # Copying

    def row_text(self) -> list[str]:
        """The line under the cursor."""
        found = self.lines.cursor_row
        return [] if found is None else [_plain(found)]

    def pane_text(self) -> list[str]:
        """Every line that is here."""
        return [_plain(found) for found in self.lines.rows]

    # Verbs

    async def do_filter(self, _: str) -> None:
        """Ask for a filter: matches light up while it is typed, Enter lets the core filter."""

        def told(typed: str, done: bool) -> str:
            wrong = match.wrong(typed)
            self.lines.search("" if wrong or typed.startswith("!") else typed)
            if (done or not typed) and not wrong and typed != self.pattern:
                self._filter_by(typed)
            return wrong

        self.ask("/", self.pattern, told)

    def _filter_by(self, pattern: str) -> None:
        self.pattern, self.wrong = pattern, ""
        self.begin()
        self.repaint()

    async def do_level(self, _: str) -> None:
        """All, warnings and worse, errors only."""
        self.level = LEVELS[(LEVELS.index(self.level) + 1) % len(LEVELS)]
        self.begin()
        self.repaint()

    async def do_follow(self, _: str) -> None:
        """To the newest line, and stay there."""
        self.frozen = False
        self._let_go()
        self.lines.action_last()
        self.repaint()

    async def do_freeze(self, _: str) -> None:
        """Hold new lines back, or let them come."""
        self.frozen = not self.frozen
        self._let_go()
        self.repaint()

    async def do_hit(self, argument: str) -> None:
        """To the next line that matches."""
        self.lines.action_hit(int(argument))

    async def do_wrap(self, _: str) -> None:
        """Wrap long lines, or not."""
        self.lines.action_wrap()

    async def do_back(self, argument: str) -> None:
        """Esc ends the filter first, then leaves."""
        if self.pattern:
            self.lines.search("")
            self._filter_by("")
        else:
            await super().do_back(argument)


ROOM = Logs
