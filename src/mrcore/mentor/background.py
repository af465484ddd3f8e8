"""What a backend does beside answering: tasks that begin and end with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import datetime

from mrcore.mentor import links, secret

LOG = logging.getLogger("app")

_AGAIN_S = 0.5

Run = Callable[[], Coroutine[None, None, None]]
"""What goes on until it is cancelled, or is done once."""


@contextlib.asynccontextmanager
async def running(runs: Sequence[Run]) -> AsyncIterator[None]:
    """All of them at once; the first ends first, so whoever asks stands before what it asks."""
    tasks = [asyncio.create_task(run()) for run in runs]
    for task in tasks:
        task.add_done_callback(_say_why)
    yield
    for task in tasks:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def note(at: links.Links, process: str, read_at: datetime) -> None:
    """Write down which version of the secret this process runs with, once Postgres is there."""
    while True:
        try:
            async with at.database() as connection:
                await secret.note(connection, process, at.settings, read_at)
        except links.LOST:
            await asyncio.sleep(_AGAIN_S)
        else:
            return


def _say_why(task: asyncio.Task[None]) -> None:
    # A background task that ends by itself is a bug; without it the check grows stale: 503.
    if not task.cancelled() and (error := task.exception()):
        LOG.error("background task ended", exc_info=error)
