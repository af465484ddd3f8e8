"""The life on BullMQ 6: its getters say everything, and to a Bull Board, what the board answers."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any

from tests import servers
from tests.lives import engine, script, telling
from tests.node import boards, engines

_STATES = ("waiting", "active", "delayed", "failed", "completed")
_HOUR_MS = 3_600_000
_PAGE, _MOST = 100, 100_000


def _present(state: str, error: str) -> str:
    """BullMQ keeps why an attempt failed also when the next one has succeeded."""
    return "" if state == "completed" else error


class BullMQ(engine.Engine):
    """BullMQ 6 in Node, with a worker there."""

    kind = "bullmq"

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        parts = urllib.parse.urlsplit(url)
        self.db = int(parts.path[1:])
        self._node = engines.Engine(parts.port or 0, db=self.db)

    def table(self) -> dict[str, Any]:
        return {"kind": "bullmq", "url": self.url, "queues": [self.queue]}

    def send(self, jobs: Sequence[script.Job]) -> None:
        bulk = []
        for job in jobs:
            opts: dict[str, Any] = {"attempts": 2 if job.fate is script.Fate.AGAIN else 1}
            if job.fate is script.Fate.DELAYED:
                opts["delay"] = _HOUR_MS
            data = {"n": job.n, "fails": job.fails, "error": job.error}
            bulk.append({"name": "live", "data": data, "opts": opts})
        made = self._node("bulk", self.queue, jobs=bulk)["ids"]
        self.ids |= {job.n: id_ for job, id_ in zip(jobs, made, strict=True)}

    def run(self) -> None:
        self._node("run", self.queue)

    def take(self) -> None:
        self._node("take", self.queue)

    def counts(self) -> dict[str, int]:
        said = self._node("counts", self.queue)
        assert sum(said.values()) == sum(said[state] for state in _STATES)
        return {state: said[state] for state in _STATES}

    def told(self) -> dict[str, telling.Told]:
        found = {}
        for state in _STATES:
            for job in self._node("jobs", self.queue, state=state, most=_MOST)["jobs"]:
                traces = tuple((job["stacktrace"] or [])[::-1])  # the library's oldest is first
                attempts = job["attemptsMade"] + (state == "active")
                error = job.get("failedReason") or ""
                found[job["id"]] = telling.Told(state, attempts, _present(state, error), traces)
        return found

    def close(self) -> None:
        self._node.close()


class Board(BullMQ):
    """BullMQ 6 as a Bull Board 9 shows it."""

    kind = "bullboard"
    queue = "boarded"

    def __init__(self, url: str, board: boards.Board) -> None:
        super().__init__(url)
        self._board = board

    def table(self) -> dict[str, Any]:
        return self._board.table()

    def counts(self) -> dict[str, int]:
        said = self._ask("completed", 1)["counts"]
        assert sum(said.values()) == sum(said[state] for state in _STATES)
        return {state: said[state] for state in _STATES}

    def told(self) -> dict[str, telling.Told]:
        found = {}
        for state in _STATES:
            for job in self._jobs(state):
                attempts = job["attempts"] + (state == "active")
                error = _present(state, job.get("failedReason") or "")
                found[job["id"]] = telling.Told(state, attempts, error, tuple(job["stacktrace"]))
        return found

    def _jobs(self, state: str) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            answer = self._ask(state, page)
            yield from answer["jobs"]
            if page >= answer["pagination"]["pageCount"]:
                return
            page += 1

    def _ask(self, state: str, page: int) -> dict[str, Any]:
        query = {"activeQueue": self.queue, "status": state, "page": page, "jobsPerPage": _PAGE}
        request = urllib.request.Request(
            f"{self._board.origin}/admin/queues/api/queues?{urllib.parse.urlencode(query)}"
        )
        login = b64encode(f"{boards.USER}:{servers.PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {login}")
        with urllib.request.urlopen(request) as response:
            queues = json.load(response)["queues"]
        found: dict[str, Any] = next(one for one in queues if one["name"] == self.queue)
        return found
