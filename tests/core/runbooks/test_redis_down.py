"""A Redis that takes no write: the run comes to what can be done, and to nothing else."""

from __future__ import annotations

import pytest

from mrcore.model import base, plans
from tests.core.runbooks import looked

NODE, VALKEY, BLUE = "redis/node/main", "stack/process/valkey", "stack/process/backend-blue"
SOURCES = (looked.source("redis", "node"), looked.source("stack", "process"))


def redis(code: str) -> base.Entity:
    return looked.thing(NODE, code, canary_ok=False, version="")


def process(ref: base.Ref, code: str, *, restartable: bool = True) -> base.Entity:
    actions = ("process.restart",) if restartable else ()
    name = ref.rsplit("/")[-1]
    return looked.thing(ref, code, name=name, state="ready", restarts=1, actions=actions)


@pytest.mark.parametrize(
    ("code", "step"),
    [
        ("refused", "bring_back"),
        ("unreachable", "bring_back"),
        ("stopped", "bring_back"),
        ("maxclients", "connections"),
        ("paused", "unpause"),
        ("paused_all", "pause_ends"),
        ("busy", "kill_script"),
        ("hangs", "look"),
    ],
)
def test_every_way_to_take_no_writes_has_a_step(code: str, step: str) -> None:
    things = (*SOURCES, redis(code), process(VALKEY, ""), process(BLUE, "stopped"))
    assert looked.run("J", things, NODE)[0] == step


@pytest.mark.parametrize("code", ["stopped_by_signal", "stopped", "failed"])
def test_what_its_supervisor_can_start_is_started_and_nothing_else(code: str) -> None:
    things = (*SOURCES, redis("refused"), process(VALKEY, code), process(BLUE, "stopped"))
    asked = looked.request("J", things, NODE)
    assert isinstance(asked, plans.PlanRequest)
    assert (asked.action, asked.selection.refs) == ("process.restart", (VALKEY,))


@pytest.mark.parametrize("code", ["backoff", "failed", "starting"])
def test_one_that_does_not_stay_up_is_mended_by_hand(code: str) -> None:
    ends = process(VALKEY, code, restartable=False)
    at, known, _ = looked.run("J", (*SOURCES, redis("refused"), ends), NODE)
    assert (at, known.codes) == ("bring_back", ("stopped", "ends"))


@pytest.mark.parametrize("code", ["dead", "restarting"])
def test_one_that_has_just_begun_anew_and_does_not_answer_does_not_stay_up(code: str) -> None:
    at, known, _ = looked.run("J", (*SOURCES, redis("refused"), process(VALKEY, code)), NODE)
    assert (at, known.codes) == ("bring_back", ("stopped", "ends"))


def test_one_that_has_just_begun_anew_is_not_why_its_clients_are_paused() -> None:
    things = (*SOURCES, redis("paused"), process(VALKEY, "restarting"))
    assert looked.run("J", things, NODE)[1].codes == ("paused",)


def test_one_that_nobody_supervises_is_brought_back_by_hand() -> None:
    at, known, _ = looked.run("J", (SOURCES[0], redis("refused")), NODE)
    assert (at, known.codes) == ("bring_back", ("stopped",))
