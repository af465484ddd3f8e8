"""The stack that is played in, and why no other: what is broken here is broken for real."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil
import redis.asyncio
from redis import exceptions

from mrcore import errors, folder
from mrcore.sources import supervised

ANSWER_S = 5.0
_MARK = "mrcore"
_NOT_OURS = "A game day breaks things: it is played only in a stack that `mrcore up` has started."


@dataclasses.dataclass(frozen=True)
class Arena:
    """A running stack: its folder, its ready line, and what its Mr. Mentor is told."""

    state: folder.StateFolder
    line: dict[str, Any]
    names: dict[str, str]

    @classmethod
    def at(cls, path: Path) -> Arena:
        """The stack that runs in `path`.

        Raises StackError where none does, or where a part of it is not on this host's loopback.
        """
        state = folder.StateFolder(path)
        line = state.read_json("stack.json") if state.locked("stack.lock") else None
        names = state.read_json("mentor.json")
        if line is None or names is None:
            raise errors.StackError(
                f"No stack runs in {state.path}, or it is not ready yet.",
                fix="Leave --state out to play in a stack of its own.",
            )
        made = cls(state, line, {str(k): str(v) for k, v in names.items()})
        for url in (line["postgres"], line["redis"], line["switch"], *line["backends"].values()):
            if not _is_loopback(urlsplit(url).hostname or ""):
                raise errors.StackError(
                    f"{urlsplit(url).hostname} is not this host.", fix=_NOT_OURS
                )
        return made

    async def check(self) -> None:
        """Ask the servers whether the stack has started them itself.

        Raises StackError where one was given to it, or does not answer.
        """
        try:
            connection = await self.superuser("mrcore-gameday")
            try:
                mark = await connection.fetchval("SHOW cluster_name")
            finally:
                await connection.close()
            async with self.redis() as client:
                place = str((await client.config_get("dir")).get("dir", ""))
        except (OSError, asyncpg.PostgresError, exceptions.RedisError) as error:
            raise errors.StackError(
                f"The stack's servers do not answer: {type(error).__name__}."
            ) from None
        if mark != _MARK or Path(place).resolve() != (self.state / "valkey").resolve():
            raise errors.StackError("This stack uses a server that is not its own.", fix=_NOT_OURS)

    def redis(self) -> redis.asyncio.Redis:
        """A client of the stack's Redis, an async context manager."""
        return redis.asyncio.Redis.from_url(
            self.line["redis"],
            decode_responses=True,
            socket_timeout=ANSWER_S,
            client_name="mrcore-gameday",
        )

    async def superuser(self, application: str) -> asyncpg.Connection:
        """A connection as the superuser, which has slots of its own when all others are taken."""
        return await asyncpg.connect(
            self.line["postgres"],
            timeout=ANSWER_S,
            command_timeout=ANSWER_S,
            server_settings={"application_name": application},
        )

    async def app(self, application: str) -> asyncpg.Connection:
        """A connection with the login of Mr. Mentor."""
        names = self.names
        return await asyncpg.connect(
            host=names["DB_HOST"],
            port=int(names["DB_PORT"]),
            user=names["DB_USERNAME"],
            password=names["DB_PASSWORD"],
            database=names["DB_NAME"],
            timeout=ANSWER_S,
            server_settings={"application_name": application},
        )

    @property
    def upstreams(self) -> str:
        """The URL of the simulated services and their consoles."""
        return self.names["RAZORPAY_URL"].removesuffix("/razorpay")

    def pid(self, process: str) -> int:
        """The pid of a process of the stack now.

        Raises StackError when it has none.
        """
        found = self._row(process).get("pid")
        if not found:
            raise errors.StackError(f"The stack's process {process!r} does not run.")
        return int(found)

    def is_ready(self, process: str, *, after: int) -> bool:
        """Whether a process of the stack is ready, and no more the one with the pid `after`."""
        row = self._row(process)
        return row.get("state") == "ready" and row.get("pid") not in (None, after)

    def is_held(self, process: str) -> bool:
        """Whether a process of the stack was stopped by somebody, and is; a stack that has ended
        starts it with all others."""
        row = self._row(process) if self.state.locked("stack.lock") else {}
        return supervised.was_stopped(row.get("state", ""), row.get("last_exit", ""))

    def waits(self, process: str) -> bool:
        """Whether a process of a stack that runs has ended by itself and is to begin again."""
        return self.state.locked("stack.lock") and self._row(process).get("state") == "backoff"

    def _row(self, process: str) -> dict[str, Any]:
        rows = (self.state.read_json("processes.json") or {}).get("processes", [])
        return next((row for row in rows if row["name"] == process), {})

    def signal(self, process: str, number: signal.Signals) -> None:
        """Send a signal to a process of the stack and to its children.

        Raises StackError when it does not run.
        """
        pid = self.pid(process)
        try:
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            raise errors.StackError(f"The stack's process {process!r} has just ended.") from None
        for each in family:
            try:
                os.kill(each.pid, number)
            except ProcessLookupError:
                continue


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
