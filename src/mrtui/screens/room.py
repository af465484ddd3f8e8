"""What every screen is: bars, a line of news, a prompt; keys from the one table; no I/O."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import WorkType

from mrcore.model import base, run
from mrtui import copying, deeds, keys, runs, verbs, world
from mrtui.columns import table
from mrtui.screens import bars, living, sizes, text
from mrtui.widgets import live_table, prompt, status_bar

if TYPE_CHECKING:
    from mrtui import app


class Room(deeds.Deeds, copying.Copying, verbs.Verbs, Screen[None]):
    """A screen about a ref (or about everything); what it shows it pulls from the World."""

    CSS_PATH = "../app.tcss"  # the splash, and so the first frame, does without
    NAME: ClassVar[str] = ""
    SCOPES: ClassVar[tuple[str, ...]] = ()
    WITHOUT: ClassVar[tuple[str, ...]] = ()
    """Ids of keys that are none here."""

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__()
        self.ref = ref
        self._cursor = cursor
        self._told: Callable[[str, bool], str] = lambda typed, done: ""
        self._before = ""
        self._composed = False
        self._to_fit = False
        self._asked_from: Widget | None = None

    # To be overridden

    def body(self) -> ComposeResult:
        """The widgets between the bars."""
        raise NotImplementedError

    def crumbs(self) -> Sequence[str]:
        """The way to here, as words."""
        return (self.NAME,)

    def scopes(self) -> Sequence[str]:
        """The scopes of keys that are active."""
        return self.SCOPES

    def pull(self) -> None:
        """Show what the World knows now."""
        raise NotImplementedError

    def noticed(self, difference: world.Difference) -> None:
        """Something changed; ask again for what the World does not hold."""

    def sources(self) -> Iterable[str]:
        """The sources whose freshness the top line tells; none: all."""
        return ()

    @property
    def grid(self) -> live_table.LiveTable | None:
        """The table that keys act on."""
        return None

    def entity(self) -> base.Entity | None:
        """What keys act on: the row under the cursor."""
        return self.control.world.get(self.cursor_ref)

    def entered(self) -> None:
        """Its widgets are there: show what is known."""
        shown = self.grid
        if shown is not None and self._cursor:
            shown.cursor_ref = self._cursor
        self.repaint()

    def resumed(self) -> None:
        """It is on top again."""
        self.repaint()

    def moved(self) -> None:
        """The cursor is on another row."""
        self.paint_bars()

    # What the app calls

    @property
    def control(self) -> app.ControlRoom:
        """The app, with its type."""
        return cast("app.ControlRoom", self.app)

    def view(self) -> table.View:
        """What cells are made from."""
        return table.View(self.control.world, self.control.instant)

    @property
    def stands(self) -> bool:
        """Whether its widgets are there: composed, and not left. Whoever holds a room asks."""
        return self._composed and living.lives(self)

    @property
    def writes(self) -> bool:
        """Whether characters are written into a line."""
        return self.stands and self.query_one(prompt.Prompt).is_open

    @property
    def cursor_ref(self) -> str:
        """The ref that keys act on; empty without one."""
        shown = self.grid
        return (shown.cursor_ref or "") if shown else self.ref

    def refs_here(self) -> tuple[base.Ref, ...]:
        """What is looked at, the nearest first: the row, what it belongs to, what this is about."""
        beside = self.beside_row()
        return self.cursor_ref, beside.ref if beside is not None else "", self.ref

    def changed(self, difference: world.Difference) -> None:
        """An event came in."""
        self.noticed(difference)
        self.repaint()

    def tick(self) -> None:
        """A second went by: ages."""
        self.repaint()

    def repaint(self) -> None:
        """Show everything anew; only what differs reaches the terminal."""
        if not self.stands or self.control.away:
            return
        if (shown := self.grid) is not None:
            shown.set_pending(self.control.acting.pending)
        self.pull()
        self.paint_bars()

    # Textual

    def compose(self) -> ComposeResult:
        sizes.classify(self, self.control.size)
        yield status_bar.TopLine()
        with Vertical(id="body"):
            yield from self.body()
        yield Static(id="news", markup=False)
        yield prompt.Prompt()
        yield status_bar.KeyLine()

    # Textual calls the handler of every class: what subclasses add is in entered() and resumed().

    def on_mount(self) -> None:
        self._composed = bool(self.query("#body > *"))
        if self.stands:
            self.entered()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        event.refresh_styles = False  # it has just been styled; one that was below is kept so
        if self.stands:
            self.resumed()

    def on_resize(self, event: events.Resize) -> None:
        sizes.classify(self, event.size)
        self.call_after_refresh(self.repaint)

    async def key(self, event: events.Key) -> bool:
        """Do what the table of keys says for here; False for keys that are the widgets' own."""
        if not self.stands:
            return False
        asked = self.query_one(prompt.Prompt)
        if asked.is_open:
            return self._key_of(asked, event)
        known = self.control.keymap
        found = known.find(event.key, self.scopes(), self.offered(), self.WITHOUT)
        if found is not None:
            if found.does != "back" or not self.control.acting.drop():
                await self.do(found.does)
            return True
        return self._refuse(event.key)

    def _refuse(self, key: str) -> bool:
        """Say why a key that acts does nothing on this row, if it is one and that is known."""
        for entry in self.control.keymap.active(self.scopes(), keys.NEEDED, self.WITHOUT):
            if key in entry.keys and (why := self.why_not(entry)):
                self.control.say(f"{keys.symbol(key)} does nothing: {why}", "warn")
                return True
        return False

    def on_live_table_cursor_moved(self) -> None:
        """Another row: other keys may work."""
        if self.stands:
            self.moved()

    def on_live_table_widened(self) -> None:
        """Choose the columns anew, once for all that have another width: before, they had none."""
        if not self._to_fit:
            self._to_fit = True
            self.call_later(self._fit)

    def on_reading_widened(self) -> None:
        """Wrap a text anew, as soon as its box has a width."""
        self.on_live_table_widened()

    def _fit(self) -> None:
        self._to_fit = False
        self.repaint()

    async def on_live_table_opened(self, event: live_table.LiveTable.Opened) -> None:
        """Enter, or a double click."""
        await self.do_open("")

    def active(self) -> list[keys.Key]:
        """The keys and commands that work here now."""
        return self.control.keymap.active(self.scopes(), self.offered(), self.without())

    def without(self) -> tuple[str, ...]:
        """Ids of keys that are not offered here and now; pressed, they say why not."""
        here = self.control.rights
        never = ("app.arm", "app.undo") if here.looks_only and here.arming is None else ()
        found = self.runbook_here()
        begins = isinstance(found, runs.Begin) and not here.refusal(runs.START)
        led = begins or isinstance(found, run.Run)
        return (*self.WITHOUT, *never, *(() if led else ("row.runbook",)))

    def paint_bars(self) -> None:
        """The top line, the news, and what the keys do here."""
        self.query_one(status_bar.TopLine).show(bars.standing(self))
        self.control.naming.show(bars.title(self))
        line, fresh = bars.told(self)
        shown = self.query_one("#news", Static)
        text.put(shown, text.content(line))
        shown.set_class(fresh, "-fresh")
        # Where nothing is to be armed the key only says so: no hint at it.
        without = (*self.without(), *(() if self.control.rights.protected else ("app.arm",)))
        called = {"app.arm": "disarm"} if self.control.rights.arming is not None else {}
        entries = self.control.keymap.footer(self.scopes(), self.offered(), without, called)
        self.query_one(status_bar.KeyLine).show([status_bar.KeyHint(*e) for e in entries])

    def beside(self, work: Callable[[], Coroutine[None, None, None]], name: str) -> None:
        """Run work beside the screen, as long as the screen lives; a newer one replaces it."""
        typed: WorkType[None] = work
        self.run_worker(typed, name=name, group=name, exclusive=True)

    # The prompt

    def ask(self, sign: str, typed: str, told: Callable[[str, bool], str]) -> None:
        """Ask for a line: `told(text, done)` hears every change, and answers what is wrong."""
        self._told, self._before, self._asked_from = told, typed, self.focused
        words = self.control.keymap.words() if sign == ":" else ()
        self.query_one(prompt.Prompt).open(
            sign,
            text=typed,
            complete=lambda begun: [word for word in words if word.startswith(begun)],
        )

    def _key_of(self, asked: prompt.Prompt, event: events.Key) -> bool:
        if event.key == "enter":
            self._answered(asked, asked.take())
        elif event.is_printable and event.character:
            asked.type(event.character)
        else:
            return False
        return True

    def _hear(self, asked: prompt.Prompt, text: str) -> None:
        """Typing: say at once what is wrong with it."""
        wrong = self._told(text, False)
        if wrong and text == asked.text:
            asked.fail(wrong)

    def _answered(self, asked: prompt.Prompt, text: str) -> None:
        """Enter: close, unless something is wrong with it."""
        if wrong := self._told(text, True):
            asked.fail(wrong)
        else:
            asked.close()
            self.set_focus(self._asked_from)

    def on_prompt_changed(self, event: prompt.Prompt.Changed) -> None:
        """Typing: what hears it may act at once."""
        if self.stands and event.prompt.is_open:
            self._hear(event.prompt, event.text)

    def on_prompt_submitted(self, event: prompt.Prompt.Submitted) -> None:
        """Enter that came by another way than a key."""
        if self.stands:
            self._answered(event.prompt, event.text)

    def on_prompt_cancelled(self) -> None:
        """Esc: as it was before."""
        if self.stands:
            self._told(self._before, False)
            self.set_focus(self._asked_from)
