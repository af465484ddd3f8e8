"""Scenarios are read strictly, and each mistake is named with its line."""

from __future__ import annotations

import pytest

from mrcore import errors
from mrcore.alerts import rule
from mrcore.gameday import faults, scenario
from mrcore.gameday.faults import redis

RULES = rule.read(rule.shipped(), "rules.toml")
GOOD = """id = "X"
title = "Something breaks"
runbook = "J"

[[fault]]
kind = "redis.pause"
args = { mode = "all", for_s = 3 }
when = "redis.canary_ok"

[[fault]]
kind = "process.stop"
until = '''
  source.state@redis == "failing"'''

[fault.args]
process = "worker"

[[alert]]
rule = "redis_wedged"
subject = "redis/node/main"

[[operator]]
step = "call"
kind = "mail.up"

[expect]
diagnosis = ["paused"]
action = "redis.unpause"
recovered = "redis.canary_ok"
spared = ["sendOtp"]
also = ["health_503"]
"""


def read(text: str) -> scenario.Scenario:
    return scenario.read(text, "x.toml", faults.KINDS, RULES)


def test_a_scenario_says_what_breaks_and_what_it_must_lead_to() -> None:
    found = read(GOOD)
    first, second = found.faults
    assert first.fault == redis.Pause(mode="all", for_s=3)
    assert first.when is not None
    assert first.until is None
    assert second.until is not None
    assert found.alerts == (scenario.Expected("redis_wedged", "redis/node/main"),)
    assert [(each.step, each.kind) for each in found.operators] == [("call", "mail.up")]
    assert (found.diagnosis, found.action, found.also) == (
        ("paused",),
        "redis.unpause",
        ("health_503",),
    )
    assert found.spared == ("sendOtp",)
    assert (found.seed, found.outcome) == (7, "recovered")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('runbook = "J"', 'runbok = "J"', "x.toml:3: there is no 'runbok' here. Did you mean"),
        ('when = "redis', 'wen = "redis', "x.toml:8: there is no 'wen' here. Did you mean when?"),
        ('kind = "redis.pause"', 'kind = "redis.pose"', "x.toml:6: there is no kind 'redis.pose'"),
        ("for_s = 3", "for_s = 3000", "x.toml:7: args of redis.pause: for_s: Input should be"),
        ("for_s = 3", "for = 3", "x.toml:7: args of redis.pause: for: Extra inputs"),
        ('"redis.canary_ok"\n\n', '"redis.canary_k"\n\n', "x.toml:8: when 1:1: There is no metric"),
        ("source.state", "sauce.state", "x.toml:13: until 1:3: There is no metric"),
        ('rule = "redis_wedged"', 'rule = "redis_wegded"', "x.toml:19: there is no rule"),
        ("health_503", "health_53", "x.toml:31: there is no rule 'health_53'. Did you mean"),
        ('step = "call"', 'step = ""', "x.toml:22: step is missing."),
        ('recovered = "redis', 'recovers = "redis', "x.toml:29: there is no 'recovers' here."),
        ('id = "X"', 'id = "a b"', "x.toml:1: an id is of letters"),
        ("[expect]", "[expects]", "x.toml:26: there is no 'expects' here. Did you mean expect?"),
        ("[[alert]]", "[alert]", "x.toml:18: write [[alert]], for each alert one."),
        ('title = "S', "title = S", "x.toml is no TOML"),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(errors.ScenarioError) as caught:
        read(GOOD.replace(old, new, 1))
    assert str(caught.value).startswith(said)


def test_what_must_be_there_is_missed() -> None:
    top, rest = GOOD.split("[[fault]]", 1)
    with pytest.raises(errors.ScenarioError, match=r"at least one \[\[fault\]\]"):
        read(top)
    fault = top + "[[fault]]" + rest
    with pytest.raises(errors.ScenarioError, match=r"at least one \[\[alert\]\]"):
        read(fault[: fault.index("[[alert]]")])
    with pytest.raises(errors.ScenarioError, match=r"a table \[expect\]"):
        read(fault[: fault.index("[expect]")])
    with pytest.raises(errors.ScenarioError, match="recovered is missing"):
        read(fault[: fault.index("recovered")])


def test_the_shipped_scenarios_parse_and_name_runbooks_of_the_rules() -> None:
    found = scenario.shipped(faults.KINDS, RULES)
    assert {"A", "B", "E", "F", "H", "J"} <= set(found)
    for each in found.values():
        assert each.runbook in ("", *"ABCDEFGHIJK"), each.id
        for alert in each.alerts:
            assert alert.rule not in each.also, each.id


def test_every_fault_is_played() -> None:
    played = {
        step.kind
        for each in scenario.shipped(faults.KINDS, RULES).values()
        for step in (*each.faults, *each.operators)
    }
    assert set(faults.KINDS) - played == {"demo.known_off"}, "which comes before every scenario"
