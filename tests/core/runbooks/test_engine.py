"""Runs over the real door: every way one can go, and that none ends well that did not."""

from __future__ import annotations

from pathlib import Path

from mrcore.model import run
from tests.core.runbooks import room


def _steps(of: run.Run) -> dict[str, tuple[str, str]]:
    return {step.id: (step.state.value, step.found) for step in of.steps}


async def test_an_alert_is_diagnosed_fixed_and_proven(state: Path) -> None:
    async with room.opened(state) as here:
        here.source.waiting, here.source.paused = 50, True
        found = await here.waits("resume")
        assert found.codes == ("paused",)
        assert found.diagnosis == "Who consumes: emailQueue has 1 workers."
        assert (found.alert, found.subject) == (
            f"core/alert/backlog/{room.QUEUE}".replace(room.QUEUE, "huey%2Fqueue%2FemailQueue"),
            room.QUEUE,
        )
        assert found.diagnosed_at is not None
        assert here.source.applied == []
        await here.fix(found)
        ended = await here.until("recovered")
        assert here.source.applied == ["olga"]
        assert _steps(ended) == {
            "consumers": ("passed", "paused"),
            "resume": ("passed", "done"),
            "worker": ("not_selected", ""),
            "tell": ("not_selected", ""),
        }
        assert (ended.login, ended.actions, ended.why) == ("olga", (), "Its symptom is gone.")


async def test_a_symptom_that_stays_is_no_recovery(state: Path) -> None:
    async with room.opened(state) as here:
        here.source.waiting, here.source.paused, here.source.heals = 50, True, False
        await here.fix(await here.waits("resume"))
        ended = await here.until("failed", "recovered", "unverified")
        assert ended.state == "failed"
        assert "symptom is still there" in ended.why
        assert _steps(ended)["resume"] == ("passed", "done")


async def test_a_fix_that_proves_nothing_stops_the_run(state: Path) -> None:
    async with room.opened(state) as here:
        here.source.waiting, here.source.paused, here.source.sticks = 50, True, True
        here.source.heals = False
        await here.fix(await here.waits("resume"))
        ended = await here.until("failed", "recovered", "unverified")
        assert (ended.state, _steps(ended)["resume"]) == ("failed", ("failed", ""))
        assert _steps(ended)["worker"] == ("pending", "")
