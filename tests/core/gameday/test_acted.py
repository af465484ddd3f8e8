"""What was done in a play is held against whom it should have spared."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mrcore.gameday import acted
from mrcore.model import core, plans
from tests.core.gameday.watched import J, later, seen


@pytest.mark.parametrize(
    ("labels", "since_s", "held"),
    [
        (("sendWelcome 1", "sendWelcome 2"), 0, True),
        (("sendWelcome 1", "sendOtp 2"), 0, False),
        (("sendOtp 2",), 2, True),
    ],
    ids=["spared", "hit", "before"],
)
async def test_what_has_nothing_to_do_with_it_is_spared(
    labels: tuple[str, ...], since_s: float, held: bool
) -> None:
    class Client:
        async def targets(self, plan_id: str, first: int) -> plans.Targets:
            target = plans.Target(ref="huey/job/q/1", label=labels[first])
            following = first + 1 if first + 1 < len(labels) else None
            return plans.Targets(total=len(labels), targets=(target,), following=following)

    done = core.Operation(
        ref="core/operation/1", id=1, plan_id="p", action="job.quarantine", label="", login="me",
        started_at=later(1),
    )  # fmt: skip
    what = dataclasses.replace(J, spared=("sendOtp", "sendReminder"))
    client: Any = Client()
    (found,) = await acted.spared(client, what, await seen(done), later(since_s))
    assert (found.held, "sendOtp 2" in found.why) == (held, not held)
    assert await acted.spared(client, J, await seen(done), later(since_s)) == []
