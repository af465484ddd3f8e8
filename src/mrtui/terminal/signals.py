"""Leaves the terminal as it was: on SIGTERM and SIGHUP, and after a crash, which goes to a file.

It also leaves when the terminal is gone and nobody says so: SIGHUP goes to the session's leader
only, which may be a shell that does not pass it on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from textual.app import App
from textual.worker import WorkerFailed

from mrtui.terminal import safe_text, typed, whole

_LEAVING: Final = (signal.SIGTERM, signal.SIGHUP)
_PATIENCE_S: Final = 5


def run(
    app: App[Any], *, crash_folder: Path, now: Callable[[], datetime], mouse: bool = False
) -> int:
    """Run an app until it is left, and return the exit code: 128 + the number after a signal.

    Textual handles neither SIGTERM nor SIGHUP, and shows a crash with its local variables, which
    may be secrets: here the first two leave the app as `q` does, and a crash is written to a file
    in `crash_folder` without them. What was typed and not read is thrown away.
    """

    def crashed(error: Exception) -> None:
        _crashed(app, error, crash_folder, now)

    # Textual has no public way to say what a crash prints.
    setattr(app, "_handle_exception", crashed)  # noqa: B010
    try:
        result = asyncio.run(_until_left(app, mouse))
    finally:
        typed.forget()
    signal.alarm(0)
    return app.return_code or (result if isinstance(result, int) else 0)


async def _until_left(app: App[Any], mouse: bool) -> Any:
    with _signals(app, asyncio.get_running_loop()):
        return await app.run_async(mouse=mouse)


@contextlib.contextmanager
def _signals(app: App[Any], loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Signals leave the app in here, and so does the loss of its terminal."""
    inside = True

    def leave(number: int, _: object) -> None:
        # A terminal that is gone can block the last writes for ever: then the kernel ends us. Not
        # by the loop's own handlers: a terminal that takes nothing can hold up the loop, too.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_PATIENCE_S)
        loop.call_soon_threadsafe(lambda: app.exit(return_code=128 + number))

    def lost() -> None:
        if inside:
            os.kill(os.getpid(), signal.SIGHUP)

    before = {number: signal.signal(number, leave) for number in _LEAVING}
    if sys.__stderr__ is not None:
        # Textual writes there.
        setattr(sys, "__stderr__", whole.whole(sys.__stderr__, lost))  # noqa: B010
    try:
        yield
    finally:
        inside = False
        for number, handler in before.items():
            signal.signal(number, handler)
        if app.return_code == 128 + signal.SIGHUP:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a shell's end hangs up once more


def _crashed(app: App[Any], error: Exception, folder: Path, now: Callable[[], datetime]) -> None:
    """Write down the first error and leave; what fails while leaving is a consequence of it."""
    app._return_code = 1
    if app._exception is not None:
        return
    app._exception = error
    app._exception_event.set()
    try:
        path = write_crash(error, folder, now())
    except OSError as reason:
        app.panic(f"mrtui crashed, and the reason could not be written to {folder}: {reason}")
    else:
        app.panic(f"mrtui crashed. Where and why is in {path} (without variables).")


def write_crash(error: BaseException, folder: Path, now: datetime) -> Path:
    """Write where an error happened, without local variables, and return the file.

    OSError when the folder cannot be written. The file is the person's own (0600): an error's
    text can quote what was being read.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"crash-{now:%Y%m%dT%H%M%S.%f}.txt"
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(report(error, now), "utf-8")
    return path


def report(error: BaseException, now: datetime) -> str:
    """The text of a crash file: the error, its causes, and the lines of code, nothing else."""
    # Textual's own error around that of a worker was never raised: it has no place of its own.
    cause = error.error if isinstance(error, WorkerFailed) else error
    lines = traceback.TracebackException.from_exception(cause, capture_locals=False).format()
    body = "".join(lines).splitlines()
    return "\n".join([f"mrtui crashed at {now.isoformat()}", *map(safe_text.safe_text, body), ""])
