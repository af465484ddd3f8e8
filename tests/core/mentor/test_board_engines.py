"""What the board shows and changes is alike on every engine: as 9.x answers, done, and audited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mrcore.mentor.board import writes
from mrcore.model import core, ref
from mrcore.sources import base as source_base
from tests.core.mentor import boards, structure, test_board_shapes
from tests.lives import engine, opening, script

NOTHING: dict[str, object] = {}
GONE = "gone"
FAILED, COMPLETED, DELAYED = range(4), range(4, 6), range(6, 9)
"""The jobs by their numbers."""


def later() -> datetime:
    """What has just ended is older for this core than what a clean leaves."""
    return source_base.utc_now() + timedelta(seconds=2 * writes.GRACE_S)


class Act(NamedTuple):
    """What is asked, how 9.10.2 has answered that, and what it is in the core's words.

    `jobs` are then `state` for the engine's own library; without `action` nothing is to be done.
    """

    path: str
    status: int
    body: Any
    action: str = ""
    jobs: Sequence[int] = ()
    state: str = ""
    paused: bool | None = None


REFUSED = {"error": {"key": "ERRORS.JOB_NOT_RETRIABLE", "options": {"state": "waiting"}}}
NOT_DELAYED = {
    "error": {"key": "ERRORS.INTERNAL_SERVER_ERROR"},
    "message": "Job {6} is not in the delayed state. promote",
}
ACTS = (
    Act("pause", 200, NOTHING, "queue.pause", paused=True),
    Act("resume", 200, NOTHING, "queue.resume", paused=False),
    Act("{0}/retry", 204, None, "queue.retry", (0,), "waiting"),
    Act("{0}/retry", 400, REFUSED, jobs=(0,), state="waiting"),
    Act("{1}/clean", 204, None, "job.remove", (1,), GONE),
    Act("{6}/promote", 204, None, "job.promote", (6,), "waiting"),
    Act("{6}/promote", 500, NOT_DELAYED, jobs=(6,), state="waiting"),
    Act("promote", 200, NOTHING, "job.promote", (7, 8), "waiting"),
    Act("clean/completed", 200, NOTHING, "queue.clean", COMPLETED, GONE),
    Act("retry/failed", 200, {"retried": 2, "skipped": 0}, "queue.retry", (2, 3), "waiting"),
)
"""In this order; all but what is retried or promoted is as it was."""


@pytest.fixture(params=("huey", "rq", "bullmq"))
def on(request: pytest.FixtureRequest, redis_url: str, tmp_path: Path) -> Iterator[engine.Engine]:
    with opening.opened(request.param, redis_url, tmp_path) as made:
        made.send(
            [
                *(script.Job(n, script.Fate.FAILED, -1, f"535 refused {n}") for n in FAILED),
                *(script.Job(n, script.Fate.WELL, 0, "") for n in COMPLETED),
                *(script.Job(n, script.Fate.DELAYED, 0, "") for n in DELAYED),
            ]
        )
        made.run()
        yield made


async def test_every_act_is_answered_done_and_audited_alike(on: engine.Engine, state: Path) -> None:
    table = {on.kind: {**on.table(), "interval_s": 0.1}}
    async with boards.over(state, table, now=later) as board:
        await board.until_shown(on.queue)
        await read(on, board)
        wanted = states(on)
        for act in ACTS:
            answer = await board.api("PUT", f"queues/{on.queue}/{spelled(on, act.path)}")
            body = answer.json() if answer.content else None
            assert (answer.status_code, body) == (act.status, spelled(on, act.body)), act
            wanted |= dict.fromkeys(act.jobs, act.state)
            assert states(on) == wanted, act
            if act.paused is not None:
                assert (await board.shown(name=on.queue))["isPaused"] is act.paused
        assert told(await board.audited()) == [
            (stage, act.action, refs(on, act.jobs)) for act in ACTS if act.action for stage in (
                "intent", "outcome"
            )
        ]  # fmt: skip


async def read(on: engine.Engine, board: boards.Bare) -> None:
    """What is shown has the structure of what was recorded of 9.10.2."""
    asked = {
        "02-queues-overview": "queues",
        "03-queues-emails-failed": f"queues?activeQueue={on.queue}&status=failed&page=1",
        "04-job-failed": f"queues/{on.queue}/{on.ids[0]}",
        "05-job-logs": f"queues/{on.queue}/{on.ids[0]}/logs",
    }
    for name, path in asked.items():
        like = test_board_shapes.like(test_board_shapes.RECORDED[name])
        answer = (await board.api("GET", path)).raise_for_status().json()
        assert list(structure.Structure(like).differences(answer)) == [], name
    assert (await board.shown(name=on.queue))["counts"].items() >= on.counts().items()


def states(on: engine.Engine) -> dict[int, str]:
    """What the engine's own library says of each."""
    said = on.told()
    return {n: said[id_].state if id_ in said else GONE for n, id_ in on.ids.items()}


def spelled(on: engine.Engine, told: Any) -> Any:
    """With the ids of the jobs for their numbers."""
    if isinstance(told, str):
        return told.format(*(on.ids[n] for n in sorted(on.ids)))
    return {k: spelled(on, v) for k, v in told.items()} if isinstance(told, dict) else told


def refs(on: engine.Engine, jobs: Sequence[int]) -> set[str]:
    """Of these jobs, or of their queue."""
    made = {ref.make(on.kind, "job", on.queue, on.ids[n]) for n in jobs}
    return made or {ref.make(on.kind, "queue", on.queue)}


def told(rows: Sequence[core.AuditRow]) -> list[tuple[str, str, set[str]]]:
    """The stage, the action and the refs of each, the oldest first; who asked is said by all."""
    by = {(row.login, row.reason) for row in rows}
    assert by == {("backend", f"Bull Board: {boards.USER}")}
    assert {row.outcome for row in rows if row.stage == "outcome"} == {"done"}
    return [(row.stage, row.action, set(row.refs)) for row in sorted(rows, key=lambda r: r.seq)]
