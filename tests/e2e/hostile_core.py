"""A core that really serves hostile strings: simulated sources behind the real API and socket.

It runs in a thread of its own, so that a test can wait for its terminal meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

from mrcore import core, folder, settings
from mrcore.api import app, gate, server
from mrcore.sources import base
from mrcore.store import tokens
from mrcore.trust import audit
from tests import waiting
from tests.core import harness
from tests.e2e import hostile_rows, hostile_sources


class Core(core.Core):
    """A core whose own source is as hostile as the others."""

    served = hostile_rows.Served()

    async def _open_self(self) -> tuple[base.Source, settings.SourceSettings]:
        real, own = await super()._open_self()
        return hostile_sources.Himself(real, self.served), own


class Running:
    """The core's thread, as its test sees it."""

    def __init__(
        self, served: hostile_rows.Served, loop: asyncio.AbstractEventLoop, behind: Core
    ) -> None:
        self.served = served
        self.state = behind.ledger.path.parent
        self._loop = loop
        self._behind = behind

    def serve(self, mark: str, texts: Sequence[str], strings: Sequence[str]) -> None:
        """Serve others from now on; returns when they are on the stream."""
        self.served.put(mark, texts, strings)
        for name in (hostile_rows.NAME, "core"):
            self.do(self._behind.monitor.sample_now(name))

    def keep(self, every: Sequence[str]) -> None:
        """Put strings into the ledger, as the names of tokens and all that the audit keeps."""

        def work(connection: sqlite3.Connection) -> None:
            now = base.utc_now()
            for one in every:
                digest = hashlib.sha256(one.encode()).hexdigest()
                tokens.add(
                    connection, login=one, roles=(one,), digest=digest, now=now, expires_at=now
                )
                row = audit.Entry(
                    at=now, stage="intent", login=one, action=one, refs=(one,), reason=one,
                    outcome=one, text=one, whys=(one,), via=one, address=one,
                )  # fmt: skip
                audit.append(connection, row)

        self.do(self._behind.ledger.run(work))

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the core's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


@contextlib.contextmanager
def running(state: Path, environment: str, **options: Any) -> Iterator[Running]:
    """A hostile core on the socket of a state folder."""
    served = hostile_rows.Served()
    served.put("r0", ["nothing yet"] * 30, ["nothing"])
    started: list[Running] = []
    failed: list[BaseException] = []
    ready = threading.Event()

    async def work(stop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async with _serving(state, served, environment, options) as behind:
            started.append(Running(served, asyncio.get_running_loop(), behind))
            ready.set()
            await stop()

    def run() -> None:
        try:
            asyncio.run(work(_ended(over)))
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    over = threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(30)
    try:
        assert started, failed
        yield started[0]
    finally:
        over.set()
        thread.join(30)
    assert not failed, failed


def _ended(over: threading.Event) -> Callable[[], Coroutine[Any, Any, None]]:
    async def stop() -> None:
        await asyncio.to_thread(over.wait)

    return stop


@contextlib.asynccontextmanager
async def _serving(
    state: Path, served: hostile_rows.Served, environment: str, options: dict[str, Any]
) -> AsyncIterator[Core]:
    where = folder.StateFolder(state).make()
    own = settings.Settings(**{"environment": environment, **options})
    path = where.runtime / "core.sock"
    clients = gate.Clients()
    # Without the lock a screen would start a core of its own.
    with where.lock("core.lock", "taken"):
        async with _listening(Core(own, where, now=base.utc_now), served, clients, path) as behind:
            where.write_json("core.json", {"pid": behind.pid, "socket": str(path), "control": ""})
            yield behind


@contextlib.asynccontextmanager
async def _listening(
    made: Core, served: hostile_rows.Served, clients: gate.Clients, path: Path
) -> AsyncIterator[Core]:
    async with made as behind:
        behind.served = served
        harness.watch(behind, hostile_sources.Hostile(served), interval_s=5.0, deadline_s=30.0)
        serving = server.Server(
            app.create(behind, clients), listening=lambda: None, quiet=behind.quiet
        )
        task = asyncio.create_task(serving.serve(sockets=[server.bind_unix(path)]))
        try:
            await waiting.until(lambda: serving.started and behind.monitor.tried)
            yield behind
        finally:
            serving.should_exit = True
            await task
            path.unlink(missing_ok=True)
