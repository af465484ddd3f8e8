"""A stack of a game day's own: started clean, and gone with everything in it afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from mrcore import errors
from mrcore.gameday import arena
from mrcore.stack import spawn

STOP_S = 60.0


@contextlib.asynccontextmanager
async def stack(time_scale: float, seed: int | None) -> AsyncIterator[arena.Arena]:
    """`mrcore up` in a folder that is removed at the end; it dies with this process.

    It has none of our `MRCORE_*`: nobody is paged by a game, and no rule of their own is broken.
    Raises StackError with the last words of a stack that does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="mr-gameday-"))
    argv = [sys.executable, "-m", "mrcore", "up", "--json", "--state", str(folder)]
    argv += ["--time-scale", f"{time_scale:g}"]
    argv += [] if seed is None else ["--seed", str(seed)]
    process = await asyncio.create_subprocess_exec(
        *argv,
        env={k: v for k, v in os.environ.items() if not k.startswith("MRCORE_")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=spawn.before_exec(signal.SIGTERM),
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = await process.stdout.readline()
        if not line:
            words = (await process.stderr.read()).decode(errors="replace").strip()
            raise errors.StackError(f"The stack of the game day did not start: {words}")
        json.loads(line)
        yield arena.Arena.at(folder)
    finally:
        await asyncio.shield(_end(process))
        shutil.rmtree(folder, ignore_errors=True)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Stop it in order, and at once when that takes too long."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_S):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
