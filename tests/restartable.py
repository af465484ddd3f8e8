"""Servers that a test may kill and start again on the same port, with the same data."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import redis

from mrcore.stack import services, spawn
from tests import servers

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Server:
    """One server process; `answers` is called until it does not raise any more."""

    patience_s = 20

    def __init__(
        self,
        service: services.Service,
        log: Path,
        answers: Callable[[], object],
        killer: signal.Signals,
    ) -> None:
        self._service = service
        self._log = log
        self._answers = answers
        self._killer = killer
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.spawn()
        self.wait()

    def spawn(self) -> None:
        """Start it, on the main thread: the child dies with the thread that made it."""
        with self._log.open("ab") as output:
            self._child = subprocess.Popen(
                self._service.argv,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                preexec_fn=self._service.before_exec,
            )

    def wait(self) -> None:
        """Wait until it answers; in a thread where an event loop runs."""
        assert self._child is not None
        deadline = time.monotonic() + self.patience_s
        while True:
            try:
                self._answers()
                return
            except (OSError, asyncpg.PostgresError, redis.RedisError):
                if self._child.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def resume(self) -> None:
        """Start it again if it has ended."""
        if self._child is None or self._child.poll() is not None:
            self.start()

    def kill(self) -> None:
        """End it at once, without a goodbye to its clients."""
        self._end(self._killer)

    def close(self) -> None:
        """End it in order, if it runs."""
        if self._child is not None and self._child.poll() is None:
            self._end(self._service.stop)

    def _end(self, how: signal.Signals) -> None:
        assert self._child is not None
        self._child.send_signal(how)
        self._child.wait(20)


class Postgres(Server):
    """A Postgres with its own cluster; SIGQUIT is its crash that leaves nothing behind."""

    def __init__(self, folder: Path, **options: str) -> None:
        sockets = folder / "s"
        sockets.mkdir(parents=True, exist_ok=True)
        if (user := spawn.unprivileged()) is not None:
            os.chown(sockets, user.pw_uid, user.pw_gid)
        services.init_postgres(folder / "pg", password=servers.PASSWORD)
        self.port = services.free_port()
        short = Path("/tmp") if len(str(sockets)) > 80 else sockets
        service = services.postgres(folder / "pg", short, self.port, options={**FAST, **options})
        self.log = folder / "postgres.log"
        super().__init__(service, self.log, lambda: self.execute("SELECT 1"), signal.SIGQUIT)

    def dsn(self, database: str = "postgres", user: str = "mr_admin") -> str:
        return servers.Postgres(0, self.port).dsn(database, user)

    def execute(self, sql: str) -> None:
        """Run statements as superuser."""
        servers.Postgres(0, self.port).execute(sql)


class Valkey(Server):
    """A Valkey without persistence, which is empty after a kill; a `durable` one is not."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = services.free_port()
        service = services.valkey(self.port, folder, durable=durable)
        super().__init__(service, folder / "valkey.log", self._ping, signal.SIGKILL)

    def url(self, *, user: str = "", database: int = 0) -> str:
        login = f"{user}:{servers.PASSWORD}@" if user else ""
        return f"redis://{login}127.0.0.1:{self.port}/{database}"

    def client(self) -> redis.Redis:
        """A client of the default user; close it."""
        return redis.Redis(port=self.port)

    def _ping(self) -> None:
        with contextlib.closing(self.client()) as client:
            client.ping()


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """Start a server for the time of the block."""
    try:
        server.start()
        yield server
    finally:
        server.close()
