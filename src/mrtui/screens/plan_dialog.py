"""A plan before anything dangerous: everything that it says, and what a person may answer."""

from __future__ import annotations

import functools

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Static

from mrcore.model import core, plans, ref
from mrtui import answers, plan_lines, plan_pages, prose
from mrtui.screens import dialogs, text
from mrtui.terminal import safe_text
from mrtui.widgets import cells, status_bar

WIDTH = 74
"""The widest that a plan is drawn."""

BORDERS = 2

KEYS = (
    status_bar.KeyHint("⏎", "press"),
    status_bar.KeyHint("←→", "choose"),
    status_bar.KeyHint("↑↓", "scroll"),
    status_bar.KeyHint("PgDn", "targets"),
    status_bar.KeyHint("esc", "cancel"),
)
AT_ONCE = status_bar.KeyHint("^y", "apply")
"""Where there is a plan to apply: a chord that no slip types, from wherever the focus is."""

REASONED = status_bar.KeyHint("a-z", "reason")
"""Of a plan that takes a reason: what is typed goes there."""


class PlanDialog(dialogs.Dialog[answers.Answer]):
    """Targets in full and page by page, left-outs, causes, guards, warnings, undo, risk."""

    BINDINGS = [
        ("pagedown", "page(1)", ""),
        ("pageup", "page(-1)", ""),
        ("ctrl+y", "apply", ""),
    ]

    def __init__(
        self,
        plan: plans.Plan,
        choices: list[answers.Choice],
        *,
        reason: str = "",
        asked: plan_lines.Asked | None = None,
        again: bool = True,
    ) -> None:
        super().__init__(classes="plan")
        self._asked = asked
        self._again = again
        self.plan = plan
        self._choices = choices
        self._reason = reason
        self._pages = plan_pages.Pages(plan)
        self._titled = ""
        self._old = False
        self._lines = self._room = 0

    # Widgets

    def compose(self) -> ComposeResult:
        asks = any(choice.reason or choice.verb is answers.Verb.APPLY for choice in self._choices)
        yield status_bar.KeyLine()
        with Vertical(classes="dialog"):
            with VerticalScroll(id="says", can_focus=False):
                yield Static(id="plan", markup=False)
            yield Static(id="stakes", markup=False)
            if asks:
                must = any(choice.reason for choice in self._choices)
                hint = "reason" if must else "reason, for the audit"
                yield Input(self._reason, placeholder=hint, id="reason", select_on_focus=False)
            if self._wants_name:
                typed = safe_text.safe_text(self.plan.confirm)
                hint = f"type {typed} to confirm"
                yield Input(placeholder=hint, id="confirm", select_on_focus=False)
            yield Static(id="wrong", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel" if self._choices else "Close", id="cancel")
                for choice in self._choices:
                    yield Button(
                        choice.label,
                        id=choice.verb.name.lower(),
                        variant="error",
                        disabled=not choice.enabled,
                    )
                yield Button("Plan again", id="again", classes="-away")

    @property
    def writes(self) -> bool:
        """A letter typed anywhere begins the reason."""
        return super().writes or bool(self.query("#reason"))

    @property
    def _wants_name(self) -> bool:
        return bool(self.plan.confirm) and any(choice.confirm for choice in self._choices)

    def entered(self) -> None:
        self.complain("")
        self.query_one("#cancel").focus()
        reasoned = (REASONED,) if self.query("#reason") else ()
        at_once = (AT_ONCE,) if self.query("#apply") else ()
        self.query_one(status_bar.KeyLine).show([KEYS[0], *at_once, *reasoned, *KEYS[1:]])
        self.watch(self.query_one("#says"), "scroll_y", self._scrolled, init=False)
        self.show()
        self.set_interval(1.0, self.show)

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    # What it shows

    @property
    def hidden_lines(self) -> int:
        """Lines of text below those that are seen."""
        box = self.query_one("#says", VerticalScroll)
        return max(0, self._lines - self._room - round(box.scroll_y))

    @property
    def expired(self) -> bool:
        """Whether it is too old to be applied."""
        return self.plan.expires_at <= self.control.instant

    def show(self) -> None:
        """Everything as it is now."""
        if not self.stands:
            return
        self._hear_answer()
        width = max(24, min(WIDTH, self.app.size.width - 4))
        at = self._pages
        told = plan_lines.lines(
            self.plan,
            self.control.instant,
            at.shown(self._page),
            at.first,
            at.note,
            self._asked,
        )
        lines = prose.wrap(told, width - 2)
        text.put(self.query_one("#plan", Static), text.content_of_lines(lines))
        self._lines = len(lines)
        box = self.query_one(".dialog", Vertical)
        self._fit(box)
        if self._titled != (said := plan_lines.headed(self.plan, self.control.instant, width)):
            self._titled, box.border_title = said, dialogs.title(said)
        if self.expired and not self._old:
            self._expire()

    def _hear_answer(self) -> None:
        """Another login may approve or refuse it while it is shown: the core's news of it."""
        found = self.control.world.get(ref.make("core", "plan", self.plan.plan_id))
        if not isinstance(found, core.WaitingPlan) or found.state not in ("approved", "refused"):
            return
        name = f"{found.state}_by"
        if getattr(self.plan, name) == found.by:
            return
        self.plan = self.plan.model_copy(update={name: found.by, "answer": found.answer})
        for button in self.query("#apply").results(Button):
            button.label = answers.applies(self.plan)
            button.disabled = found.state != "approved"
        for button in self.query("#break").results(Button):
            button.display = False

    def _fit(self, box: Vertical) -> None:
        """Let the text have what lines, messages and buttons leave: those are always seen.

        A text that has to be scrolled leaves the risk and undo below it, too.
        """
        height = self.app.size.height - self.query_one(status_bar.KeyLine).size.height
        dense = self.app.size.height < plan_pages.ROOMY
        box.set_class(dense, "-dense")
        each = 1 if dense else 2
        taken = BORDERS + each * (1 + len(self.query(Input))) + self.query_one("#wrong").display
        stakes = self.query_one("#stakes", Static)
        stakes.display = self._lines > height - taken
        self._room = max(1, height - taken - stakes.display)
        self.query_one("#says").styles.max_height = self._room
        self._count_hidden()

    def _scrolled(self) -> None:
        if self.stands:
            self._count_hidden()

    def _count_hidden(self) -> None:
        """Risk and undo, and how much is to be scrolled."""
        more = f"↓{self.hidden_lines} more" if self.hidden_lines else ""
        stakes = self.query_one("#stakes", Static)
        room = min(WIDTH, self.app.size.width - 4)
        line = text.ends(plan_lines.stakes(self.plan), [cells.Cell(more, "accent")], room)
        text.put(stakes, text.content(line))

    def complain(self, sentence: str) -> None:
        """Say what is missing, and keep the buttons on the screen."""
        super().complain(sentence)
        self._fit(self.query_one(".dialog", Vertical))

    def _expire(self) -> None:
        """It cannot be applied any more: offer a new one."""
        self._old = True
        for choice in self._choices:
            self.query_one(f"#{choice.verb.name.lower()}", Button).display = False
        mine = any(
            choice.verb in (answers.Verb.APPLY, answers.Verb.BREAK) for choice in self._choices
        )
        offered = mine and self._again
        self.query_one("#again", Button).set_class(not offered, "-away")
        self.complain("This plan has expired; nothing was done.")
        self.blamed = None  # nothing that is typed takes it back
        self.query_one("#cancel").focus()

    @property
    def _page(self) -> int:
        return plan_pages.size(self.app.size.height)

    # What a person does

    async def action_page(self, pages: int) -> None:
        """Other targets; where there are none, other lines."""
        first = self._pages.beyond(pages, self._page)
        if first is None:
            self.action_scroll(pages * max(1, self.query_one("#says").size.height - 1))
            return
        ask = functools.partial(self.control.link.client.targets, self.plan.plan_id)
        turned = await self._pages.turn(first, self._page, ask)
        if turned and self.stands:
            self.query_one("#says", VerticalScroll).scroll_home(animate=False)
        self.show()

    def action_apply(self) -> None:
        """Press the button that applies; what has to be typed is asked for all the same."""
        for button in self.query("#apply").results(Button):
            if button.display:  # a plan that has expired has none
                button.press()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer, once everything that has to be typed is there."""
        event.stop()
        if not self.stands:
            return
        if event.button.id == "again":
            self.dismiss(answers.Answer(answers.Verb.AGAIN, self._typed("reason")))
            return
        for choice in self._choices:
            if choice.verb.name.lower() == event.button.id:
                self._choose(choice)
                return
        self.dismiss(None)

    def typed(self, event: events.Key) -> bool:
        """Enter in a line goes on to the next thing once it is right; it never applies.

        A letter typed anywhere else is the beginning of the reason.
        """
        if event.key == "enter" and isinstance(self.focused, Input):
            if wrong := self._wrong(self.focused):
                self.complain(wrong)
            else:
                self.focus_next()
            return True
        letter = event.is_printable and event.character and event.character != " "
        if letter and not isinstance(self.focused, Input):
            for line in self.query("#reason").results(Input):
                self.set_focus(line)  # at once: the letter is meant for it
        return super().typed(event)

    def _wrong(self, line: Input) -> str:
        """Why nothing can come of what a line says, whichever button is pressed."""
        if line.id == "confirm" and line.value != self.plan.confirm:
            return f"That is not {self.plan.confirm}."
        needed = all(choice.reason for choice in self._choices)
        return "It needs a reason." if line.id == "reason" and needed and not line.value else ""

    def _choose(self, choice: answers.Choice) -> None:
        if choice.reason and not self._typed("reason").strip():
            self._missing("reason", f"{choice.label} needs a reason.")
        elif choice.confirm and self.plan.confirm and self._typed("confirm") != self.plan.confirm:
            self._missing("confirm", f"Type {self.plan.confirm} to confirm.")
        else:
            self.dismiss(answers.Answer(choice.verb, self._typed("reason"), self._typed("confirm")))

    def _missing(self, name: str, sentence: str) -> None:
        self.complain(sentence)
        self.query_one(f"#{name}", Input).focus()

    def _typed(self, name: str) -> str:
        found = self.query(f"#{name}").results(Input)
        return next((widget.value for widget in found), "")
