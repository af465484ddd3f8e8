"""What keys and commands do: a method a verb, named by the table of keys."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mrcore import errors
from mrcore.model import base, core, log, plans, postgres, queue, ref, run, stack
from mrtui import consent, finding, match, news, runs, trails

if TYPE_CHECKING:
    from mrtui import app, keys


OF_OURS = ("search", "found", trails.KIND)
"""Kinds of refs that only the screen knows: lines, jobs or rows of trails that match something."""


class Verbs:
    """Mixed into every room; a room that can more overrides or adds a verb."""

    if TYPE_CHECKING:

        @property
        def control(self) -> app.ControlRoom: ...
        @property
        def cursor_ref(self) -> str: ...
        @property
        def stands(self) -> bool: ...

        def refs_here(self) -> tuple[base.Ref, ...]: ...
        def entity(self) -> base.Entity | None: ...
        def active(self) -> list[keys.Key]: ...
        async def _give(
            self, wish: consent.Wish, lines: Mapping[str, str] | None = None, wrong: str = ""
        ) -> Callable[[], None] | None: ...
        def ask(self, sign: str, typed: str, told: Callable[[str, bool], str]) -> None: ...

    async def do(self, does: str) -> None:
        """Run a verb with its argument: `go queues`, `act queue.retry`."""
        if not self.stands:
            return  # left meanwhile
        self.control.news = news.News()
        verb, _, argument = does.partition(" ")
        await getattr(self, f"do_{verb}")(argument)

    async def do_go(self, argument: str) -> None:
        """Show a main screen; `logs STREAM` shows one stream."""
        screen, _, name = argument.partition(" ")
        address = self._stream(name) if screen == "logs" and name else ""
        if name and not address:
            self.control.say(f"✖ no source has a log stream {name!r}", "bad")
        else:
            self.control.visits.go(screen, address)

    async def do_open(self, _: str) -> None:
        """Go to what the row under the cursor leads to."""
        if self.cursor_ref:
            found = self.entity()
            kind = found.kind if found is not None else ref.parse(self.cursor_ref).kind
            self.control.visits.open(self.cursor_ref, kind)

    async def do_back(self, _: str) -> None:
        """Go back by one."""
        self.control.visits.back()

    async def do_last(self, _: str) -> None:
        """Go to the view before this one."""
        self.control.visits.last()

    async def do_visit(self, argument: str) -> None:
        """Open a ref that a person pasted, unless it leads nowhere."""
        wanted = ref.pasted(argument)
        try:
            address = ref.parse(wanted)
        except ValueError as error:
            said = f"✖ {error}" if wanted else "✖ :open takes a ref, mr://source/kind/id"
            self.control.say(said, "bad")
        else:
            self.control.later(functools.partial(self._visit, wanted, address), "visit")

    async def _visit(self, wanted: str, address: ref.Address) -> None:
        """Ask for what is in no live set first; a core that is away is asked again there."""
        known, here = self.control.world.get(wanted), self.control.screen
        if known is None and address.kind not in OF_OURS:
            try:
                await self.control.link.client.detail(wanted)
            except errors.CoreUnreachable:
                pass
            except errors.MrError as error:
                self.control.say(f"✖ {ref.url(wanted)} leads nowhere: {error}", "bad")
                return
        if self.control.screen is not here:
            return  # gone on meanwhile, or something is asked
        if isinstance(known, core.WaitingPlan):
            self.control.visits.into("plans", cursor=wanted)
        else:
            self.control.visits.open(wanted, address.kind)

    async def do_ctx(self, argument: str) -> None:
        """Look at another environment, by its name; without one, show all of them."""
        if not argument:
            self.control.visits.go("envs")
            return
        try:
            known = self.control.started.contexts()
        except errors.SettingsError as error:
            self.control.say(f"✖ {error}", "bad")
            return
        found = next((each for each in known if each.name == argument), None)
        if found is None:
            names = ", ".join(each.name for each in known) or "none"
            self.control.say(f"✖ there is no environment {argument!r}; there are {names}", "bad")
        else:
            self.control.switch(found)

    async def do_logs(self, _: str) -> None:
        """Show the log lines that name what is under the cursor, or the stream of a process."""
        found = self.entity()
        self.control.visits.into("logs", "" if found is None else self._logs_of(found))

    def runbook_here(self) -> run.Run | runs.Begin | None:
        """The run that `b` shows or begins: of the row, of what it belongs to, else the named."""
        known, here = self.control.world, self.refs_here()
        for address in here:
            if found := runs.led(known, address) or runs.begins(known, address):
                return found
        found = runs.named(known, self.control.instant)
        return found if found is not None and found.ref not in here else None

    async def do_runbook(self, _: str) -> None:
        """Show the run of a runbook that is of the row; begin one if there is none."""
        found = self.runbook_here()
        if isinstance(found, run.Run):
            self.control.visits.open(found.ref, found.KIND)
        elif found is not None and found.runbook == self.cursor_ref:
            await self.do(f"act {runs.START}")  # a person says what it is about
        elif found is not None:
            begun = functools.partial(runs.newest, self.control.world, found.runbook)
            args: plans.Args = {"subject": found.subject} if found.subject else {}
            chosen, before = plans.Selection(refs=(found.runbook,)), begun()
            then = functools.partial(self._show_run, begun, before)
            wish = consent.Wish(runs.START, chosen, args=args, then=then)
            # A run of an alert that is over had no subject, perhaps: then a person says which.
            amend = functools.partial(self._give, wish, {"subject": found.subject})
            self.control.acting.wish(wish._replace(amend=amend))

    async def _show_run(self, newest: Callable[[], run.Run | None], before: run.Run | None) -> None:
        """Open a run that was just begun, as soon as the core tells of it."""
        old = before.id if before is not None else 0
        begun = lambda: (found := newest()) is not None and found.id > old  # noqa: E731
        await self.control.acting.until(begun)
        if (found := newest()) is not None:
            self.control.visits.open(found.ref, found.KIND)

    def _stream(self, name: str) -> str:
        """The ref of a log stream by its name, whatever its source is called; empty: none."""
        found = self.control.world.table("stream").values()
        return next((e.ref for e in found if isinstance(e, log.LogStream) and e.name == name), "")

    def _logs_of(self, found: base.Entity) -> str:
        if isinstance(found, log.LogStream):
            return found.ref
        if isinstance(found, log.LogLine):
            return ref.make(ref.source_of(found.ref), "stream", found.stream)
        if isinstance(found, stack.Process) and (address := self._stream(found.name)):
            return address
        word = _named(found)
        return ref.make("logs", "search", match.literal(word)) if word else ""

    async def do_search(self, argument: str) -> None:
        """Search the jobs of the queue that this screen is about, else of all queues."""
        if argument:
            address = finding.address(argument, self.queue_here())
            self.control.visits.into("found", address)
        else:
            await self.do_look("")

    async def do_trails(self, argument: str) -> None:
        """Search the audit trails: exactly this, or show the newest rows."""
        self.control.visits.go("trails", trails.address(argument))

    async def do_look(self, _: str) -> None:
        """Ask for what to search."""
        self._command("search ")

    def queue_here(self) -> base.Ref:
        """The queue that this screen is about; empty: it is about all."""
        return ""

    async def do_command(self, _: str) -> None:
        """Ask for a `:` command."""
        self._command("")

    def _command(self, begun: str) -> None:

        def told(line: str, done: bool) -> str:
            if not done or not line.strip():
                return ""
            does = self.control.keymap.read(line)
            if not does:
                word = line.split()[0].removeprefix(":")
                self.control.say(f"✖ there is no :{word}; ? shows what there is", "bad")
                return ""
            self.control.call_next(self.do, does)
            return ""

        self.ask(":", begun, told)

    async def do_palette(self, _: str) -> None:
        """Show everything that can be done here, to choose from."""
        from mrtui.screens import palette

        palette.open_in(self.control)

    async def do_help(self, _: str) -> None:
        """Show the keys of what is focused."""
        from mrtui.screens import help as overlay

        await self.control.push_screen(overlay.Help(self.active()))

    async def do_theme(self, argument: str) -> None:
        """Change the theme, or say which there are."""
        names = sorted(self.control.available_themes)
        if self.control.started.locked_theme:
            self.control.say("NO_COLOR or this terminal allows the theme ansi only", "warn")
        elif argument in names:
            self.control.theme = argument
        else:
            self.control.say(f"themes: {', '.join(names)}", "" if not argument else "warn")

    async def do_redraw(self, _: str) -> None:
        """Send every cell again."""
        self.control.action_redraw()

    async def do_quit(self, _: str) -> None:
        """Leave; ask first when that stops a stack."""
        self.control.leave()

    async def do_tab(self, argument: str) -> None:
        """The next pane or tab, or the one before."""
        screen = self.control.screen
        if int(argument) > 0:
            screen.focus_next()
        else:
            screen.focus_previous()


def _named(found: base.Entity) -> str:
    """What lines about an entity name; empty where nothing would."""
    if isinstance(found, queue.Job):
        return found.id
    if isinstance(found, postgres.Session):
        return str(found.pid)
    if isinstance(found, core.AuditRow):
        return ref.parse(found.refs[0]).id if found.refs else ""
    return str(getattr(found, "name", ""))
