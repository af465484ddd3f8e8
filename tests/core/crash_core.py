"""Run by test_crash: a served core whose one source keeps its jobs in files.

Each job is a file that holds its state and how often it was retried, replaced in one step;
`calls` has a line for every target that `apply` was given. The source is a simulated upstream.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from mrcore.model import plans, ref, wire
from mrcore.sources import base
from tests.core import harness


class FileJobs(base.SourceBase):
    """Retries a job by rewriting its file, if it still says `failed`."""

    def __init__(self, folder: Path) -> None:
        super().__init__("files")
        self.folder = folder

    def describe(self) -> wire.Description:
        return wire.Description(kinds=("job",), actions=("queue.retry",))

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
            await asyncio.sleep(0)
            outcomes.append(self._retry(target))
        return outcomes

    def _retry(self, target: plans.Target) -> plans.TargetOutcome:
        path = self.folder / ref.parse(target.ref).id
        with (self.folder / "calls").open("a") as calls:
            calls.write(f"{path.name}\n")
        before = path.read_text()
        if before != target.guard["state"]:
            return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why="moved")
        after = path.with_name(f".{path.name}")
        after.write_text(f"waiting {int(before.split()[1]) + 1}")
        after.replace(path)
        return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE)


async def main(state: Path, folder: Path) -> None:
    async with harness.running(state, FileJobs(folder)):
        print("ready", flush=True)
        await asyncio.Event().wait()


asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
