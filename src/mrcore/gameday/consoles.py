"""How a person acts on the simulated consoles of a game day: files between a command and the play.

```
operators.json        the play's manual steps, and which were done, while they can be asked for
operate/<id>.ask      a wish of `mrcore gameday operate`: {"step"}
operate/<id>.answer   what came of it: {"why"}, which is empty where it was done
```
The play has the parts on its stage, as people in a room, so it acts and the command only asks.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from typing import Any

from mrcore import errors, folder
from mrcore.model import base

FILE = "operators.json"
FOLDER = "operate"
LOCK = "gameday.lock"
EVERY_S = 0.2


class Step(base.Frozen):
    """A manual step, the kinds that the scenario plays for it, and whether that was done."""

    step: str
    kinds: tuple[str, ...]
    done: bool = False


class Game(base.Frozen):
    """The scenario that is under way, with its manual steps."""

    scenario: str
    title: str
    steps: tuple[Step, ...]


def clear(state: folder.StateFolder) -> None:
    """Forget what a play before has left."""
    (state / FILE).unlink(missing_ok=True)
    shutil.rmtree(state / FOLDER, ignore_errors=True)


def publish(state: folder.StateFolder, game: Game) -> None:
    """Say what can be asked for."""
    state.write_json(FILE, game.model_dump(mode="json"))


def withdraw(state: folder.StateFolder) -> None:
    """Nothing can be asked for any more; who has an answer still reads it."""
    (state / FILE).unlink(missing_ok=True)


def take(state: folder.StateFolder) -> Iterator[tuple[str, str]]:
    """Every wish that there is, once: its id and its step."""
    place = folder.StateFolder(state / FOLDER)
    for path in sorted(place.path.glob("*.ask")):
        found = place.read_json(path.name) or {}
        path.unlink(missing_ok=True)
        yield path.stem, str(found.get("step", ""))


def answer(state: folder.StateFolder, wish: str, why: str) -> None:
    """Say what came of a wish."""
    folder.StateFolder(state / FOLDER).write_json(f"{wish}.answer", {"why": why})


def game(state: folder.StateFolder) -> Game:
    """What is under way in a state folder.

    Raises StackError where nothing is, or its fault is not there yet.
    """
    if not state.locked(LOCK):
        beside = (folder.StateFolder(path) for path in state.path.parent.glob("*/"))
        others = [f"One is: --state {each.path}." for each in beside if each.locked(LOCK)]
        fix = " ".join(others) or "Name the folder of its stack with --state DIR."
        raise errors.StackError(f"No game day is under way in {state.path}.", fix=fix)
    found = state.read_json(FILE)
    if found is None:
        raise errors.StackError(
            f"The game day in {state.path} has nothing to do by hand now.",
            fix="Its steps are there from the fault to the end.",
        )
    return Game.model_validate(found)


def ask(state: folder.StateFolder, step: str, *, pause: Callable[[float], Any]) -> str:
    """Have a step played; why that could not be done, or nothing. `pause` waits so many seconds.

    Raises StackError where nobody plays, there is no such step, or the play ends before.
    """
    known = [each.step for each in game(state).steps]
    if step not in known:
        raise errors.StackError(
            f"There is no manual step {step!r}.", fix=f"There are: {', '.join(known) or 'none'}."
        )
    wish = secrets.token_hex(8)
    place = folder.StateFolder(state / FOLDER).make()
    place.write_json(f"{wish}.ask", {"step": step})
    try:
        while True:
            goes_on = state.locked(LOCK) and (state / FILE).exists()
            if (found := place.read_json(f"{wish}.answer")) is not None:
                return str(found.get("why", ""))
            if not goes_on:  # looked at before the answer, which may be the last thing it did
                raise errors.StackError("The game day has ended before that was done.")
            pause(EVERY_S)
    finally:
        for kind in ("ask", "answer"):
            (place / f"{wish}.{kind}").unlink(missing_ok=True)
