"""A hostile core, and the strict terminal that looks at it."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.e2e import hostile, hostile_core, hostile_rows, running, strict, terminal

ENVIRONMENT = "prod[/oops][@click=app.quit]x[/]\x1b]52;c;YQ==\x07\u202e漢\x9b2J"
COLUMNS, ROWS = 700, 84
"""Every text of a round is on the screen at once."""
TEXT_CELLS = 500
A_ROUND = 667
LEAST = 30
"""Fewer texts would leave a place of a dialog without one."""


class Room:
    """A hostile core and the terminal that looks at it."""

    def __init__(
        self, core: hostile_core.Running, screen: strict.Strict, folders: Mapping[str, str]
    ) -> None:
        self.core = core
        self.screen = screen
        self.folders = folders
        self._numbers = itertools.count(1)
        self.mark = ""
        self.texts: list[str] = []

    def serve(self, every: Sequence[str]) -> None:
        """Serve these strings everywhere from now on."""
        self.mark = f"r{next(self._numbers)}x"
        self.texts = hostile.packed(list(every), TEXT_CELLS)
        assert LEAST <= len(self.texts) <= hostile_rows.ROWS
        self.core.serve(self.mark, self.texts, every)

    def serve_the_worst(self) -> None:
        """The hand-written strings, and others up to what a round needs at least."""
        self.serve([*hostile.WORST, *hostile.strings(0, 300)])

    def go(self, word: str) -> None:
        """Go to a screen, and wait until every text is on it."""
        self.screen.press(f":{word}\r")
        self.shows(len(self.texts), "HEALTH" if word == "home" else rf"▸ {word}  ")

    def open(self, place: str, trail: str, rows: int = 0) -> None:
        """Go to a ref, whose screen's way ends with `trail`, and wait for its rows."""
        self.screen.press(f":open mr://{place}\r")
        self.shows(rows or len(self.texts), rf"\A.*▸ {trail}.*\n")

    def shows(self, rows: int, also: str = "") -> None:
        """Wait until so many rows of the round are seen, and what matches `also`."""
        self.screen.until(
            lambda text: text.count(self.mark) >= rows and bool(re.search(also, text)),
            timeout_s=60,
        )

    def printed(self, program: Sequence[str], line: str) -> str:
        """What a command prints in a pty; every byte of it is taken apart."""
        argv = [*program, *line.split(" "), "--state", str(self.core.state)]
        with terminal.run(argv, env=self.folders, kind=strict.Printed) as run:
            run.wait(60)
            run.join()
            return run.text


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Room]:
    """The core, and one large screen; at the end there is nothing foreign and no crash."""
    folders = {name: str(folder / name) for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    with hostile_core.running(folder / "state", ENVIRONMENT, protected=True) as core:
        argv = [*running.MRTUI, "--state", str(core.state)]
        with terminal.run(
            argv, columns=COLUMNS, rows=ROWS, env=folders, kind=strict.Strict
        ) as seen:
            seen.until(lambda text: "● live" in text, timeout_s=60)
            made = Room(core, seen, folders)
            made.serve_the_worst()
            core.keep(hostile.WORST)
            yield made
    crashes = Path(folders["XDG_STATE_HOME"]) / "mr" / "crashes"
    assert [path.read_text() for path in crashes.glob("*")] == []
    assert seen.foreign is None
