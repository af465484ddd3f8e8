"""Whatever happens between plan and apply: only what is as it was planned is touched.

Parametrised over every action of every source: one that nothing drives fails.
"""

from __future__ import annotations

from collections.abc import Sequence

import hypothesis
from hypothesis import strategies as st

from mrcore.model import base, plans
from tests.contract import acting, factories, rig, warm

Events = list[tuple[int, int]]
"""Number of what happens, number of the target that it happens to; both modulo."""

events = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 5)), max_size=6)

# Every example makes real things anew: `make test` tries few, `make proof` seventy times as many.
fewer = hypothesis.settings(
    max_examples=150 if hypothesis.settings.get_current_profile_name() == "search" else 2,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)


@factories.each_deed
@fewer
@hypothesis.given(meanwhile=events, later=events)
async def test_only_what_is_as_it_was_planned_is_touched(
    here: rig.Rig, action: base.ActionId, meanwhile: Events, later: Events
) -> None:
    assert here.churn(action), f"nothing drives churn for {action}"
    async with warm.opened(here) as source:
        deed = await here.deed(action)
        planned = await acting.targets(source, deed, lasting=here.lasting)
        then = {one: await here.facts(action, one) for one in deed.refs}
        await _happen(here, deed, meanwhile)
        now = {one: await here.facts(action, one) for one in deed.refs}
        before = await acting.states(here, action, deed.refs)
        outcomes = await acting.apply(source, deed, planned)
        after = await acting.states(here, action, deed.refs)
        for one, outcome in outcomes.items():
            done = outcome.outcome is plans.Outcome.DONE
            assert done == (then[one] == now[one]), f"{one}: {outcome.why}"
            assert done == (before[one] != after[one]), f"{one}: {outcome.why}"
        if acting.lasts(here, action):
            assert all(outcome.memento is None for outcome in outcomes.values())
            return
        chunk = await acting.plan_undo(source, action, planned, outcomes)
        await _happen(here, deed, later)
        late = await acting.states(here, action, deed.refs)
        for one, outcome in (await acting.undo(source, action, chunk)).items():
            state = await here.state(action, one)
            if outcome.outcome is not plans.Outcome.DONE:
                assert state == late[one], f"{one}: {outcome.why}"
                assert late[one] != after[one], f"{one}: {outcome.why}"
            elif late[one] == after[one]:
                assert state == before[one], f"{one}: {outcome.why}"


async def _happen(here: rig.Rig, deed: rig.Deed, what: Sequence[tuple[int, int]]) -> None:
    happenings = list(here.churn(deed.action).values())
    for number, target in what:
        await happenings[number % len(happenings)](deed.refs[target % len(deed.refs)])
