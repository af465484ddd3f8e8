"""Environments side by side, asked every few seconds while this is seen; Enter goes to one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from mrcore import errors
from mrcore.model import base
from mrtui import lookout, places
from mrtui.columns import fmt, table
from mrtui.screens import listing, text
from mrtui.widgets import cells


class Envs(listing.Listing):
    """Every context of the contexts file, and where we are; the worst first."""

    NAME = "envs"
    KIND = "context"
    EMPTY = "no context"
    WITHOUT: ClassVar[tuple[str, ...]] = ("tab.next", "list.mark", "row.logs")

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self._eyes: dict[str, lookout.Eye] = {}
        self._wrong = ""

    def entered(self) -> None:
        try:
            known = self.control.started.contexts()
        except errors.SettingsError as error:
            known, self._wrong = (), str(error)
        for context in known:
            eye = lookout.Eye(context, self.control.clock)
            self._eyes[eye.last.ref] = eye
        self.beside(self._look, "contexts")
        super().entered()

    async def _look(self) -> None:
        async with asyncio.TaskGroup() as group:
            for eye in self._eyes.values():
                group.create_task(eye.keep(self.repaint))

    def entities(self) -> Sequence[base.Entity]:
        return [eye.last for eye in self._eyes.values()]

    def doubt(self, view: table.View) -> str:
        """The core that is looked at says nothing of the others."""
        return ""

    def emptiness(self, view: table.View) -> str:
        return self._wrong or (super().emptiness(view) if self.pattern else self.EMPTY)

    def headline(self) -> list[list[cells.Cell]]:
        """How many there are; where to write them down."""
        if self._wrong:
            return [[cells.Cell(self._wrong, "bad")]]
        found = [eye.last for eye in self._eyes.values()]
        parts = [cells.Cell(fmt.plural(len(found), "environment"), "strong")]
        for level in (base.Level.BAD, base.Level.UNKNOWN, base.Level.WARN):
            if count := sum(each.verdict.level is level for each in found):
                said = f"{fmt.GLYPHS[level]} {count} {level.value}"
                parts.append(cells.Cell(said, table.TONES[level]))
        if len(found) < 2:
            path = places.config_file(places.CONTEXTS)
            parts.append(cells.Cell(f"more of them: {path}", "dim"))
        return [text.spaced(parts), self._whole()]

    def _whole(self) -> list[cells.Cell]:
        """The sentence of the row under the cursor, for which its column is too narrow."""
        eye = self._eyes.get(self.cursor_ref)
        if eye is None or not eye.last.verdict.why:
            return []
        found = eye.last
        tone = table.TONES[found.verdict.level]
        return [cells.Cell(f"{found.name}: ", "dim"), cells.Cell(found.verdict.why, tone)]

    def moved(self) -> None:
        super().moved()
        self.paint_headline()

    def row(self, entity: base.Entity, view: table.View) -> tuple[cells.Cell, ...]:
        """The one that is looked at is marked; ages are by our clock, for each core has its own."""
        made = super().row(entity, view._replace(now=self.control.clock()))
        eye = self._eyes.get(entity.ref)
        if eye is None or not self.control.started.at(eye.context):
            return made
        return (made[0], cells.Cell(f"{made[1].text} ◂", "accent"), *made[2:])

    def addresses(self) -> Sequence[str]:
        """Where the core is: a ref of a context would lead nowhere for others."""
        eye = self._eyes.get(self.cursor_ref)
        return [eye.context.address] if eye is not None and eye.context.address else []

    async def do_open(self, _: str) -> None:
        """Look at the environment under the cursor instead."""
        if (eye := self._eyes.get(self.cursor_ref)) is not None:
            self.control.switch(eye.context)


ROOM = Envs
