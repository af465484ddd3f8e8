"""What keys do to the world: act, arm, undo; and why one does nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen

from mrcore import catalogue, errors
from mrcore.model import base, core, deploy, plans, postgres, run
from mrtui import answers, columns, consent, giving, keys, plan_lines, steps, undoing
from mrtui.columns import fmt

if TYPE_CHECKING:
    from mrtui import app
    from mrtui.widgets import live_table


class Deeds:
    """Mixed into every room beside its verbs."""

    if TYPE_CHECKING:

        @property
        def control(self) -> app.ControlRoom: ...
        @property
        def cursor_ref(self) -> str: ...
        @property
        def grid(self) -> live_table.LiveTable | None: ...

        def entity(self) -> base.Entity | None: ...

    @property
    def _screen(self) -> Screen[Any]:
        return cast("Screen[Any]", self)

    # What a room may override

    def acted(self, refs: frozenset[str]) -> None:
        """An action is applied now that was asked for here."""

    def applied(self, refs: frozenset[str]) -> None:
        """It was taken by the core: what was marked for it is not any more."""
        if self.grid is not None and self.grid.marked <= refs:
            self.grid.clear_marks()

    def ended(self, refs: frozenset[str]) -> None:
        """An operation on these refs has ended, wherever it was asked for."""

    def gone(self) -> frozenset[str]:
        """Refs of rows that are still shown, and are there no more."""
        frozen = self.grid.gone if self.grid is not None else frozenset()
        return self.control.acting.gone | frozen

    def beside_row(self) -> base.Entity | None:
        """What keys act on besides the row: the queue whose jobs are listed."""
        return None

    def everything(self) -> plans.Selection | None:
        """Everything that is listed, or that the row stands for; None where that is nothing."""
        return None

    def selected(self, action: str) -> tuple[plans.Selection, frozenset[str]]:
        """What an action of the row is done on, and the refs that wait for it."""
        refs = self._refs(action)
        return plans.Selection(refs=tuple(sorted(refs))), refs

    def given(self, action: str) -> dict[str, str]:
        """What its arguments most likely are, to begin with."""
        return {}

    def meant(self, chosen: plans.Selection) -> frozenset[str]:
        """The rows that stand for everything that was chosen."""
        return frozenset((chosen.ref,))

    # What is possible

    def possible(self) -> dict[str, str]:
        """The actions that the row, what it belongs to, and the list allow; why not, if so."""
        found: list[str] = []
        row = None if self.cursor_ref in self.gone() else self.entity()
        for one in (row, self.beside_row()):
            found += one.actions if one is not None else ()
        refusal = self.control.rights.refusal
        made = {action: refusal(action) for action in found}
        if self.everything() is not None:
            made["queue.retry" + keys.ALL] = refusal("queue.retry")
        return made

    def offered(self) -> tuple[str, ...]:
        """The actions that can be done here and now."""
        return tuple(action for action, why in self.possible().items() if not why)

    def why_not(self, entry: keys.Key) -> str:
        """Why a key that acts on such a row does nothing on this one."""
        for need in entry.needs:
            if why := self.possible().get(need):
                return why
        found = self.entity()
        if found is None or found.kind != entry.kind:
            return ""
        if found.ref in self.gone():
            return f"{columns.named(found)} is gone"
        if why := _because(found):
            return f"{columns.named(found)} {why}"
        state = getattr(found, "state", "")
        how = f" ({getattr(state, 'value', state)})" if state else ""
        return f"not for {columns.named(found)} as it is{how}"

    # Verbs

    async def do_act(self, argument: str) -> None:
        """Do the one of some actions that is offered: on the marked rows, or the cursor's."""
        offered = self.offered()
        action = next((name for name in argument.split() if name in offered), "")
        if not action:
            return
        chosen, refs = self.selected(action)
        wish = consent.Wish(action, chosen, refs)
        if giving.asked(action):
            self.control.acting.first(functools.partial(self._give, wish))
        else:
            self.control.acting.wish(wish)

    async def _give(
        self, wish: consent.Wish, lines: Mapping[str, str] | None = None, wrong: str = ""
    ) -> Callable[[], None] | None:
        """Ask for the arguments of an action; then it is planned.

        Where one of them is refused, it is asked again with the lines that were typed.
        """
        from mrtui.screens import arguments

        begin = self.given(wish.action) if lines is None else lines
        dialog = arguments.ArgumentsDialog(wish.action, wish.selection, begin, wrong)
        given = await self.control.question(dialog, self._screen)
        if given is None:
            return None
        amend = functools.partial(self._give, wish, given.lines)
        wanted = wish._replace(args=given.args, amend=amend)
        return functools.partial(self.control.acting.wish, wanted)

    async def do_edit(self, action: str) -> None:
        """Edit the payload of the job under the cursor, and plan to retry it so."""
        found = self.entity()
        if found is not None and action in self.offered():
            self.control.acting.first(functools.partial(self._edit, action, found))

    async def _edit(self, action: str, found: base.Entity) -> Callable[[], None] | None:
        from mrtui.screens import editor

        detail = await self.control.link.client.detail(found.ref)
        parts = [part for part in detail.sections if part.id == "payload"]
        if not parts or parts[0].form != "json":
            raise errors.Unsupported("Its payload cannot be read as JSON, and so not be edited.")
        dialog = editor.EditDialog(columns.named(found), parts[0].data)
        edit = await self.control.question(dialog, self._screen)
        if edit is None:
            return None
        chosen, refs = plans.Selection(refs=(found.ref,)), frozenset((found.ref,))
        args: plans.Args = {"patch": list(edit.ops)}
        return functools.partial(
            self.control.acting.wish, consent.Wish(action, chosen, refs, args=args)
        )

    def _refs(self, action: str) -> frozenset[str]:
        found, beside = self.entity(), self.beside_row()
        of_row = found is not None and action in found.actions
        if not of_row and beside is not None and action in beside.actions:
            return frozenset((beside.ref,))
        marked = self.grid.marked - self.gone() if self.grid is not None else frozenset()
        return marked or frozenset((self.cursor_ref,))

    async def do_act_all(self, argument: str) -> None:
        """Do an action on everything that is listed."""
        if (chosen := self.everything()) is not None:
            self.control.acting.wish(consent.Wish(argument, chosen, self.meant(chosen)))

    async def do_canary(self, argument: str) -> None:
        """Do it on the first few of what is listed; the rest follows if they fare well."""
        if (chosen := self.everything()) is not None:
            wish = consent.Wish(argument, chosen, self.meant(chosen), {"canary": plan_lines.CANARY})
            self.control.acting.wish(wish)

    async def do_undo(self, _: str) -> None:
        """Undo the operation of the row, or the newest of mine that can be undone."""
        if why := self.control.rights.refusal(undoing.ACTION):
            self.control.say(f"u undoes nothing now: {why}", "warn")
            return
        found = self.entity()
        if isinstance(found, core.Operation):
            if undoing.ACTION in found.actions:
                self.control.acting.begin(undoing.ACTION, (found.ref,))
            else:
                self.control.say(undoing.why_not(found, self.control.instant), "warn")
            return
        me = self.control.link.me
        try:
            newest, passed = await undoing.newest(self.control.link.client, me.login if me else "")
        except errors.MrError as error:
            self.control.say(f"✖ {error}", "bad")
            return
        now = self.control.instant
        if newest is None:
            why = f": {undoing.why_not(passed, now)}" if passed is not None else ""
            self.control.say(f"nothing of yours can be undone (any more){why}", "warn")
        else:
            word = undoing.passed_over(passed, newest, now) if passed is not None else ""
            self.control.acting.begin(undoing.ACTION, (newest.ref,), word)

    async def do_arm(self, _: str) -> None:
        """Arm, or disarm when armed; both ask."""
        here = self.control.rights
        known = catalogue.ACTIONS["core.arm"]
        if here.read_only:
            self.control.say("nothing can be armed: this is read-only for everybody", "warn")
        elif not here.protected:
            name = here.known.environment
            self.control.say(f"{name} is not protected: there is nothing to arm")
        elif not here.has(known.role):
            self.control.say(f"arming needs the role {known.role}", "warn")
        else:
            self.control.acting.first(self._arm)

    async def _arm(self) -> Callable[[], None] | None:
        from mrtui.screens import arm, confirm

        control, here = self.control, self.control.rights
        if (armed := here.arming) is not None:
            left = fmt.until(armed.until, here.now)
            sentence = f"You are armed for {left} more: {armed.reason}"
            asked = confirm.Question("Disarm", sentence, "Disarm")
            if not await control.question(asked, self._screen):
                return None
            return functools.partial(control.acting.begin, "core.disarm", (armed.ref,))
        dialog = arm.ArmDialog(here.known.environment)
        wanted = await control.question(dialog, self._screen)
        if wanted is None:
            return None
        chosen = plans.Selection(refs=(here.place,))
        answer = answers.Answer(reason=wanted.reason)
        args: plans.Args = {"minutes": wanted.minutes}
        wish = consent.Wish("core.arm", chosen, args=args, answer=answer)
        return functools.partial(control.acting.wish, wish)


def _because(found: base.Entity) -> str:
    """Why such a row offers nothing, where that can be seen from it."""
    if isinstance(found, deploy.Colour) and found.live:
        return "is live already"
    if isinstance(found, run.Run):
        return steps.asks(found)
    if isinstance(found, postgres.Session) and found.state == "idle":
        return "runs nothing"
    return ""
