"""Records of a running core what rules are asked of: `python -m tests.core.alerts.record --help`.

The recording is a gzip of JSON lines. The first says of when it is, and at which time scale; each
further one is of a second: when each source was sampled, what came and went (a row's fields that
differ; null where one is as it is usually), and what was measured (three digits; what has not
changed is not said again). Of points those are kept that a rule asks for.

The one here, `quiet.jsonl.gz`, is 190 s of `mrcore up --state DIR --time-scale 20` without a seed:
as long as the machine had time for it. Beside it others ran; later they starved the stack, of which
the rules told.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mrcore import catalogue, client, folder
from mrcore.alerts import rule
from mrcore.expr import facts
from mrcore.model import base, wire

EVERY_S = 1.0
_KINDS = {fact.kind for fact in facts.FACTS.values()}
_LONG = {"notable", "why", "actions", "capabilities", "collections", "kinds", "query", "busy_with"}
"""Fields that no rule of what ships asks for, and that are long."""


def asked() -> set[str]:
    """The metrics that the rules that ship ask for."""
    text = rule.shipped()
    return {metric for metric in catalogue.METRICS if metric in text}


class Recorder:
    """What has changed since the last line; a value that has not is not written again."""

    def __init__(self) -> None:
        self._wanted = asked()
        self._rows: dict[str, dict[str, Any]] = {}
        self._points: dict[str, float] = {}
        self._at: dict[str, float] = {}
        self._fresh: dict[str, float] = {}
        self._written: dict[str, dict[str, Any]] = {}
        self._dirty: dict[str, None] = {}

    def hear(self, event: object) -> None:
        """Take an event of the core."""
        if isinstance(event, wire.Snapshot):
            for each in event.sources:
                self.hear(each)
        if not isinstance(event, wire.Changed):
            return
        self._at[event.source] = round(event.at.timestamp(), 1)
        for ref in event.removes:
            self._rows.pop(ref, None)
            self._dirty[ref] = None
        for entity in event.upserts:
            self._take(entity)
        for point in event.points:
            key = f"{point.metric} {point.ref}"
            value = float(f"{point.value:.3g}")
            if point.metric in self._wanted and self._points.get(key) != value:
                self._points[key] = self._fresh[key] = value

    def _take(self, entity: base.Entity) -> None:
        if entity.kind not in _KINDS or entity.kind in ("alert", "run"):
            return
        row = entity.model_dump(mode="json", exclude=_LONG, exclude_defaults=True)
        row["kind"] = entity.kind
        self._rows[entity.ref] = row
        self._dirty[entity.ref] = None

    def _differing(self, ref: str) -> dict[str, Any] | None:
        """What of a row is not as it was written last; None of one that has gone."""
        row, before = self._rows.get(ref), self._written.pop(ref, {})
        if row is None:
            return None
        self._written[ref] = row
        gone = dict.fromkeys(name for name in before if name not in row)
        return {**{k: v for k, v in row.items() if before.get(k) != v}, **gone}

    def line(self) -> str:
        """A second as JSON."""
        rows = {ref: self._differing(ref) for ref in self._dirty}
        fresh = {**{ref: row for ref, row in rows.items() if row != {}}, **self._fresh}
        self._fresh, self._dirty = {}, {}
        return json.dumps([self._at, fresh], separators=(",", ":"))


async def record(state: Path, seconds: float, into: Path) -> None:
    """Write a line a second, until the time is over. Raises CoreUnreachable."""
    scale = (folder.StateFolder(state).read_json("settings.json") or {}).get("time_scale", 1.0)
    recorder = Recorder()
    async with client.CoreClient.at(state=state) as core:

        async def follow() -> None:
            async for event in core.changes():
                recorder.hear(event)

        following = asyncio.create_task(follow())
        with gzip.open(into, "wt", compresslevel=9) as out:
            head = {"at": datetime.now(UTC).isoformat(), "time_scale": scale}
            out.write(json.dumps(head) + "\n")
            for _ in range(int(seconds / EVERY_S)):
                await asyncio.sleep(EVERY_S)
                if following.done():
                    await following
                out.write(recorder.line() + "\n")
        following.cancel()


def main() -> None:
    """Read the command line."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--state", type=Path, required=True)
    reader.add_argument("--seconds", type=float, default=4_320)
    reader.add_argument("--into", type=Path, required=True)
    given = reader.parse_args()
    asyncio.run(record(given.state, given.seconds, given.into))


if __name__ == "__main__":
    main()
