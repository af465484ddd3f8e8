"""The processes of a stack as its supervisor writes them down, and wishes that it fulfils."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from mrcore import errors, folder
from mrcore.model import base, stack
from mrcore.sources import wishes

FILE = "processes.json"
HEARD_S = 5.0
LOOK_S = 0.05
_MOST = 200


class Row(BaseModel):
    """One process as the supervisor wrote it down."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    state: str
    pid: int | None = None
    since: base.Instant | None = None
    started_s: float | None = None
    restarts: int = 0
    last_exit: str = ""
    command: str = ""
    log: str = ""


def rows(state: folder.StateFolder) -> tuple[list[Row], str]:
    """Every process, and why nobody supervises them (empty where somebody does).

    Raises Unreachable where no stack was ever started, SourceLied where the file is another's.
    """
    table = state.read_json(FILE)
    if table is None:
        raise errors.Unreachable(
            f"No stack was started in {state.path}.", fix="Start one with mrcore up."
        )
    try:
        found = [Row.model_validate(row) for row in table["processes"][:_MOST]]
    except (KeyError, TypeError, ValidationError) as error:
        raise errors.SourceLied(
            f"{state / FILE} is not the file of a stack of this version."
        ) from error
    return found, _trouble(state, table.get("supervisor"))


def was_stopped(state: str, last_exit: str) -> bool:
    """Whether somebody wished that a process stays stopped, and it does."""
    return state == "stopped" and last_exit.startswith(stack.STOPPED)


async def fulfilled(
    state: folder.StateFolder, wish: wishes.Wish, so: Callable[[], Awaitable[bool]], limit_s: float
) -> str:
    """Leave a wish and watch until it is `so`; else why not, as a sentence."""
    try:
        wishes.write(state, wish)
    except OSError as error:
        return f"The wish for the supervisor cannot be written: {error}."
    began_s = time.monotonic()
    try:
        while (waited_s := time.monotonic() - began_s) < limit_s:
            if await so():
                return ""
            if waited_s > HEARD_S and wishes.withdraw(state, wish.name):
                return f"The supervisor did not hear of it within {HEARD_S:g} s."
            await asyncio.sleep(LOOK_S)
    finally:
        wishes.withdraw(state, wish.name)
    told = f"pid {wish.pid} was told to end; " if wish.pid else ""
    wanted = "it has not ended" if wish.stays else "no other is ready"
    return f"{told}{wanted} after {limit_s:g} s: see its log."


def _trouble(state: folder.StateFolder, pid: object) -> str:
    """Why nobody supervises the stack; empty where somebody does."""
    if not state.locked("stack.lock"):
        return "no supervisor: mrcore up has ended"
    try:
        if isinstance(pid, int) and psutil.Process(pid).status() == psutil.STATUS_STOPPED:
            return f"the supervisor is stopped by a signal; kill -CONT {pid} lets it go on"
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""  # the lock is held: its pid is about to be written
    return ""
