"""`mrtui demo --scenario`: an incident that is under way when somebody begins to look."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

from mrcore import errors
from mrtui import start

TIME_SCALE = 20.0
END_S = 60.0
_LOOK_S = 0.2
_GAMEDAY = (sys.executable, "-m", "mrcore", "gameday")


def check(scenario: str) -> None:
    """Raise SettingsError where there is no such scenario."""
    done = subprocess.run(
        [*_GAMEDAY, "list", "--json"], capture_output=True, text=True, check=True, timeout=60
    )
    known = [each["id"] for each in json.loads(done.stdout)["scenarios"]]
    if scenario.casefold() not in map(str.casefold, known):
        raise errors.SettingsError(
            f"There is no scenario {scenario!r}.", fix=f"There are {', '.join(known)}."
        )


class Incident:
    """A scenario that is played in a stack as soon as that is ready; it is mended at the end."""

    def __init__(self, stack: start.Stack, scenario: str) -> None:
        self._stack = stack
        self._scenario = scenario
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play, name="incident", daemon=True)

    @property
    def hint(self) -> str:
        """What a person has to know who mends it: no screen does what is done by hand."""
        return f"manual steps: mrcore gameday operate --state {shlex.quote(str(self._stack.state))}"

    def begin(self) -> None:
        """Break it once the stack is ready; returns at once."""
        self._thread.start()

    def end(self) -> None:
        """Have it mended, and wait for that."""
        self._over.set()
        self._thread.join(END_S)

    def _play(self) -> None:
        """Play it in the stack, and again in the one that begins when what was found has ended."""
        while self._wait(lambda: (self._stack.state / "stack.json").exists()):
            found = self._stack.process
            self._played()
            if not self._wait(lambda found=found: self._stack.process is not found):  # type: ignore[misc]
                return

    def _wait(self, condition: Callable[[], bool]) -> bool:
        """Wait until something is so; False when it is over before."""
        while not condition():
            if self._over.wait(_LOOK_S):
                return False
        return not self._over.is_set()

    def _played(self) -> None:
        argv = [*_GAMEDAY, "play", self._scenario, "--state", str(self._stack.state)]
        with (self._stack.state / "logs" / "gameday.log").open("wb") as log:
            player = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
            while player.poll() is None:
                if self._over.wait(_LOOK_S):
                    player.send_signal(signal.SIGTERM)
                    player.wait(END_S)
