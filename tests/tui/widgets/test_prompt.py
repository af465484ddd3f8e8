"""The line to type into."""

from __future__ import annotations

from textual.events import Paste

from mrtui.widgets import prompt
from tests.tui.widgets import stage


class Stage(stage.Stage):
    """Keeps what the prompt tells."""

    def on_prompt_submitted(self, message: prompt.Prompt.Submitted) -> None:
        self.told.append(message)

    def on_prompt_cancelled(self, message: prompt.Prompt.Cancelled) -> None:
        self.told.append(message)

    def on_prompt_changed(self, message: prompt.Prompt.Changed) -> None:
        self.told.append(message)

    def answers(self, kind: type[prompt.Prompt.Told]) -> list[tuple[str, str]]:
        return [(m.sign, m.text) for m in self.told if type(m) is kind and isinstance(m, kind)]


async def test_typing_submitting_and_history() -> None:
    asked = prompt.Prompt()
    app = Stage(asked)
    async with app.run_test(size=(40, 4)) as pilot:
        assert not asked.is_open
        asked.open(":")
        await pilot.press("o", "n", "e", "enter", "ctrl+u", "t", "w", "o", "enter")
        asked.close()
        asked.open("/")
        await pilot.press("x", "up", "enter")
        asked.open(":")
        await pilot.press("d", "up", "up")
        await pilot.pause()
        assert asked.text == "one"
        await pilot.press("down", "down")
        assert asked.text == "d"
        assert app.answers(prompt.Prompt.Submitted) == [(":", "one"), (":", "two"), ("/", "x")]
        assert app.answers(prompt.Prompt.Changed)[:3] == [(":", ""), (":", "o"), (":", "on")]


async def test_escape_closes_and_tells() -> None:
    asked = prompt.Prompt()
    app = Stage(asked)
    async with app.run_test(size=(40, 4)) as pilot:
        asked.open("/", text="old")
        await pilot.press("s", "escape")
        await pilot.pause()
        assert app.answers(prompt.Prompt.Cancelled) == [("/", "olds")]
        assert not asked.is_open
        assert app.lines() == [""] * 4


async def test_tab_goes_through_what_it_could_mean() -> None:
    asked = prompt.Prompt()
    app = Stage(asked)
    async with app.run_test(size=(40, 4)) as pilot:
        words = ["schedules", "slots", "stack"]
        asked.open(":", complete=lambda text: [word for word in words if word.startswith(text)])
        await pilot.press("s", "tab")
        assert asked.text == "schedules"
        await pilot.press("tab", "tab", "tab")
        assert asked.text == "schedules"
        await pilot.press("x", "tab")
        assert asked.text == "schedulesx", "nothing begins so"


async def test_an_error_stands_below_until_the_next_key() -> None:
    asked = prompt.Prompt()
    app = Stage(asked)
    async with app.run_test(size=(40, 4)) as pilot:
        asked.open(":")
        await pilot.press("z")
        asked.fail("no such\x1b screen")
        await pilot.pause()
        assert app.lines()[:2] == [" :z", " no such␛ screen"]
        await pilot.press("z")
        await pilot.pause()
        assert app.lines()[:2] == [" :zz", ""]


async def test_what_is_pasted_is_made_safe() -> None:
    asked = prompt.Prompt()
    app = Stage(asked)
    async with app.run_test(size=(40, 4)) as pilot:
        asked.open("/")
        await pilot.pause()
        app.post_message(Paste("a\x1b[31mb\u202ec"))
        await pilot.pause()
        assert asked.text == "a␛[31mb‹U+202E›c"
        assert app.lines()[0].startswith(" /a␛[31mb‹U+202E›c")
        await pilot.press("left", "d")
        assert asked.text == "a␛[31mb‹U+202E›dc"
