"""Real servers for the tests: one Postgres and one Valkey a test process, a database a test."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import redis

from mrcore.stack import services

PASSWORD = "test-password"


@dataclass(frozen=True)
class Postgres:
    """A running test server: its postmaster's pid and how to reach it as superuser."""

    pid: int
    port: int

    def dsn(
        self, database: str = "postgres", user: str = "mr_admin", password: str = PASSWORD
    ) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str, database: str = "postgres") -> None:
        """Run statements as superuser, each outside a transaction."""

        async def run() -> None:
            connection = await asyncpg.connect(self.dsn(database))
            try:
                await connection.execute(sql)
            finally:
                await connection.close()

        asyncio.run(run())


@dataclass(frozen=True)
class Valkey:
    """A running test server."""

    pid: int
    port: int

    def url(self, database: int = 0) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"


@contextlib.contextmanager
def postgres(folder: Path, **options: str) -> Iterator[Postgres]:
    """A Postgres with its data in `folder`; settings as keyword arguments."""
    data = folder / "pg"
    services.init_postgres(data, password=PASSWORD)
    port = services.free_port()
    fast = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    service = services.postgres(data, None, port, options={**fast, **options})
    with _child(service, folder / "postgres.log") as pid:
        server = Postgres(pid, port)
        _until(lambda: server.execute("SELECT 1"))
        yield server


@contextlib.contextmanager
def valkey(folder: Path, *extra: str) -> Iterator[Valkey]:
    """A Valkey without persistence, with 4,096 databases; more options as arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    port = services.free_port()
    service = services.valkey(port, folder, databases=4096)
    service = services.Service((*service.argv, *extra), service.stop, service.before_exec)
    with _child(service, folder / "valkey.log") as pid:
        server = Valkey(pid, port)
        with contextlib.closing(redis.Redis(port=port)) as client:
            _until(client.ping)
        yield server


@contextlib.contextmanager
def _child(service: services.Service, log: Path) -> Iterator[int]:
    with log.open("wb") as output:
        child = subprocess.Popen(
            service.argv,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            preexec_fn=service.before_exec,
        )
    try:
        yield child.pid
    finally:
        child.send_signal(18)  # SIGCONT: a test may have stopped it
        child.send_signal(service.stop)
        child.wait(60)


def _until(attempt: object, timeout_s: float = 60.0) -> None:
    """Call until it does not raise; a server's start has no signal to wait for."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            attempt()  # type: ignore[operator]
            return
        except (OSError, asyncpg.PostgresError, redis.RedisError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def new_name(prefix: str = "t") -> str:
    """A database name that nobody has."""
    return f"{prefix}_{uuid.uuid4().hex[:12]}"
