"""`time_scale` divides what is waited for, and never what is measured."""

from __future__ import annotations

import pytest
from click import testing

from mrcore import alert_settings, settings
from mrcore.alerts import desk
from mrcore.alerts import rule as rules
from mrcore.cli import up
from mrcore.expr import expression, tree
from mrcore.mentor import health

RULE = """[[rule]]
id = "slow"
expr = "queue.oldest_wait_s > 2m and slope(queue.waiting, 10m) > 1/1m"
for = "1m"
keep_firing_for = "30s"
escalate_after = "1h"
severity = "P2"
summary = "{avg(queue.fail_rate, 2m)} fail"
"""


def constants(text: str, scale: float) -> list[object]:
    """The constants of an expression from left to right, and the windows of its functions."""

    def walk(node: tree.Node) -> list[object]:
        own = [node.is_] if isinstance(node, tree.Constant) else []
        own += [node.window_s] if isinstance(node, tree.Window) else []
        return own + [each for part in node.parts for each in walk(part)]

    return walk(expression.condition(text, time_scale=scale).root)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("queue.oldest_wait_s > 2m", [12.0]),
        ("queue.oldest_wait_s > 1h", [360.0]),
        ("check.latency_ms > 250ms", [0.25]),
        ("slope(queue.waiting, 10m) > 5/1m", [60.0, 5 / 60]),
        ("queue.oldest_wait_s / 1m > 3", [6.0, 3.0]),
        ("queue.fail_rate * 1m > 3", [6.0, 3.0]),
        ("redis.used_bytes > 3MiB", [3 * 2**20]),
        ("queue.fail_rate > 0/1s and queue.oldest_wait_s > 10s", [0.0, 1.0]),
    ],
)
def test_times_of_an_expression_are_divided(text: str, found: list[object]) -> None:
    assert constants(text, 10) == found


@pytest.mark.parametrize(("for_", "waits_s"), [("2m", 6.0), ("10s", 3.0), ("2s", 2.0)])
def test_no_scale_makes_a_host_answer_sooner(for_: str, waits_s: float) -> None:
    rule = RULE.replace('for = "1m"', f'for = "{for_}"')
    assert rules.read(rule, "x.toml", 20)["slow"].timing.for_s == waits_s


def test_a_rule_waits_a_tenth() -> None:
    slow = rules.read(RULE, "x.toml", 10)["slow"]
    timing = slow.timing
    assert (timing.for_s, timing.keep_s, timing.escalate_s) == (6.0, 3.0, 360.0)
    said = next(part for part in slow.summary if isinstance(part, expression.Expression))
    assert isinstance(said.root, tree.Window)
    assert said.root.window_s == 12.0


def test_at_one_everything_is_as_it_is_written() -> None:
    for text in ("queue.oldest_wait_s > 2m", "slope(queue.waiting, 10m) > 5/1m"):
        assert constants(text, 1) == constants(text, 1.0)
    assert rules.read(rules.shipped(), "r.toml", 1)["redis_wedged"].timing.for_s == 10.0


def test_sources_are_looked_at_oftener_and_never_too_often() -> None:
    usual = settings.SourceSettings(kind="pg")
    assert usual.scaled(2).interval_s == 0.5
    assert usual.scaled(1_000).interval_s == settings.QUICKEST_S
    assert usual.scaled(1_000).deadline_s == usual.deadline_s
    quick = settings.SourceSettings(kind="pg", interval_s=0.05)
    assert quick.scaled(20).interval_s == 0.05


def test_a_backend_looks_after_itself_quicker() -> None:
    assert health.interval_s({}) == 5.0
    assert health.interval_s({"MR_TIME_SCALE": "10"}) == 0.5


def test_up_takes_none_that_slows_down() -> None:
    found = testing.CliRunner().invoke(up.command, ["--time-scale", "0.5"])
    assert found.exit_code == 2
    assert "--time-scale" in found.output


def test_what_is_told_waits_a_twentieth_and_what_is_outside_keeps_its_pace() -> None:
    usual = alert_settings.AlertSettings()
    quick = usual.scaled(20)
    assert (quick.group_wait_s, quick.group_interval_s) == (0.5, 3.0)
    assert (quick.diagnosis_wait_s, quick.ping_every_s) == (30.0, 60.0)
    assert usual.scaled(1) == usual


@pytest.mark.parametrize(
    ("scale", "settle_s", "flapping_s"), [(1, 600.0, 1800.0), (2, 300.0, 900.0), (20, 30.0, 90.0)]
)
def test_settling_and_flapping_are_of_the_rules_time(
    scale: float, settle_s: float, flapping_s: float
) -> None:
    timing = rules.read(RULE, "x.toml", scale)["slow"].timing
    assert (timing.settle_s, timing.flapping_s) == (settle_s, flapping_s)


def test_the_routes_of_a_desk_go_by_them() -> None:
    own = settings.Settings(time_scale=20)
    routes = desk.routes(own.alerts.scaled(own.time_scale), {})
    assert (routes.group_wait_s, routes.group_interval_s) == (0.5, 3.0)
