"""`python -m mrcore.gameday.warden STATE`: mends what a player leaves broken that has died.

Its standard input ends when the player does, however that was; in an orderly end nothing is owed
any more by then.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from mrcore import errors, folder
from mrcore.gameday import arena, debts

END_S = 30.0


class Warden:
    """The warden of a player, a context manager: outlives it by what there is to mend."""

    def __init__(self, state: folder.StateFolder) -> None:
        self._state = state
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        argv = [sys.executable, "-m", "mrcore.gameday.warden", str(self._state.path)]
        self._child = subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
            self._child.wait(END_S)


def main(path: Path) -> None:
    """Wait for the end of the player, and mend what is owed then."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    owed = debts.Debts(folder.StateFolder(path))
    if not owed.open:
        return
    try:
        failed = asyncio.run(owed.mend(arena.Arena.at(path)))
    except errors.StackError:
        return  # the stack has ended too, and with it what was broken
    for sentence in failed:
        sys.stderr.write(f"mrcore gameday: {sentence}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
