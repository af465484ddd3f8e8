"""Records of a running core what rules are asked: `python -m tests.core.alerts.record --help`.

Kept are the points that a rule asks for, to some digits, and what rules may ask of rows.

`quiet.jsonl.gz` is a day of `mrcore up --state DIR --time-scale 20` without a seed: what is due in
24 h was due in 72 minutes.

With `--play B` it plays that game day in the stack, and keeps what was from 10 s before the fault
until no alert of it is open; in the first line is also what the windows of rules remembered then,
which alerts stood, and what fired in the core itself. Those of `incidents/` were recorded so, at
time scale 20.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mrcore import catalogue, client, folder
from mrcore.alerts import rule
from mrcore.expr import facts, tree
from mrcore.model import alert, base, wire
from mrcore.model import ref as refs
from tests.core.alerts import recording

EVERY_S = 4.0
"""Less than book.USUAL: more than that between two looks does not count."""

PLAYED_EVERY_S = 0.5
TOGETHER_S = 1.0
"""What was sampled within it before the last sample was sampled then."""

LEAD_S = 10.0
"""What is kept of the time before the fault."""

STALE_S = 10.0
"""A point is not taken for now when it is older, as in `live`."""

CALM_S = 240.0
STEP_S = 5.0
"""What windows remember is kept as means of so many seconds."""

MOVES = (alert.Phase.PENDING, alert.Phase.RECOVERING)
OPEN = (*MOVES, alert.Phase.FIRING)
WAKES = (alert.Severity.P1, alert.Severity.P2)
_KINDS = {fact.kind for fact in facts.FACTS.values()} - {"alert", "run"}
_NOISE = {
    *("notable", "actions", "capabilities", "collections", "kinds", "query", "busy_with"),
    *("query_start", "xact_start", "wait", "client", "wal", "probed_at", "says", "last_sample_at"),
    *("failures", "last_line_at", "sample_ms"),
}
"""Fields that no rule of what ships asks for, and that are long or other at every sample."""


def asked() -> set[str]:
    """The metrics that the rules that ship ask for."""
    text = rule.shipped()
    return {metric for metric in catalogue.METRICS if metric in text}


class Recorder:
    """What is known of a core now, and which of its alerts have fired."""

    def __init__(self) -> None:
        self.fired: dict[tuple[base.Ref, datetime], alert.Alert] = {}
        self._wanted = asked()
        self._rows: recording.Rows = {}
        self._points: dict[tuple[str, base.Ref], tuple[datetime, float]] = {}
        self._at: dict[str, datetime] = {}
        self._alerts: dict[base.Ref, alert.Alert] = {}

    def hear(self, event: object) -> None:
        """Take an event of the core."""
        if isinstance(event, wire.Snapshot):
            for each in event.sources:
                self.hear(each)
        if not isinstance(event, wire.Changed):
            return
        self._at[event.source] = event.at
        for ref in event.removes:
            self._rows.pop(ref, None)
            self._alerts.pop(ref, None)
            for key in [key for key in self._points if key[1] == ref]:
                del self._points[key]
        for entity in event.upserts:
            self._take(entity)
        for point in event.points:
            if point.metric in self._wanted:
                self._points[point.metric, point.ref] = point.at, _rounded(point)

    def _take(self, entity: base.Entity) -> None:
        if isinstance(entity, alert.Alert):
            self._alerts[entity.ref] = entity
            if entity.fired_at is not None:
                self.fired[entity.ref, entity.fired_at] = entity
        if entity.kind not in _KINDS:
            return
        row = entity.model_dump(mode="json", exclude=_NOISE, exclude_defaults=True)
        if "why" in row.get("verdict", ()):
            row["verdict"] = {k: v for k, v in row["verdict"].items() if k != "why"}
        self._rows[entity.ref] = {"kind": entity.kind, **row}

    def frame(self) -> recording.Frame:
        """What is so now; what was sampled together was sampled now."""
        newest_s = max((round(at.timestamp(), 1) for at in self._at.values()), default=0.0)
        sampled_s = {name: round(at.timestamp(), 1) for name, at in self._at.items()}
        sampled = {n: newest_s if newest_s - s <= TOGETHER_S else s for n, s in sampled_s.items()}
        points = {
            key: value
            for key, (since, value) in self._points.items()
            if self._at[refs.source_of(key[1])] - since <= timedelta(seconds=STALE_S)
        }
        rows = {ref: row for ref, row in self._rows.items() if not _is_at_work(row)}
        return recording.Frame(newest_s, sampled, rows, points)

    def standing(self, *phases: alert.Phase) -> set[base.Ref]:
        """The alerts in one of these phases that would wake somebody."""
        every = self._alerts.values()
        return {a.ref for a in every if a.severity in WAKES and a.phase in phases}

    def refs(self, metric: str) -> list[base.Ref]:
        """What a metric was heard of."""
        return [ref for of, ref in self._points if of == metric]


def _rounded(point: wire.Point) -> float:
    """Three digits; two of times, which are other at every sample."""
    digits = 2 if catalogue.METRICS[point.metric].unit == "ms" else 3
    return float(f"{point.value:.{digits}g}")


def _is_at_work(row: dict[str, Any]) -> bool:
    """A session that no rule asks about, of which there are many, each for a moment."""
    return row["kind"] == "session" and not row["state"].startswith("idle in transaction")


@contextlib.asynccontextmanager
async def following(state: Path) -> AsyncIterator[tuple[client.CoreClient, Recorder]]:
    """A recorder that hears everything of the core of a state folder. Raises CoreUnreachable."""
    recorder = Recorder()
    async with client.CoreClient.at(state=state) as core_:

        async def follow() -> None:
            async for event in core_.changes():
                recorder.hear(event)

        task = asyncio.create_task(follow())
        try:
            yield core_, recorder
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def scale_of(state: Path) -> float:
    """The time scale of a stack."""
    return float((folder.StateFolder(state).read_json("settings.json") or {}).get("time_scale", 1))


async def record(state: Path, seconds: float, into: Path) -> None:
    """Write a line every few seconds, until the time is over. Raises CoreUnreachable."""
    frames, began = [], datetime.now(UTC)
    async with following(state) as (_, recorder):
        for _ in range(int(seconds / EVERY_S)):
            await asyncio.sleep(EVERY_S)
            frames.append(recorder.frame())
    head = {"at": began.isoformat(), "time_scale": scale_of(state)}
    recording.write(into, head, frames)


async def play(state: Path, name: str, into: Path) -> None:
    """Write what a game day was, once it was played as expected. Raises CoreUnreachable."""
    frames: list[recording.Frame] = []
    async with following(state) as (core_, recorder):

        async def take() -> None:
            while True:
                await asyncio.sleep(PLAYED_EVERY_S)
                frames.append(recorder.frame())

        taking = asyncio.create_task(take())
        await _until(lambda: bool(frames) and not recorder.standing(*MOVES), "It is not calm")
        await asyncio.sleep(LEAD_S)
        stood = recorder.standing(*OPEN)
        fault_s = await _played(state, name)
        await _until(lambda: recorder.standing(*OPEN) <= stood, "Its alerts do not end")
        await asyncio.sleep(2 * PLAYED_EVERY_S)
        taking.cancel()
        kept = [frame for frame in frames if frame.at_s >= fault_s - LEAD_S]
        begin = datetime.fromtimestamp(kept[0].at_s, UTC)
        scale = scale_of(state)
        head = {
            "at": begin.isoformat(),
            "time_scale": scale,
            "scenario": name,
            "fault_s": round(fault_s - kept[0].at_s, 1),
            "stood": sorted(stood),
            "fired": [
                _said(each, at, begin) for (_, at), each in recorder.fired.items() if at > begin
            ],
            "before": await _remembered(core_, recorder, begin, scale),
        }
    recording.write(into, head, kept)


async def _until(condition: Callable[[], bool], otherwise: str) -> None:
    for _ in range(int(CALM_S / PLAYED_EVERY_S)):
        if condition():
            return
        await asyncio.sleep(PLAYED_EVERY_S)
    raise SystemExit(f"{otherwise}: nothing is written.")


async def _played(state: Path, name: str) -> float:
    """Play it; when its fault was injected, in seconds of the epoch."""
    argv = ("-m", "mrcore", "gameday", "play", name, "--auto", "--state", str(state))
    pipe = asyncio.subprocess.PIPE
    with tempfile.TemporaryDirectory() as data:
        env = {**os.environ, "XDG_DATA_HOME": data}
        process = await asyncio.create_subprocess_exec(
            sys.executable, *argv, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env=env
        )
        fault_s, said = 0.0, []
        assert process.stdout is not None
        async for line in process.stdout:
            said.append(line.decode())
            if b"injecting" in line and not fault_s:
                fault_s = datetime.now(UTC).timestamp()
        if await process.wait() or not fault_s:
            raise SystemExit("".join(said) + "It did not play to its end: nothing is written.")
    return fault_s


def _said(of: alert.Alert, at: datetime, begin: datetime) -> dict[str, Any]:
    """A firing in the core, in s since the beginning."""
    words = {"rule": of.rule, "subject": of.subject, "about": of.about, "severity": of.severity}
    at_s = round((at - begin).total_seconds(), 2)
    return {**words, "at_s": at_s, "told": of.told_at is not None}


async def _remembered(
    core_: client.CoreClient, recorder: Recorder, begin: datetime, scale: float
) -> dict[str, list[tuple[float, float]]]:
    """What rules look back at further than the recording goes, by metric and ref."""
    longest: dict[str, float] = collections.defaultdict(float)
    for known in rule.load(rule.shipped(), None, scale).values():
        for expr in (known.expr, known.until) if known.until else (known.expr,):
            for window in _windows(expr.root):
                of = window.of.word.id
                longest[of] = max(longest[of], window.window_s)
    found = {}
    for metric, window_s in longest.items():
        start = begin - timedelta(seconds=window_s + STEP_S)
        for ref in recorder.refs(metric) if window_s > LEAD_S / 2 else ():
            points = await core_.points(metric, ref, start=start, end=begin, step_s=STEP_S)
            found[f"{metric} {ref}"] = [
                (round((at - begin).total_seconds(), 1), float(f"{value:.3g}"))
                for at, value in points.points
            ]
    return found


def _windows(node: tree.Node) -> list[tree.Window]:
    inner = [each for part in node.parts for each in _windows(part)]
    return [node, *inner] if isinstance(node, tree.Window) else inner


def main() -> None:
    """Read the command line."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--state", type=Path, required=True)
    reader.add_argument("--seconds", type=float, default=4_320)
    reader.add_argument("--play", metavar="SCENARIO")
    reader.add_argument("--into", type=Path, required=True)
    given = reader.parse_args()
    if given.play:
        asyncio.run(play(given.state, given.play, given.into))
    else:
        asyncio.run(record(given.state, given.seconds, given.into))


if __name__ == "__main__":
    main()
