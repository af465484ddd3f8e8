"""Runs over the real door: every way one can go, and that none ends well that did not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrcore import errors
from mrcore.model import base, plans, queue, run, upstream, wire
from mrcore.runbooks import telling
from tests import waiting
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


async def test_what_is_unknown_never_selects_a_fix(state: Path) -> None:
    async with room.opened(state) as here:
        here.source.waiting, here.source.workers = 50, None
        found = await here.until("waiting")
        assert _steps(found) == {
            "consumers": ("passed", "unknown"),
            "resume": ("not_selected", ""),
            "worker": ("not_selected", ""),
            "tell": ("not_selected", ""),
        }
        assert (found.codes, found.waits) == ((), "")
        assert found.why.startswith("No step of it is for what was found")
        assert found.verdict.why == f"{found.why} {found.diagnosis}"
        assert "unknown: who consumes" in found.diagnosis
        assert "run.next" not in found.actions
        here.source.waiting = 0
        assert (await here.until("recovered")).why == "It went by itself: nothing was done."
        assert not here.helped(), "nobody did anything"
    async with room.opened(state) as here:
        assert not here.helped(), "nor is it read so"


async def test_what_is_done_by_hand_is_proven_by_the_machine_or_said_by_a_person(
    state: Path,
) -> None:
    async with room.opened(state) as here:
        here.source.waiting, here.source.workers = 50, 0
        found = await here.waits("worker")
        said = await here.do("run.confirm", found.ref)
        assert isinstance(said, plans.Plan)
        assert "the machine watches" in said.left_out[0].why
        here.source.workers = 1
        found = await here.waits("tell")
        assert _steps(found)["worker"] == ("passed", "done")
        await here.do("run.confirm", found.ref, reason="told them")
        here.source.waiting = 0
        ended = await here.until("recovered")
        assert ended.steps[-1].why == "olga says that it is done: told them"


async def test_the_next_core_goes_on_in_the_middle(state: Path) -> None:
    source = room.Queues()
    source.waiting, source.paused = 50, True
    async with room.opened(state, source) as here:
        before = await here.waits("resume")
        await here.do("run.next", before.ref)
    changed = room.TEXT.replace("jobs pile up", "another text by now")
    async with room.opened(state, source, text=changed) as here:
        found = await here.waits("resume")
        assert (found.id, found.title) == (before.id, "jobs pile up")
        assert found.steps[1].plan
        await here.fix(found)
        await here.until("recovered", number=before.id)
        assert here.helped()
        assert len(here.runs()) == 1, "one firing of an alert is diagnosed once"
    async with room.opened(state, source) as here:
        assert here.helped()


async def test_one_run_at_a_time_on_one_thing(state: Path) -> None:
    async with room.opened(state) as here:
        here.source.waiting, here.source.paused = 50, True
        first = await here.waits("resume")
        other = await here.do("runbook.start", "core/runbook/T", subject=room.QUEUE)
        assert isinstance(other, plans.Plan)
        assert f"Run {first.id} of it is under way" in other.left_out[0].why
        await here.do("run.handover", first.ref, to="ravi")
        assert (await here.until("waiting")).login == "ravi"
        await here.do("run.abort", first.ref, reason="INC-7 has it")
        ended = await here.until("aborted")
        assert (ended.why, ended.steps[1].state) == ("olga ended it: INC-7 has it", "aborted")
        done = await here.do("runbook.start", "core/runbook/T", subject=first.alert)
        assert isinstance(done, plans.TargetOutcome)
        assert done.why == f"run {first.id + 1}"
        again = await here.waits("resume")
        assert (again.id, again.alert, again.subject) == (first.id + 1, first.alert, room.QUEUE)
        steps, timeline = await telling.sections(here.core.engine, again)
        assert steps.fields[1].value == "running"
        assert "diagnosed, Who consumes: emailQueue has 1 workers." in timeline.text


async def test_where_nothing_is_wrong_nothing_recovers(state: Path) -> None:
    async with room.opened(state) as here:
        await here.do("runbook.start", "core/runbook/T", subject=room.QUEUE)
        ended = await here.until("recovered", "unverified", "failed")
        assert (ended.state, ended.codes) == ("unverified", ())


async def test_a_fix_for_which_there_is_nothing_is_passed_by(state: Path) -> None:
    async with room.opened(state) as here:
        here.source.waiting, here.source.paused = 50, True
        found = await here.waits("resume")
        here.source.paused = False
        done = await here.do("run.next", found.ref)
        assert isinstance(done, plans.TargetOutcome)
        assert done.why == "nothing to do: It is not paused."
        assert here.source.applied == []


async def test_a_fix_that_was_applied_is_not_passed_by(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room.opened(state) as here:
        here.source.waiting, here.source.paused = 50, True
        found = await here.waits("resume")
        await here.do("run.next", found.ref)

        async def looks_later() -> None:
            """What was applied is not noticed yet."""

        monkeypatch.setattr(here.core.engine, "look", looks_later)
        (planned,) = here.runs()
        await here.apply(next(step.plan for step in planned.steps if step.id == "resume"))
        done = await here.do("run.next", found.ref)
        assert isinstance(done, plans.TargetOutcome)
        assert done.outcome is plans.Outcome.SKIPPED
        assert done.why.startswith("Its plan is applied already")
        monkeypatch.undo()
        here.core.engine.heard("")
        await here.until("recovered")


class _Away(room.Queues):
    """A source that gives no samples while it is `away`."""

    away = False

    async def sample(self) -> wire.Sample:
        if self.away:
            raise errors.Unreachable("It is away.")
        return await super().sample()


async def test_a_fix_is_not_passed_by_while_nobody_knows_what_it_is_for(state: Path) -> None:
    source = _Away()
    where = room.TEXT.replace('on = { of = "{{subject}}" }', 'on = { where = "queue.paused" }')
    async with room.opened(state, source, text=where) as here:
        source.waiting, source.paused = 50, True
        found = await here.waits("resume")
        source.away = True
        view = here.core.engine.view
        await waiting.until(lambda: not list(view().entities("queue")), what="it is away")
        done = await here.do("run.next", found.ref)
        assert isinstance(done, plans.TargetOutcome)
        assert done.outcome is plans.Outcome.SKIPPED
        assert "is not known: no source says anything of a queue now" in done.why
        source.away = False
        await waiting.until(lambda: list(view().entities("queue")), what="it is there again")
        await here.fix(await here.waits("resume"))
        assert source.applied == ["olga"]


async def test_while_its_alert_fires_no_run_recovers(state: Path) -> None:
    sees_less = room.TEXT.replace('symptom = "queue.waiting > 10"', 'symptom = "queue.paused"')
    async with room.opened(state, text=sees_less) as here:
        here.source.waiting, here.source.paused, here.source.heals = 50, True, False
        await here.fix(await here.waits("resume"))
        ended = await here.until("failed", "recovered", "unverified")
        assert (ended.state, "its alert still fires" in ended.why) == ("failed", True)


async def test_what_is_vague_is_found_only_when_nothing_else_is(state: Path) -> None:
    vague = room.TEXT.replace('means = "nobody consumes"', "last = true").replace(
        'within = "10s"', 'within = "2h"'
    )
    async with room.opened(state, text=vague) as here:
        here.source.waiting, here.source.workers = 50, 0
        await here.until("diagnosing")
        here.source.paused = True
        assert (await here.waits("resume")).codes == ("paused",)


WAY = """## 2. who has to mend it

```toml
[step.way]
kind = "decide"
routes = [
  { when = 'upstream.code == "auth"', runbook = "E" },
  { otherwise = true, goto = "resume" } ]
```

## 3. resume it
"""


class Asked(room.Queues):
    """Two schedules share the queue; the service that one of them asks takes no credential."""

    async def sample(self) -> wire.Sample:
        found = await super().sample()
        schedules = [
            queue.Schedule(
                ref=f"huey/schedule/{name}", engine="huey", name=name, queue="emailQueue",
                declared="every 15 min",
            )
            for name in ("first", "second")
        ]  # fmt: skip
        refuses = upstream.Upstream(
            ref="huey/upstream/u", name="u", schedule="huey/schedule/second",
            verdict=base.Verdict(level=base.Level.BAD, code="auth"),
        )  # fmt: skip
        return found.model_copy(update={"entities": (*found.entities, *schedules, refuses)})


async def test_a_run_leads_on_about_what_has_decided_that(state: Path) -> None:
    way = room.TEXT.replace("## 2. resume it\n", WAY)
    source = Asked()
    source.waiting = 50
    async with room.opened(state, source, text=way) as here:
        found = await waiting.until(
            lambda: next((each for each in here.runs() if each.runbook == "E"), None), what="E"
        )
        assert found.subject == "huey/schedule/second"
