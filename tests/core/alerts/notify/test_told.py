"""Whatever fires, fails and restarts: each firing is told, and the end of what was told is too."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies

from mrcore.alerts import rule
from mrcore.model import queue
from mrcore.store import alerts as store
from tests.core.alerts.notify import post
from tests.core.expr import recorded

RULES = """
[[rule]]
id = "below"
expr = 'queue.paused'
severity = "P1"
summary = "{name} is paused"

[[rule]]
id = "above"
expr = 'queue.workers == 0'
severity = "P2"
escalate_after = "60s"
depends_on = ["below"]
summary = "{name} has nobody"
"""
KNOWN = rule.read(RULES, "rules")
CHANNELS = ("phone", "pager")
STEP = strategies.fixed_dictionaries(
    {
        "after_s": strategies.sampled_from([1, 20, 90, 700]),
        "workers": strategies.sampled_from([0, 1]),
        "paused": strategies.booleans(),
        "away": strategies.sets(strategies.sampled_from(CHANNELS)),
        "mute": strategies.sets(strategies.sampled_from(CHANNELS)),
        "restart": strategies.booleans(),
    }
)
Steps = list[dict[str, object]]


def entity(step: dict[str, object]) -> queue.Queue:
    paused = recorded.T0 if step["paused"] else None
    return recorded.a_queue(workers=step["workers"], paused_since=paused)


async def played(folder: Path, steps: Steps) -> tuple[dict[str, post.Phone], list[store.Notice]]:
    """Every channel and every notice, after the steps and a quiet hour in which all is well."""
    phones = {name: post.Phone() for name in CHANNELS}
    to = post.routes(phone=(post.P1, post.P2), pager=(post.P1, post.P2))
    to = to._replace(group_wait_s=10.0, group_interval_s=30.0)
    at, ahead = recorded.T0, list(steps)
    calm = {"after_s": 700, "workers": 1, "paused": False, "restart": True}
    ahead += [{**calm, "away": set(), "mute": set()}] * 6
    while True:
        async with post.opened(folder, KNOWN, phones, to, at=at) as here:
            while ahead:
                step = ahead.pop(0)
                for name, phone in phones.items():
                    phone.away = name in step["away"]  # type: ignore[operator]
                    phone.mute = name in step["mute"]  # type: ignore[operator]
                here.room.sample("huey", [entity(step)])
                await here.look(float(str(step["after_s"])))
                if step["restart"]:
                    break
            at = here.room.at + timedelta(seconds=1)
            if not ahead:
                found = await here.room.ledger.read(store.notices)
                return phones, [notice for _, notice in found]


def holds(steps: Steps) -> None:
    with tempfile.TemporaryDirectory() as folder:
        phones, notices = asyncio.run(played(Path(folder), steps))
    for phone in phones.values():
        heard = [item for told in phone.heard for item in told.items]
        for notice in notices:
            same = [i for i in heard if (i.alert, i.kind) == (notice.alert, notice.kind)]
            assert any(i.at.isoformat() == notice.at for i in same), notice
        for name in {notice.alert for notice in notices}:
            mine = [item.kind.value for item in heard if item.alert == name]
            assert mine[-1] == "resolved", mine
            assert mine[0] != "resolved", mine
        keys = {told.key: told.model_dump_json() for told in phone.tries}
        assert all(keys[told.key] == told.model_dump_json() for told in phone.tries)


@hypothesis.settings(max_examples=8, deadline=None, derandomize=True)
@hypothesis.given(strategies.lists(STEP, min_size=1, max_size=8))
def test_each_firing_is_told_at_least_once_and_its_end_after_it(steps: Steps) -> None:
    holds(steps)


@pytest.mark.proof
@pytest.mark.timeout(900)
@hypothesis.settings(max_examples=300, deadline=None)
@hypothesis.given(strategies.lists(STEP, min_size=1, max_size=25))
def test_each_firing_is_told_at_least_once_at_length(steps: Steps) -> None:
    holds(steps)
