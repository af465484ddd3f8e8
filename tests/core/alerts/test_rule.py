"""Rules are read strictly, and a mistake is said with its line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mrcore import errors
from mrcore.alerts import causes, rule
from mrcore.model import alert
from tests.core.expr import recorded

GOOD = """
[[rule]]
id = "backlog"
expr = "queue.oldest_wait_s[q] > 2m"
for = "1m"
keep_firing_for = "90s"
severity = "P1"
runbook = "A"
depends-on = ["redis"]
summary = "{name}: the oldest job waits {queue.oldest_wait_s}, {queue.workers} workers"

[[rule]]
id = "redis"
expr = '''
not redis.canary_ok'''
severity = "P2"
summary = "Redis takes no writes"
"""


def test_a_rule_has_everything_that_was_written() -> None:
    found = rule.read(GOOD, "rules.toml")
    rule.check(found)
    backlog = found["backlog"]
    assert backlog.severity is alert.Severity.P1
    assert (backlog.timing.for_s, backlog.timing.keep_s) == (60.0, 90.0)
    assert (backlog.runbook, backlog.depends_on) == ("A", (causes.Cause("redis"),))
    late = recorded.a_queue(oldest_enqueued_at=recorded.T0 - timedelta(minutes=7))
    said = backlog.say(recorded.View(), late)
    assert said == "emailQueue: the oldest job waits 7 min, not known workers"


def test_what_is_measured_over_a_while_settles_for_as_long() -> None:
    rates = "avg(queue.waiting, 5m) > 3 * median(queue.waiting, 1h)"
    slow = GOOD.replace("queue.oldest_wait_s[q] > 2m", rates)
    assert rule.read(GOOD, "r")["backlog"].timing.settle_s == 30
    assert rule.read(slow, "r")["backlog"].timing.settle_s == 300
    assert rule.read(slow, "r", 20)["backlog"].timing.settle_s == 15


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('id = "backlog"', 'id = "Back log"', "r:3: rule Back log: an id is of small letters"),
        ("oldest_wait_s[q]", "oldest_wait[q]", "r:4: rule backlog: expr 1:1: There is no metric"),
        ("[q] > 2m", "[q] > 2", "r:4: rule backlog: expr 1:24: A time and a plain number"),
        ("not redis.canary_ok", "redis.canary", "r:15: rule redis: expr 1:1: There is no metric"),
        ('"1m"', '"1"', "r:5: rule backlog: for is a time, for example 5m."),
        ('"1m"', "1", "r:5: rule backlog: for has to be text in quotes."),
        ('"P1"', '"high"', "r:7: rule backlog: there is no severity 'high'"),
        ("runbook", "runbok", "r:8: rule backlog: there is no 'runbok'. Did you mean runbook?"),
        ('["redis"]', '"redis"', "r:9: rule backlog: depends_on is a list"),
        ('["redis"]', '["redis@"]', "r:9: rule backlog: behind the @ of depends_on"),
        ("queue.workers}", "pg.blocked}", "r:10: rule backlog: summary {pg.blocked} 1:1:"),
        ('severity = "P2"\n', "", "r:12: rule redis: severity is missing."),
        ('"redis"\nexpr', '"backlog"\nexpr', "r:13: rule backlog: there is one of that id"),
        ('"A"', '"A', "r is no TOML"),
        ("\n[[rule]]", "\nrules = 1\n[[rule]]", "r:2: there is no 'rules' here."),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_line(before: str, after: str, said: str) -> None:
    assert before in GOOD
    with pytest.raises(errors.RuleError) as wrong:
        rule.read(GOOD.replace(before, after, 1), "r")
    assert str(wrong.value).startswith(said)


def test_every_mistake_is_said_and_a_runbook_that_is_nowhere_is_one() -> None:
    text = GOOD.replace('"A"', '"ZZ"').replace("not redis.canary_ok", "redis.canary")
    with pytest.raises(errors.RuleError) as wrong:
        rule.read(text, "r", runbooks=("B", "A"))
    first, second = wrong.value.problems
    assert first == "r:8: rule backlog: there is no runbook 'ZZ'; there are A, B."
    assert second.startswith("r:15: rule redis: expr 1:1: There is no metric")
    assert str(wrong.value) == f"{first} 1 more: mrcore alerts check."
    assert set(rule.read(GOOD, "r", runbooks=("A",))) == {"backlog", "redis"}


def test_dependencies_lead_somewhere_and_never_in_a_circle() -> None:
    nowhere = rule.read(GOOD.replace('["redis"]', '["rediss"]'), "r")
    with pytest.raises(errors.RuleError, match="depends on rediss, which is no rule"):
        rule.check(nowhere)
    circle = GOOD.replace('severity = "P2"', 'severity = "P2"\ndepends-on = ["backlog"]')
    with pytest.raises(errors.RuleError, match="Rule backlog depends on itself"):
        rule.check(rule.read(circle, "r"))


@pytest.mark.parametrize(
    ("of", "cause", "own", "is_"),
    [
        ("*", "redis/node/main", "backend/check/blue", True),
        ("backend-{name}", "stack/process/backend-blue", "backend/check/blue", True),
        ("backend-{name}", "stack/process/backend-green", "backend/check/blue", False),
        ("backend-{name}", "stack/process/backend-blue", "backend/check/%2A", False),
        ("*worker", "stack/process/rqworker", "rq/worker/a1b2", True),
        ("*worker", "stack/process/backend-blue", "rq/worker/a1b2", False),
    ],
)
def test_a_cause_is_of_anything_or_of_what_is_named(
    of: str, cause: str, own: str, is_: bool
) -> None:
    assert causes.Cause("redis", of).is_of(cause, own) is is_


def test_ones_own_rules_replace_those_of_the_same_id(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(GOOD.split("\n\n")[1].replace("Redis takes", "It takes"))
    found = rule.load(GOOD, own)
    assert list(found) == ["backlog", "redis"]
    assert found["redis"].say(recorded.View(), None) == "It takes no writes"
    with pytest.raises(errors.RuleError, match="cannot be read"):
        rule.load(GOOD, tmp_path / "none.toml")
    own.write_text(GOOD)
    with pytest.raises(errors.RuleError, match="there is no runbook 'A'; there are B"):
        rule.load(GOOD, own, runbooks=("B",))
