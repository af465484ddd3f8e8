"""`GET /api/preflight`: what is there by now that this release does not know.

Asked of the colour to which the traffic would go: the old one reads the schema and the queues with
its own connections, and says which migrations and which kinds of jobs are newer than it is.
"""

from __future__ import annotations

import collections
from typing import Any

import fastapi
import redis.asyncio
from fastapi import responses

from mrcore.journal import reader
from mrcore.mentor import links, migrate, queues

LOOKED_MAX = 100
"""Jobs looked at from each end of each queue: the newest were enqueued last."""

_APPLIED = "SELECT name FROM public.mentor_migrations ORDER BY number"


class Preflight:
    """Answers for one colour."""

    def __init__(self, at: links.Links, release: str) -> None:
        self._links = at
        self._release = release
        self.router = fastapi.APIRouter()
        self.router.add_api_route("/api/preflight", self.answer, methods=["GET"])

    async def answer(self) -> responses.JSONResponse:
        """200 with what is not known here, both lists empty where all is; 503 when it cannot look.

        Raises nothing: a schema or a Redis that cannot be read is that 503.
        """
        try:
            migrations, (looked, jobs) = await self._migrations(), await self._jobs()
        except links.LOST as error:
            why = f"Cannot look: {type(error).__name__}"
            return responses.JSONResponse({"success": False, "message": why}, 503)
        body = {
            "success": True,
            "release": self._release,
            "migrations": migrations,
            "jobs": jobs,
            "looked": looked,
        }
        return responses.JSONResponse(body, headers={"cache-control": "no-store"})

    async def _migrations(self) -> list[str]:
        known = {name for _, name, _ in migrate.files()}
        async with self._links.database() as connection:
            rows = await connection.fetch(_APPLIED)
        return [row["name"] for row in rows if row["name"] not in known]

    async def _jobs(self) -> tuple[int, list[dict[str, Any]]]:
        """How many waiting jobs were looked at, and those that this release cannot run."""
        messages = await self._messages()
        unknown: collections.Counter[tuple[str, str]] = collections.Counter()
        for queue, raw in messages:
            known = {f"mentor.{job.name}" for job in queue.jobs}
            try:
                task = reader.read(raw).task
            except reader.Unreadable:
                task = "unreadable"
            if task not in known:
                unknown[queue.name, task.removeprefix("mentor.")] += 1
        return len(messages), [
            {"queue": queue, "job": job, "count": count}
            for (queue, job), count in sorted(unknown.items())
        ]

    async def _messages(self) -> list[tuple[queues.Queue, bytes]]:
        """Waiting messages, and delayed ones, in one round trip."""
        options = {**self._links.settings.redis.options(), "socket_timeout": 2.0}
        # A client of its own: messages are bytes, and that of the links decodes.
        async with (
            redis.asyncio.Redis(**options) as client,
            client.pipeline(transaction=False) as pipe,
        ):
            for queue in queues.TABLE:
                waiting = f"huey.redis.{queue.name}"
                pipe.lrange(waiting, 0, LOOKED_MAX - 1)
                pipe.lrange(waiting, -LOOKED_MAX, -1)
                pipe.zrange(f"huey.schedule.{queue.name}", 0, LOOKED_MAX - 1)
            answers = await pipe.execute()
        found = []
        for number, queue in enumerate(queues.TABLE):
            # The ends of a short queue overlap; every message has its job's id in it.
            whole = {raw for answer in answers[3 * number : 3 * number + 3] for raw in answer}
            found += [(queue, raw) for raw in whole]
        return found
