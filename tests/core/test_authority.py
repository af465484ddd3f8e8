"""Who may act: read-only, arming, a second login's answer, broken glass, pace.

The core and its ledger are real; what is acted on is simulated.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pydantic
import pytest

from mrcore import catalogue, core, errors
from mrcore.model import core as entities
from mrcore.model import plans
from mrcore.rights import arming, authority
from mrcore.sources import base
from mrcore.store import arming as armings
from mrcore.store import files, tokens
from mrcore.trust import auth
from tests import waiting
from tests.core import colours, harness

ASHA = auth.Login("asha", ("admin",), "token", token=4, address="198.51.100.7")
RAVI = auth.Login("ravi", ("admin",), "token")
OLGA = auth.Login("olga", ("operator",), "token")
VERA = auth.Login("vera", ("viewer", "auditor"), "token")
ENVIRONMENT = "core/environment/test"


class Clock:
    """The wall clock, moved on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return base.utc_now() + self.ahead

    def forward(self, **span: float) -> None:
        self.ahead += timedelta(**span)


class Here:
    """A core, two things to act on, and doing so in one line."""

    def __init__(self, behind: core.Core, clock: Clock, jobs: harness.Jobs, deploy: Any) -> None:
        self.core = behind
        self.clock = clock
        self.jobs = jobs
        self.deploy = deploy

    async def plan(
        self, login: auth.Login, action: str, *refs: str, args: plans.Args | None = None
    ) -> plans.Plan:
        request = plans.PlanRequest(
            action=action, selection=plans.Selection(refs=refs), args=args or {}
        )
        return await self.core.door.plan(login, request)

    async def apply(
        self, login: auth.Login, plan: plans.Plan, **request: Any
    ) -> entities.Operation:
        wanted = plans.ApplyRequest(confirm=plan.confirm, **request)
        begun = await self.core.door.apply(login, plan.plan_id, wanted)

        def ended() -> entities.Operation | None:
            found = [o for o in self.core.door.operations() if o.id == begun.id]
            return found[0] if found and found[0].finished_at else None

        operation = await waiting.until(ended, what="the operation's end")
        await waiting.until(lambda: not self.core.door.busy)
        assert operation is not None
        return operation

    async def do(
        self,
        login: auth.Login,
        action: str,
        *refs: str,
        args: plans.Args | None = None,
        **request: Any,
    ) -> entities.Operation:
        return await self.apply(login, await self.plan(login, action, *refs, args=args), **request)

    async def arm(self, login: auth.Login, minutes: int = 15, reason: str = "INC-9") -> None:
        await self.do(login, "core.arm", ENVIRONMENT, args={"minutes": minutes}, reason=reason)

    async def retry(self, login: auth.Login, job: str, **request: Any) -> entities.Operation:
        return await self.do(login, "queue.retry", *self.jobs.add(job), **request)

    async def switch(self, login: auth.Login, **request: Any) -> entities.Operation:
        return await self.do(login, "deploy.switch", self.deploy.ref("green"), **request)

    async def shown(self, kind: str) -> list[Any]:
        """Entities of the core of one kind, from a new sample."""
        sample = await self.core.monitor.source("core").sample()
        return [entity for entity in sample.entities if entity.kind == kind]

    async def audit(self, stage: str) -> list[dict[str, Any]]:
        def read(connection: sqlite3.Connection) -> list[dict[str, Any]]:
            bodies = connection.execute("SELECT body FROM audit ORDER BY seq")
            return [json.loads(body) for (body,) in bodies]

        return [row for row in await self.core.ledger.run(read) if row["stage"] == stage]


async def opened(state: Path, **options: Any) -> AsyncIterator[Here]:
    clock = Clock()
    jobs, deploy = harness.Jobs(now=clock), colours.Colours(now=clock)
    async with harness.unserved(state, jobs, deploy, now=clock, **options) as behind:
        await waiting.until(lambda: behind.monitor.tried)
        yield Here(behind, clock, jobs, deploy)


@pytest.fixture
async def protected(state: Path) -> AsyncIterator[Here]:
    """A core of a protected environment."""
    async for here in opened(state, protected=True):
        yield here


@pytest.fixture
async def free(state: Path) -> AsyncIterator[Here]:
    """A core of an environment that is not protected."""
    async for here in opened(state):
        yield here


# -- roles and read-only


@pytest.mark.parametrize("action", catalogue.ACTIONS.values(), ids=list(catalogue.ACTIONS))
def test_each_action_is_for_its_role_and_a_read_only_core_only_stops(
    action: catalogue.Action,
) -> None:
    open_one = authority.Authority(environment="e", protected=False, now=base.utc_now)
    closed = authority.Authority(environment="e", protected=False, read_only=True, now=base.utc_now)
    open_one.may_plan(ASHA, action)
    with pytest.raises(errors.Forbidden, match=f"needs the role {action.role}"):
        open_one.may_plan(VERA, action)
    if action.id in authority.STOPPING:
        closed.may_plan(ASHA, action)
    else:
        with pytest.raises(errors.Forbidden, match="read-only"):
            closed.may_plan(ASHA, action)


async def test_a_read_only_core_does_nothing(state: Path) -> None:
    async for here in opened(state, read_only=True, protected=True):
        with pytest.raises(errors.Forbidden, match="The core of test is read-only"):
            await here.retry(ASHA, "7")
        with pytest.raises(errors.Forbidden, match="read-only"):
            await here.arm(ASHA)
        assert here.jobs.chunks == []
        (environment,) = await here.shown("environment")
        assert (environment.read_only, environment.actions) == (True, ())


async def test_a_plan_made_before_the_core_was_read_only_is_not_applied(state: Path) -> None:
    async for here in opened(state):
        plan = await here.plan(ASHA, "queue.retry", *here.jobs.add("7"))
    async for here in opened(state, read_only=True):
        with pytest.raises(errors.Forbidden, match="read-only"):
            await here.apply(ASHA, plan)
        assert here.jobs.chunks == []


# -- arming


async def test_a_protected_environment_wants_this_login_armed(protected: Here) -> None:
    plan = await protected.plan(OLGA, "queue.retry", *protected.jobs.add("7"))
    with pytest.raises(errors.NotArmed) as refused:
        await protected.apply(OLGA, plan)
    assert str(refused.value) == (
        "The environment test is protected and you are not armed."
        " Arm with A, or: mrtui do core.arm mr://core/environment/test --reason …"
    )
    await protected.arm(RAVI)
    with pytest.raises(errors.NotArmed):
        await protected.apply(OLGA, plan)
    assert protected.jobs.chunks == []
    await protected.arm(OLGA)
    operation = await protected.apply(OLGA, plan)
    assert (operation.done, operation.reason) == (1, "INC-9")
    intents = await protected.audit("intent")
    assert [(row["login"], row["reason"]) for row in intents][-1] == ("olga", "INC-9")


async def test_arming_is_seen_ends_by_itself_and_can_be_taken_away(protected: Here) -> None:
    assert await protected.shown("arming") == []
    (environment,) = await protected.shown("environment")
    assert (environment.protected, environment.actions) == (True, ("core.arm",))
    await protected.arm(OLGA, minutes=20)
    (armed,) = await protected.shown("arming")
    assert (armed.ref, armed.login, armed.reason) == ("core/arming/olga", "olga", "INC-9")
    assert armed.until - armed.since == timedelta(minutes=20)
    assert await protected.core.armed_until("olga") == armed.until
    protected.clock.forward(minutes=19)
    await protected.retry(OLGA, "7")
    protected.clock.forward(minutes=2)
    assert await protected.shown("arming") == []
    assert await protected.core.armed_until("olga") is None
    with pytest.raises(errors.NotArmed):
        await protected.retry(OLGA, "8")
    await protected.arm(OLGA)
    await protected.do(RAVI, "core.disarm", "core/arming/olga")
    assert await protected.shown("arming") == []
    with pytest.raises(errors.NotArmed):
        await protected.retry(OLGA, "9")


async def test_arming_outlives_the_core_and_still_ends(state: Path) -> None:
    async for here in opened(state, protected=True):
        await here.arm(OLGA)
    async for here in opened(state, protected=True):
        await here.retry(OLGA, "7")
        here.clock.forward(minutes=16)
        with pytest.raises(errors.NotArmed):
            await here.retry(OLGA, "8")


async def test_where_nothing_is_protected_nobody_arms(free: Here) -> None:
    plan = await free.plan(OLGA, "core.arm", ENVIRONMENT)
    assert plan.total == 0
    assert "is not protected" in plan.left_out[0].why
    await free.retry(OLGA, "7")


@pytest.mark.parametrize("minutes", [0, 61, -1, 1.5, True, "x", None, "61", [15]])
async def test_arming_lasts_1_to_60_minutes(protected: Here, minutes: Any) -> None:
    with pytest.raises(errors.BadRequest, match="arming lasts 1 to 60 min"):
        await protected.plan(OLGA, "core.arm", ENVIRONMENT, args={"minutes": minutes})


@pytest.mark.parametrize("reason", ["", "  \t"])
async def test_arming_needs_a_reason(protected: Here, reason: str) -> None:
    with pytest.raises(errors.BadRequest, match=r"core\.arm needs a reason"):
        await protected.arm(OLGA, reason=reason)
    assert await protected.shown("arming") == []


async def test_another_environment_cannot_be_armed_here(protected: Here) -> None:
    plan = await protected.plan(OLGA, "core.arm", "core/environment/prod")
    assert [left.why for left in plan.left_out] == [
        "It is not what this core watches: that is test."
    ]
    assert plan.total == 0


async def test_an_operation_arms_once_and_not_when_it_comes_too_late(tmp_path: Path) -> None:
    """As when the core ends between arming and writing that down, and begins again later."""
    ledger, clock = files.ledger(tmp_path), Clock()
    act = arming.Arm(ledger, "test", True, clock)
    by = plans.By(login="olga", reason="INC-9", operation=5)
    target = await act.plan(ENVIRONMENT, {})
    assert isinstance(target, plans.Target)
    await act.apply(target, {}, by)
    first = await ledger.run(lambda c: armings.find(c, "olga", clock()))
    clock.forward(minutes=4)
    await act.apply(target, {}, by)
    assert await ledger.run(lambda c: armings.find(c, "olga", clock())) == first
    clock.forward(minutes=2)
    late = await act.apply(target, {}, by.model_copy(update={"operation": 6}))
    assert late.outcome is plans.Outcome.SKIPPED
    await ledger.close()


async def test_disarming_spares_a_later_arming(protected: Here) -> None:
    await protected.arm(OLGA)
    plan = await protected.plan(RAVI, "core.disarm", "core/arming/olga")
    await protected.arm(OLGA, reason="INC-10")
    operation = await protected.apply(RAVI, plan)
    assert operation.skipped == 1
    assert [a.reason for a in await protected.shown("arming")] == ["INC-10"]


# -- a second login


async def test_critical_in_a_protected_environment_waits_for_a_second_login(
    protected: Here,
) -> None:
    await protected.arm(ASHA)
    plan = await protected.plan(ASHA, "deploy.switch", protected.deploy.ref("green"))
    assert plan.needs_approval
    assert plan.expires_at - plan.created_at == timedelta(minutes=15)
    with pytest.raises(errors.NeedsApproval, match=f"approve mr://core/plan/{plan.plan_id}"):
        await protected.apply(ASHA, plan, reason="INC-9")
    (waits,) = await protected.shown("plan")
    assert (waits.state, waits.login, waits.reason) == ("waiting", "asha", "INC-9")
    assert waits.actions == ("plan.approve", "plan.refuse")
    detail = await protected.core.monitor.source("core").detail(waits.ref)
    assert [field.ref for field in detail.sections[1].fields] == [protected.deploy.ref("green")]

    with pytest.raises(errors.Forbidden, match="asha has made that plan"):
        await protected.do(ASHA, "plan.approve", waits.ref)
    with pytest.raises(errors.Forbidden, match="needs the role admin"):
        await protected.do(OLGA, "plan.approve", waits.ref)
    with pytest.raises(errors.Forbidden, match="needs the role operator"):
        await protected.do(VERA, "plan.approve", waits.ref)
    with pytest.raises(errors.NeedsApproval):
        await protected.apply(ASHA, plan)
    assert protected.deploy.switched == []

    await protected.do(RAVI, "plan.approve", waits.ref, reason="looks right")
    shown = await protected.core.door.get(plan.plan_id)
    assert (shown.approved_by, shown.refused_by, shown.answer) == ("ravi", "", "looks right")
    operation = await protected.apply(ASHA, plan)
    assert (operation.done, operation.approved_by) == (1, "ravi")
    assert not operation.broke_glass
    assert protected.deploy.switched == [("green", "asha")]
    assert await protected.shown("plan") == []
    with pytest.raises(errors.PlanTaken):
        await protected.apply(RAVI, plan)


async def waiting_plan(here: Here) -> tuple[plans.Plan, str]:
    """ASHA's plan that waits, and its ref."""
    await here.arm(ASHA, minutes=60)
    await here.arm(RAVI, minutes=60)
    plan = await here.plan(ASHA, "deploy.switch", here.deploy.ref("green"))
    with pytest.raises(errors.NeedsApproval):
        await here.apply(ASHA, plan)
    return plan, f"core/plan/{plan.plan_id}"


async def test_a_refused_plan_is_not_applied_and_says_who_and_why(protected: Here) -> None:
    plan, ref = await waiting_plan(protected)
    with pytest.raises(errors.BadRequest, match="needs a reason"):
        await protected.do(RAVI, "plan.refuse", ref)
    await protected.do(RAVI, "plan.refuse", ref, reason="not at noon")
    with pytest.raises(
        errors.NeedsApproval, match=r"ravi has refused this plan: not at noon\. It can"
    ):
        await protected.apply(ASHA, plan)
    (waits,) = await protected.shown("plan")
    assert (waits.state, waits.by, waits.verdict.code) == ("refused", "ravi", "refused")
    assert (await protected.plan(RAVI, "plan.approve", ref)).total == 0
    assert protected.deploy.switched == []
    nothing = await protected.plan(RAVI, "plan.approve", "core/plan/4c19")
    assert [left.why for left in nothing.left_out] == ["There is no plan 4c19 that waits."]


async def test_who_approved_cannot_make_the_plan_his_own_and_apply_it(protected: Here) -> None:
    plan, ref = await waiting_plan(protected)
    await protected.do(RAVI, "plan.approve", ref)
    own = await protected.plan(RAVI, "deploy.switch", protected.deploy.ref("green"))
    assert own.plan_id == plan.plan_id
    for login in (RAVI, ASHA):
        with pytest.raises(errors.NeedsApproval):
            await protected.apply(login, own)
    assert protected.deploy.switched == []


async def test_an_approval_ends_with_the_plan_as_it_was_asked_for(protected: Here) -> None:
    plan, ref = await waiting_plan(protected)
    await protected.do(RAVI, "plan.approve", ref)
    protected.clock.forward(minutes=10)
    again = await protected.plan(ASHA, "deploy.switch", protected.deploy.ref("green"))
    assert again.plan_id == plan.plan_id
    protected.clock.forward(minutes=6)
    with pytest.raises(errors.NeedsApproval, match="waits"):
        await protected.apply(ASHA, again)
    (waits,) = await protected.shown("plan")
    assert waits.state == "waiting"
    assert protected.deploy.switched == []


async def test_an_answer_to_what_does_not_wait_any_more(protected: Here) -> None:
    _, ref = await waiting_plan(protected)
    approve = await protected.plan(RAVI, "plan.approve", ref)
    refuse = await protected.plan(RAVI, "plan.refuse", ref)
    await protected.apply(RAVI, approve)
    with pytest.raises(errors.PlanTaken, match="ravi has approved that plan already"):
        await protected.apply(RAVI, refuse, reason="no")
    protected.clock.forward(minutes=16)
    assert (await protected.plan(RAVI, "plan.refuse", ref)).total == 0
    assert await protected.shown("plan") == []


async def test_critical_where_nothing_is_protected_waits_for_nobody(free: Here) -> None:
    operation = await free.switch(ASHA)
    assert (operation.done, operation.approved_by) == (1, "")


# -- broken glass


async def test_an_admin_breaks_the_glass_with_a_reason_and_it_is_loud(protected: Here) -> None:
    plan, _ = await waiting_plan(protected)
    with pytest.raises(errors.BadRequest, match="Breaking the glass needs a reason"):
        await protected.apply(ASHA, plan, break_glass=True)
    assert await protected.audit("break_glass") == []
    operation = await protected.apply(ASHA, plan, break_glass=True, reason="site down")
    assert operation.broke_glass
    assert operation.verdict.code == "broke_glass"
    (row,) = await protected.audit("break_glass")
    assert (row["login"], row["token"], row["address"]) == ("asha", 4, "198.51.100.7")
    assert (row["reason"], row["refs"]) == ("site down", [protected.deploy.ref("green")])
    assert row["plan_id"] == plan.plan_id


async def test_the_glass_broken_against_a_refusal_names_it(protected: Here) -> None:
    plan, ref = await waiting_plan(protected)
    await protected.do(RAVI, "plan.refuse", ref, reason="not at noon")
    operation = await protected.apply(ASHA, plan, break_glass=True, reason="site down")
    against = "against ravi's refusal: not at noon"
    assert operation.verdict.why == f"asha has broken the glass {against}."
    (row,) = await protected.audit("break_glass")
    assert against in row["text"]


async def test_who_is_no_admin_any_more_breaks_no_glass(protected: Here) -> None:
    plan, _ = await waiting_plan(protected)
    less = auth.Login("asha", ("operator",), "token")
    with pytest.raises(errors.Forbidden):
        await protected.apply(less, plan, break_glass=True, reason="site down")
    assert protected.deploy.switched == []


async def test_an_approved_plan_breaks_no_glass(protected: Here) -> None:
    plan, ref = await waiting_plan(protected)
    await protected.do(RAVI, "plan.approve", ref)
    operation = await protected.apply(ASHA, plan, break_glass=True, reason="site down")
    assert (operation.approved_by, operation.broke_glass) == ("ravi", False)


async def test_there_is_no_glass_where_no_approval_is_needed(free: Here) -> None:
    with pytest.raises(errors.BadRequest, match="no glass to break"):
        await free.switch(ASHA, break_glass=True, reason="site down")
    assert free.deploy.switched == []


# -- pace


async def test_too_much_danger_in_a_minute_is_held_back(state: Path) -> None:
    async for here in opened(state, limits={"dangerous_per_minute": 2}):
        for _ in range(2):
            await here.switch(ASHA)
        with pytest.raises(errors.TooMany, match="asha has started 2 dangerous operations"):
            await here.switch(ASHA)
        await here.retry(ASHA, "7")
        await here.switch(RAVI)
        here.clock.forward(seconds=61)
        await here.switch(ASHA)
        assert [who for _, who in here.deploy.switched] == ["asha", "asha", "ravi", "asha"]


async def test_what_only_ends_or_takes_away_is_never_held_back(state: Path) -> None:
    async for here in opened(state, limits={"dangerous_per_minute": 1}):
        await here.switch(ASHA)
        some = [await here.core.ledger.run(_add_token) for _ in range(3)]
        refs = [f"core/token/{number}" for number in some]
        assert (await here.do(ASHA, "token.revoke", *refs[:2])).done == 2
        assert (await here.do(ASHA, "token.revoke", refs[2])).done == 1
        with pytest.raises(errors.TooMany):
            await here.switch(ASHA)


def _add_token(connection: sqlite3.Connection) -> int:
    now = datetime.now(UTC)
    until = now + timedelta(days=1)
    return tokens.add(
        connection, login="x", roles=("admin",), digest="0" * 64, now=now, expires_at=until
    )


async def test_who_is_refused_over_and_over_does_not_fill_the_audit(free: Here) -> None:
    refs = ["core/token/" + "9" * 4_000 + str(number) for number in range(50)]
    for _ in range(30):
        with pytest.raises(errors.Forbidden):
            await free.plan(VERA, "token.revoke", *refs)
    with pytest.raises(errors.Forbidden):
        await free.plan(OLGA, "token.revoke", refs[0])
    rows = await free.audit("refused")
    assert [row["login"] for row in rows] == ["vera"] * 20 + ["olga"]
    assert [len(ref) for ref in rows[0]["refs"]] == [200] * 5
    free.clock.forward(seconds=61)
    with pytest.raises(errors.Forbidden):
        await free.plan(OLGA, "token.revoke", refs[0])
    *_, left, last = await free.audit("refused")
    assert (left["login"], left["text"]) == ("vera", "10 more refused within a minute")
    assert (left["action"], left["refs"], last["login"]) == ("token.revoke", [], "olga")


async def test_what_was_not_written_of_refusals_is_counted_when_the_core_ends(state: Path) -> None:
    async for here in opened(state):
        for _ in range(22):
            with pytest.raises(errors.Forbidden):
                await here.plan(VERA, "token.revoke", "core/token/1")
    async for here in opened(state):
        rows = await here.audit("refused")
        assert (len(rows), rows[-1]["text"]) == (21, "2 more refused within a minute")


def test_a_ref_of_a_selection_is_not_endless() -> None:
    with pytest.raises(pydantic.ValidationError):
        plans.Selection(refs=("huey/job/q/" + "a" * 4_096,))
    with pytest.raises(pydantic.ValidationError):
        plans.Selection(ref="huey/queue/" + "a" * 4_096, collection="jobs")


# -- tokens


async def test_a_token_is_revoked_by_an_admin_through_the_door(protected: Here) -> None:
    secret, digest = auth.mint()
    now = datetime.now(UTC)
    number = await protected.core.ledger.run(
        lambda c: tokens.add(
            c,
            login="olga",
            roles=("operator",),
            digest=digest,
            now=now,
            expires_at=now + timedelta(days=1),
        )
    )
    bearer = auth.spell(number, secret)
    assert (await protected.core.auth.login(None, bearer)).name == "olga"
    ref = f"core/token/{number}"
    page = await protected.core.monitor.source("core").page(
        "core/core/self", "tokens", plans.Query(), None, 0
    )
    assert [(row.ref, row.actions) for row in page.rows] == [(ref, ("token.revoke",))]
    assert digest not in page.model_dump_json()
    with pytest.raises(errors.Forbidden):
        await protected.do(OLGA, "token.revoke", ref)
    await protected.do(ASHA, "token.revoke", ref)
    with pytest.raises(errors.Unauthenticated):
        await protected.core.auth.login(None, bearer)
    again = await protected.plan(ASHA, "token.revoke", ref, "core/token/99", "core/token/x")
    assert again.total == 0
    assert {left.why for left in again.left_out} == {
        "It is revoked already.",
        "There is no such token.",
    }
