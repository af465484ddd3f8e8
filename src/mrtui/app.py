"""ControlRoom: the app. Wiring only; what it shows is in screens/, what it knows in world.py."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from textual.screen import ModalScreen, Screen

from mrtui import bindings, counting, news, ringing, sheet, start, themes, typeahead
from mrtui.screens import splash
from mrtui.terminal import bell, frame_diff, safe_text, title
from mrtui.widgets import cells

if TYPE_CHECKING:  # loaded after the first frame, by _load
    from textual.command import Provider
    from textual.worker import Worker, WorkType

    import mrtui.acting
    import mrtui.link
    import mrtui.rights
    import mrtui.screens.room
    import mrtui.visits
    import mrtui.world
    from mrtui.screens import dialogs

Answer = TypeVar("Answer")
TICK_S = 1.0
"""How often ages are painted anew."""


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def _load() -> None:
    """Import what the first frame does without: the model, the World, home."""
    from mrtui import acting, link, visits, world
    from mrtui.screens import home

    assert all((acting, link, visits, world, home))


def _palette() -> type[Provider]:
    from mrtui.screens import palette

    return palette.Commands


class ControlRoom(typeahead.TypeAhead, frame_diff.FrameDiff[int], inherit_bindings=False):
    """The whole screen: one World, one Link, a stack of rooms."""

    TITLE = "mr"
    COMMANDS = {_palette}
    ENABLE_COMMAND_PALETTE = False  # Textual's own key for it; ours is in the table of keys
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (120, "-wide"), (150, "-huge")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (24, "-medium"), (40, "-tall")]

    world: mrtui.world.World
    link: mrtui.link.Link
    visits: mrtui.visits.Visits
    acting: mrtui.acting.Acting

    def __init__(
        self,
        connect: Callable[[], mrtui.link.Core],
        *,
        clock: Callable[[], datetime] = utc_now,
        keymap: bindings.Keymap | None = None,
        started: start.Start | None = None,
    ) -> None:
        super().__init__()
        self.connect = connect
        self.clock = clock
        self.keymap = keymap or bindings.Keymap()
        self.started = started or start.Start()
        self.counter = counting.Counter(self.started.state)
        self.naming = title.Title(self, os.environ)
        self.bell_of = bell.Bell(self, os.environ, self.started.ring)
        self._follows = False
        self.inside = asyncio.Event()  # set when home has taken the splash's place
        loaded = themes.load_all()
        themes.install(self, loaded)
        wanted = self.started.locked_theme or self.started.theme
        self.theme = themes.choose(wanted, self.available_themes)
        self.stylesheet = sheet.Sheet(variables=self.get_css_variables())
        self.news = news.News("; ".join(loaded.problems), "warn")

    def pressed(self) -> None:
        self.counter.press()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our words' colours, for themes that do not know them."""
        return themes.variable_defaults()

    def get_default_screen(self) -> Screen[Any]:
        """The splash, which needs nothing."""
        return splash.Splash(self.started.place, self.started.steps, self._waiting_for, self.leave)

    def on_mount(self) -> None:
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        if not self._follows:
            self._follows = True
            self.later(self._follow, "link")

    async def _follow(self) -> None:
        """Load the rest behind the first frame, then follow the core for ever."""
        await asyncio.to_thread(_load)
        self._look_anew()
        self.set_interval(TICK_S, self._tick)
        await self.link.run()

    def _look_anew(self) -> None:
        """Know nothing yet, and have asked for nothing yet."""
        from mrtui import acting, link, visits, world

        self.world = world.World()
        self.rings = ringing.Rings()
        self.link = link.Link(self.world, self.connect, self.clock, self._noted)
        self.visits = visits.Visits(self)
        self.acting = acting.Acting(self)

    def switch(self, context: start.Context) -> None:
        """Look at another environment; what was asked of the one before goes on there, unseen."""
        before, pending = self.world.environment or self.started.place, self.acting.pending
        self.workers.cancel_node(self)  # the link, and plans that are not asked about yet
        self.visits.end()
        self.connect = context.connect
        self.started = self.started._replace(place=context.name, address=context.address)
        self._look_anew()
        self.visits.begin()
        self.later(self.link.run, "link")
        if pending:
            self.say(f"what you began in {before} goes on there", "accent")

    # What the rooms ask for

    @property
    def instant(self) -> datetime:
        """The core's time, as far as we know it."""
        return self.clock() + self.world.skew

    @property
    def rights(self) -> mrtui.rights.Rights:
        """What this login may do here and now."""
        from mrtui import rights

        return rights.Rights(self.link.me, self.world, self.instant, self.started.read_only)

    @property
    def top(self) -> mrtui.screens.room.Room | None:
        """The room that is seen, also behind a dialog."""
        return next(self._rooms(), None)

    @property
    def cursor_ref(self) -> str:
        """The ref under the cursor of the room on top; empty without one."""
        return next((room.cursor_ref for room in self._rooms()), "")

    def later(self, work: Callable[[], Coroutine[None, None, None]], name: str) -> Worker[None]:
        """Run a coroutine beside the screen; a newer one of the same name replaces it."""
        typed: WorkType[None] = work
        return self.run_worker(typed, name=name, group=name, exclusive=True)

    async def question(self, dialog: dialogs.Over[Answer], over: Screen[Any]) -> Answer | None:
        """Show a dialog over the screen that asks, its rows held; the answer, in a worker.

        None at once where that screen is not on top: a dialog is never over another screen than
        its own, nor over another dialog.
        """
        if self.screen is not over:
            return None
        with self.held():
            shown = self.push_screen(dialog, wait_for_dismiss=True)
            if not dialog.ASKS:
                return await asyncio.shield(shown)
            await self.handed_over(dialog)
            answer = await asyncio.shield(shown)
            self.meanwhile.answered(self.instant, cancelled=answer is None)
            return answer

    def say(self, text: str, style: cells.Style = "", *, passing: bool = False) -> None:
        """One line of news for the room on top; it stays until the next key, or is `passing`."""
        self.news = news.News(safe_text.safe_text(text), style)
        if passing:
            known = frozenset(trouble.entity.ref for trouble in self.world.troubles(self.instant))
            self.news = self.news._replace(said_at=self.instant, known=known)
        self.repaint()

    def repaint(self) -> None:
        """Let the room on top pull anew."""
        for seen in self._rooms():
            seen.repaint()

    def leave(self) -> None:
        """Leave; ask first when that stops a stack."""
        if not self.started.owns_stack():
            self.exit(0)
            return
        if isinstance(self.screen, ModalScreen):
            return  # never a dialog over a dialog
        from mrtui.screens import confirm  # the splash can ask for it before the model is loaded

        self._start()  # below a dialog the splash is not refreshed
        self.push_screen(confirm.QuitDialog(), self.left)

    def left(self, yes: bool | None) -> None:
        """The answer to `Stop the stack?`."""
        if yes:
            self.exit(0)
        else:
            self.call_later(self._begin)

    async def enter(self, name: str) -> None:
        """Go to a screen by its name, or to a ref."""
        if "/" in name:
            await self.screen.do(f"visit {name}")  # type: ignore[attr-defined]
            for asking in [worker for worker in self.workers if worker.name == "visit"]:
                await asking.wait()
        else:
            self.visits.go(name)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the rows of the room on top where they are, while a dialog is open."""
        grids = [room.grid for room in self._rooms() if room.grid is not None]
        grids = [grid for grid in grids if not grid.frozen]
        for grid in grids:
            grid.freeze(True)
        try:
            yield
        finally:
            for grid in grids:
                grid.freeze(False)

    # What the link tells

    def _rooms(self) -> Iterator[mrtui.screens.room.Room]:
        """The room that is seen: the top one, also behind a dialog; none while it is composed."""
        from mrtui.screens import room

        for screen in reversed(self.screen_stack if self.is_running else ()):
            if isinstance(screen, room.Room):
                if screen.stands:
                    yield screen
                return

    def _noted(self, difference: mrtui.world.Difference) -> None:
        self._begin()
        self.acting.settle()
        self._ring(difference)
        for seen in self._rooms():
            seen.changed(difference)

    def _ring(self, difference: mrtui.world.Difference) -> None:
        """Tell the terminal of what has begun to fire."""
        if "core" not in difference.sources:
            return
        fresh = self.rings.new(self.world.table("alert").values())
        if fresh:
            self.bell_of.ring(*ringing.words(fresh, self.world.environment))

    def _begin(self) -> None:
        """Put home over the splash, once there is a core and no question is open."""
        known = getattr(self, "world", None)
        if known is None or not known.connected or self.inside.is_set():
            return
        if isinstance(self.screen, splash.Splash):
            self.inside.set()
            self.visits.begin()
            if self.started.hint:
                self.say(self.started.hint, passing=True)

    def _tick(self) -> None:
        for seen in self._rooms():
            seen.tick()

    def _waiting_for(self) -> str:
        """What the splash says while there is no core."""
        if why := self.started.failed():
            return f"✖ {why}"
        known = getattr(self, "world", None)
        if known is None or known.lost_at is None or self.started.steps():
            return ""
        return f"◌ {known.why_lost}"
