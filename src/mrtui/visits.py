"""Where a person is and was: home at the bottom, and the way that led from there to here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mrtui import screens

if TYPE_CHECKING:
    from mrtui import app


class Visit(NamedTuple):
    """A screen, the ref that it is about, and the row that the cursor was on."""

    screen: str
    ref: str = ""
    cursor: str = ""


class Visits:
    """Moves the app's stack of screens; `-` leads to the way before this one and back."""

    def __init__(self, control: app.ControlRoom) -> None:
        self._control = control
        self._way: list[Visit] = [Visit("home")]
        self._before: list[Visit] = []

    def begin(self) -> None:
        """Put home over the splash."""
        self._control.push_screen(self._made(Visit("home")))

    def end(self) -> None:
        """Leave every screen; `begin` of other visits puts theirs there."""
        for _ in self._way:
            self._control.pop_screen()

    def go(self, screen: str, ref: str = "") -> None:
        """Show one of the main screens, above home."""
        visit = Visit(screen, ref)
        self._walk([Visit("home")] if visit == Visit("home") else [Visit("home"), visit])

    def open(self, ref: str, kind: str) -> None:
        """Go on to what a ref leads to."""
        self._walk([*self._here(), Visit(screens.opens(kind), ref)])

    def into(self, screen: str, ref: str = "", cursor: str = "") -> None:
        """Go on to a screen from here."""
        self._walk([*self._here(), Visit(screen, ref, cursor)])

    def back(self) -> None:
        """Go back by one."""
        if len(self._way) > 1:
            self._walk(self._here()[:-1])

    def last(self) -> None:
        """Go to where we were before."""
        if self._before:
            self._walk(self._before)

    def _here(self) -> list[Visit]:
        """The way to here, with the cursor's row as it is now."""
        last = self._way[-1]
        return [*self._way[:-1], last._replace(cursor=self._control.cursor_ref or last.cursor)]

    def _walk(self, way: list[Visit]) -> None:
        here = self._here()
        shared = 0
        for old, new in zip(here, way, strict=False):
            if (old.screen, old.ref) != (new.screen, new.ref):
                break
            shared += 1
        if shared == len(way) == len(here):
            return
        self._before, self._way = here, list(way)
        # Not awaited: a screen that waited for its own end, in its own key, would wait for ever.
        for _ in here[shared:]:
            self._control.pop_screen()
        for visit in way[shared:]:
            self._control.push_screen(self._made(visit))

    def _made(self, visit: Visit) -> screens.AnyRoom:
        return screens.make(visit.screen, visit.ref, visit.cursor)
