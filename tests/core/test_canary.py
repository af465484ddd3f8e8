"""A canary: some first, watched, then the rest or nothing. huey and its Redis are real."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mrcore import catalogue, client, core, errors, sources
from mrcore.acting import canary, door
from mrcore.model import core as entities
from mrcore.model import plans
from mrcore.trust import auth
from tests import waiting
from tests.core import harness, journals

ASHA = auth.Login("asha", ("operator",), "token")
STATE = entities.OperationState
FAILED = plans.Selection(
    ref="huey/queue/emailQueue",
    collection="jobs",
    query=plans.Query(state="failed", order="oldest"),
)
COUNT = 25


@dataclass
class Mail:
    """A real huey whose job sends while `refuses` says nothing."""

    desk: journals.Desk
    refuses: Callable[[int], str] = lambda number: "535 5.7.8 refused"
    ran: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        @self.desk.huey.task(name="send")
        def send(number: int) -> None:
            self.ran.append(number)
            if why := self.refuses(number):
                raise ConnectionError(why)

        self.send: Any = send

    def fail(self, count: int) -> None:
        for number in range(count):
            self.send(number)
        self.desk.run_all()
        self.ran.clear()

    def waiting(self) -> int:
        return len(self.desk.ids("waiting"))


@pytest.fixture
def mail(redis_url: str) -> Iterator[Mail]:
    with journals.desk(redis_url) as desk:
        yield Mail(desk)


@dataclass
class Here:
    """A core whose door has a clock that only its rests move; `rested` is called in each."""

    core: core.Core
    door: door.Door
    clock: list[float]
    rested: Callable[[], object] = lambda: None

    async def retry(self, selection: plans.Selection = FAILED, **args: Any) -> entities.Operation:
        request = plans.PlanRequest(action="queue.retry", selection=selection, args=args)
        self.plan = await self.door.plan(ASHA, request)
        return await self.door.apply(ASHA, self.plan.plan_id, plans.ApplyRequest())

    def shown(self, operation: entities.Operation) -> entities.Operation:
        return next(o for o in self.door.operations() if o.id == operation.id)

    async def until(self, operation: entities.Operation, *states: STATE) -> entities.Operation:
        await waiting.until(lambda: self.shown(operation).state in states, what=str(states))
        await waiting.until(lambda: not self.door.busy)
        return self.shown(operation)

    async def steer(self, action: str, operation: entities.Operation) -> None:
        """As the core's own actions do it."""
        act = self.door.acts()[action]
        target = await act.plan(operation.ref, {})
        assert isinstance(target, plans.Target), target
        by = plans.By(login="asha", roles=("operator",))
        assert (await act.apply(target, {}, by)).outcome is plans.Outcome.DONE


@pytest.fixture
async def here(state: Path, redis_url: str, mail: Mail) -> AsyncIterator[Here]:
    source = sources.build("huey", {"url": redis_url})[0]
    clock = [0.0]
    async with harness.unserved(state, source) as behind:
        await waiting.until(lambda: behind.monitor.tried)

        async def rest(wait_s: float) -> None:
            made.rested()
            clock[0] += wait_s

        own = door.Door(
            behind.ledger,
            behind.monitor,
            behind.hub,
            behind.authority,
            now=behind.now,
            clock=lambda: clock[0],
            rest=rest,
        )
        made = Here(behind, own, clock)
        yield made
        await own.stop()


async def test_most_fail_as_before_and_it_stops_by_itself(here: Here, mail: Mail) -> None:
    mail.fail(COUNT)
    mail.refuses = lambda number: "" if number in (3, 7) else "535 5.7.8 refused"
    here.rested = mail.desk.run_all
    ended = await here.until(await here.retry(canary=True), STATE.STOPPED)
    why = "8 of 10 failed the same way (535 5.7.8): stopped; 15 not touched."
    assert (ended.error, ended.verdict.why) == (why, why)
    assert (ended.done, ended.finished_at is not None) == (10, True)
    assert sorted(mail.ran) == list(range(10))
    assert len(mail.desk.ids("failed")) == COUNT - 2
    rows = await here.core.ledger.run(
        lambda c: [json.loads(b) for (b,) in c.execute("SELECT body FROM audit ORDER BY seq")]
    )
    assert (rows[-1]["text"], rows[-1]["refs"]) == (why, [ended.ref])
    assert [len(row["refs"]) for row in rows if row["stage"] == "intent"] == [10]


async def test_most_go_well_and_the_rest_follows(here: Here, mail: Mail) -> None:
    mail.fail(COUNT)
    mail.refuses = lambda number: "535 5.7.8 refused" if number < 4 else ""
    here.rested = mail.desk.run_all
    done = await here.until(await here.retry(canary=10), STATE.DONE, STATE.STOPPED)
    assert (done.state, done.done, done.error) == (STATE.DONE, COUNT, "")
    assert here.plan.causes[0] == (
        "the first 10 are watched for up to 60 s; the rest follows if at least half end by then "
        "and most of those go well"
    )
    assert sorted(mail.ran) == list(range(10)), "the rest waits for a worker"
    assert mail.waiting() == 15
    assert done.worked_s == 0, "to watch is not to work"


async def test_nobody_runs_them_and_the_rest_is_let_be(here: Here, mail: Mail) -> None:
    mail.fail(COUNT)
    ended = await here.until(await here.retry(canary=3, watch_s=5), STATE.STOPPED)
    why = "None of the first 3 has ended within 5 s: stopped; 22 not touched."
    assert (ended.error, here.clock[0]) == (why, 5.0)
    assert mail.waiting() == 3


async def test_those_that_moved_on_are_no_canaries(here: Here, mail: Mail) -> None:
    mail.fail(COUNT)
    request = plans.PlanRequest(action="queue.retry", selection=FAILED, args={"canary": 5})
    plan = await here.door.plan(ASHA, request)
    first = [t.ref for t in plan.samples[:3]]
    await here.until(await here.retry(plans.Selection(refs=tuple(first))), STATE.DONE)
    mail.refuses = lambda number: ""
    mail.desk.run_all()
    mail.ran.clear()
    here.rested = mail.desk.run_all
    operation = await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
    done = await here.until(operation, STATE.DONE)
    assert (done.done, done.skipped) == (COUNT - 3, 3)
    assert sorted(mail.ran) == [3, 4, 5, 6, 7]


async def test_few_enough_are_not_watched(here: Here, mail: Mail) -> None:
    mail.fail(3)
    done = await here.until(await here.retry(canary=3), STATE.DONE)
    assert (done.done, here.plan.causes, here.clock[0]) == (3, ("3 × attempt 1 → 2",), 0.0)


async def test_it_is_paused_and_stopped_while_it_watches(here: Here, mail: Mail) -> None:
    mail.fail(COUNT)
    looked: list[str] = []
    operation: entities.Operation | None = None
    forever = 3_000.0

    def rested() -> None:
        if operation is not None:
            looked.append(here.shown(operation).verdict.why)

    here.rested = rested
    operation = await here.retry(canary=2, watch_s=forever)
    await waiting.until(lambda: looked)
    assert looked[0] == ("Watches the first 2: 0 went well, 0 failed, 2 not ended; 3000 s left.")
    await here.steer("operation.pause", operation)
    paused = await here.until(operation, STATE.PAUSED)
    assert paused.done == 2
    looked.clear()
    await here.steer("operation.resume", operation)
    await waiting.until(lambda: looked)
    await here.steer("operation.stop", operation)
    stopped = await here.until(operation, STATE.STOPPED)
    assert (stopped.done, stopped.error, mail.waiting()) == (2, "", 2)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"canary": "yes"}, "canary is true or a number from 1 to 500, not 'yes'."),
        ({"canary": 0}, "canary is true or a number from 1 to 500, not 0."),
        ({"canary": 501}, "canary is true or a number from 1 to 500, not 501."),
        ({"canary": True, "watch_s": 0}, "watch_s is 1 to 3,600 seconds, not 0."),
        ({"canary": True, "watch_s": True}, "watch_s is 1 to 3,600 seconds, not True."),
        ({"watch_s": 9}, "watch_s is how long a canary is watched: give canary too."),
    ],
)
async def test_its_arguments_are_checked_when_it_is_planned(
    here: Here, args: plans.Args, why: str
) -> None:
    request = plans.PlanRequest(action="queue.retry", selection=FAILED, args=args)
    with pytest.raises(errors.BadRequest) as refused:
        await here.door.plan(ASHA, request)
    assert refused.value.sentence == why


def test_only_actions_that_have_it_take_it() -> None:
    assert canary.of(catalogue.ACTIONS["job.remove"], {"canary": True}) is None
    assert canary.of(catalogue.ACTIONS["queue.retry"], {"canary": False}) is None
    assert canary.of(catalogue.ACTIONS["queue.retry"], {"canary": True}) == canary.Canary(10, 60)


def fared(*states: str) -> canary.Watched:
    made = []
    for number, state in enumerate(states):
        word, _, print_ = state.partition(" ")
        made.append(
            plans.Fared.model_validate(
                {"ref": str(number), "state": word, "fingerprint": print_, "why": print_}
            )
        )
    return canary.Watched(made, left=90)


@pytest.mark.parametrize(
    ("seen", "over", "verdict"),
    [
        (["well", "well", "well"], False, ""),
        (["well", "pending", "pending"], False, None),
        (["well", "pending", "pending"], True, "Only 1 of the first 3 has ended within 60 s"),
        (["well", "well", "pending"], True, ""),
        (["failed a", "well"], False, "1 of 2 failed (a)"),
        (["failed a", "failed a", "pending"], False, "2 of 2 failed the same way (a)"),
        (["failed a", "well", "pending"], False, None),
        (["failed a", "well", "pending"], True, "1 of 2 failed (a)"),
        (["failed a", "failed b", "well"], True, "2 of 3 failed, in 2 ways"),
        (["failed a", "failed b", "failed a", "well"], True, "3 of 4 failed, in 2 ways"),
        (["failed a", "pending", "pending"], False, None),
        (["failed a", "pending", "pending"], True, "1 of 1 failed (a)"),
        (["pending"], True, "The first has not ended within 60 s"),
        (["well", "well", "gone"], False, ""),
        (
            ["well", "gone", "gone"],
            False,
            "Only 1 of the first 3 has ended within 60 s, and of 2 that are gone nobody knows",
        ),
        (["well", "gone", "pending"], False, None),
        (["failed a", "gone", "gone"], False, "1 of 1 failed (a)"),
        (["failed a", "gone", "pending", "pending"], False, None),
        (["failed a", "failed a", "gone", "pending"], False, "2 of 2 failed the same way (a)"),
        (
            ["gone", "gone"],
            False,
            "None of the first 2 has been seen to end: gone, and nobody knows how that went",
        ),
        (
            ["gone", "pending"],
            True,
            "None of the first 2 has ended within 60 s, and of 1 that is gone nobody knows",
        ),
    ],
)
def test_what_is_made_of_what_is_seen(seen: list[str], over: bool, verdict: str | None) -> None:
    said = fared(*seen).verdict(over=over, watch_s=60)
    assert said == (f"{verdict}: stopped; 90 not touched." if verdict else verdict)


# -- a core that dies in the watch


@contextlib.contextmanager
def serving(state: Path, url: str) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-m", "tests.core.canary_core", str(state), url]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


async def shown(own: client.CoreClient, ref: str) -> entities.Operation | None:
    """The operation as screens see it."""
    for source in (await own.live()).sources:
        for entity in source.upserts:
            if entity.ref == ref and isinstance(entity, entities.Operation):
                return entity
    return None


def watched(own: client.CoreClient, ref: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        found = await shown(own, ref)
        return found is not None and found.verdict.code == "canary"

    return look


async def test_a_core_that_is_killed_in_the_watch_watches_again(
    state: Path, redis_url: str, mail: Mail
) -> None:
    mail.fail(COUNT)
    with serving(state, redis_url) as process:
        async with client.CoreClient.at(state=state) as own:
            plan = await own.plan("queue.retry", FAILED, {"canary": 5})
            operation = await own.apply(plan.plan_id, reason="INC-9")
            await waiting.until(watched(own, operation.ref))
            process.kill()
    assert (mail.waiting(), len(mail.desk.ids("failed"))) == (5, 20)
    mail.refuses = lambda number: ""
    with serving(state, redis_url):
        async with client.CoreClient.at(state=state) as own:
            await waiting.until(watched(own, operation.ref))
            assert mail.waiting() == 5
            assert sorted(mail.ran) == []
            mail.desk.run_all()

            async def ended() -> entities.Operation | None:
                found = await shown(own, operation.ref)
                return found if found and found.finished_at else None

            done = await waiting.until(ended)
    assert done is not None
    assert (done.state, done.done, done.skipped, done.failed) == (STATE.DONE, COUNT, 0, 0)
    assert sorted(mail.ran) == list(range(5))
    mail.desk.run_all()
    assert sorted(mail.ran) == list(range(COUNT)), "each once"
