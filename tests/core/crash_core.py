"""Run by test_crash: a served core whose one source keeps its jobs in files, and which can die.

    python -m tests.core.crash_core STATE FOLDER CHUNK [before|after N]

Each job is a file that holds its state and how often it was retried, replaced in one step.
`calls` has a line for every target that the source was given, `did` for every one that it changed.
While there is a file `hold` nothing is applied. From the time that there is a file `armed` on,
writes of the ledger are counted, and the core kills itself before or after it commits the Nth.
The source is a simulated upstream.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from mrcore.acting import pacing
from mrcore.model import plans, ref, wire
from mrcore.sources import base
from mrcore.store import database
from tests.core import harness


class FileJobs(base.SourceBase):
    """Retries a job by rewriting its file if it still says `failed`; removes and restores it."""

    def __init__(self, folder: Path) -> None:
        super().__init__("files")
        self.folder = folder

    def describe(self) -> wire.Description:
        return wire.Description(kinds=("job",), actions=("queue.retry", "job.remove"))

    async def sample(self) -> wire.Sample:
        return wire.Sample(at=self.now())

    async def plan(
        self, action: str, selection: plans.Selection, args: plans.Args, progress: base.Progress
    ) -> AsyncIterator[base.Planned]:
        for path in sorted(self.folder.glob("job-*")):
            yield plans.Target(
                ref=ref.make(self.name, "job", path.name),
                label=path.name,
                guard={"state": path.read_text()},
            )

    async def apply(
        self, action: str, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        outcomes = []
        for target in chunk:
            await self._begun(target)
            retry = action == "queue.retry"
            outcomes.append(self._retry(target) if retry else self._remove(target, by.operation))
        return outcomes

    async def plan_undo(
        self, action: str, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[base.Planned]:
        for each in done:
            yield each.target.model_copy(update={"guard": {"state": self._state(each.target)}})

    async def undo(
        self, action: str, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        outcomes = []
        for each in chunk:
            await self._begun(each.target)
            outcomes.append(self._change(each.target, str(each.memento["was"])))
        return outcomes

    async def _begun(self, target: plans.Target) -> None:
        self._note("calls", target)
        await asyncio.sleep(0)
        while (self.folder / "hold").exists():  # noqa: ASYNC110 (another process's file)
            await asyncio.sleep(0.01)

    def _retry(self, target: plans.Target) -> plans.TargetOutcome:
        tries = int(str(target.guard["state"]).split()[1])
        return self._change(target, f"waiting {tries + 1}")

    def _remove(self, target: plans.Target, operation: int) -> plans.TargetOutcome:
        removed, memento = f"removed by {operation}", {"was": target.guard["state"]}
        done = plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE, memento=memento)
        if self._state(target) == removed:
            return done
        outcome = self._change(target, removed)
        return done if outcome.outcome is plans.Outcome.DONE else outcome

    def _change(self, target: plans.Target, after: str) -> plans.TargetOutcome:
        if self._state(target) != target.guard["state"]:
            return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why="moved")
        path = self._path(target)
        beside = path.with_name(f".{path.name}")
        beside.write_text(after)
        beside.replace(path)
        self._note("did", target)
        return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE)

    def _state(self, target: plans.Target) -> str:
        return self._path(target).read_text()

    def _path(self, target: plans.Target) -> Path:
        return self.folder / ref.parse(target.ref).id

    def _note(self, name: str, target: plans.Target) -> None:
        with (self.folder / name).open("a") as file:
            file.write(f"{ref.parse(target.ref).id}\n")


def die_at(armed: Path, when: str, number: int) -> None:
    """Let this process kill itself before or after the ledger's commit of that number."""
    transaction = database.Database._transaction
    written = 0

    def counted(
        self: database.Database, work: Callable[[sqlite3.Connection], Any], *more: Any
    ) -> Any:
        nonlocal written
        reached = False

        def worked(connection: sqlite3.Connection) -> Any:
            nonlocal written, reached
            before = connection.total_changes
            result = work(connection)
            if self.path.name == "ledger.sqlite" and connection.total_changes > before:
                written += armed.exists()
                reached = written == number
                if reached and when == "before":
                    os.kill(os.getpid(), signal.SIGKILL)
            return result

        result = transaction(self, worked, *more)
        if reached:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    database.Database._transaction = counted  # type: ignore[method-assign]


def chunks_of(size: int) -> None:
    """Let operations of this process take so many targets at once."""
    pacing.FIRST = pacing.MOST = size
    pacing.Pace.__init__.__defaults__ = (size, *pacing.Pace.__init__.__defaults__[1:])


async def main(state: Path, folder: Path) -> None:
    async with harness.running(state, FileJobs(folder)):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    own_state, own_folder, size, *death = sys.argv[1:]
    chunks_of(int(size))
    if death:
        die_at(Path(own_folder) / "armed", death[0], int(death[1]))
    asyncio.run(main(Path(own_state), Path(own_folder)))
