"""The expression language: what it says, what it does not know, and where it is wrong."""

from __future__ import annotations

from datetime import timedelta

import hypothesis
import pytest
from hypothesis import strategies

from mrcore import errors
from mrcore.expr import expression, facts, views, words
from mrcore.model import backend, base, queue
from tests.core.expr import recorded

REF = "huey/queue/emailQueue"


def said(
    text: str, view: recorded.View | None = None, subject: base.Entity | None = None
) -> object:
    return expression.Expression(text).ask(view or recorded.View(), subject).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3 == 7", True),
        ("(1 + 2) * 3 == 9", True),
        ("10 - 4 - 3 == 3", True),
        ("not 1 > 2 and 2 > 1", True),
        ("1 > 2 or 2 > 1 and 1 > 2", False),
        ("(1 > 2 or 2 > 1) and not 1 > 2", True),
        ("-2 * -3 == 6", True),
        ("abs(-2) == 2", True),
        ("90s == 1.5m", True),
        ("85% == 0.85", True),
        ("2MiB / 1MiB == 2", True),
        ("120/1m == 2/1s", True),
        ('"a" in ("a", "b")', True),
        ('"c" in ("a", "b")', False),
        ("true and not false", True),
    ],
)
def test_constants_are_reckoned(text: str, value: bool) -> None:
    assert said(text) is value


@pytest.mark.parametrize(
    ("text", "place", "part"),
    [
        ("queue.wating > 3", (1, 1), "Did you mean queue.waiting?"),
        ("1 <\n  pg.blokced", (2, 3), "Did you mean pg.blocked?"),
        ("slop(queue.waiting, 5m) > 0/1s", (1, 1), "Did you mean slope?"),
        ("queue.oldest_wait_s > 5mins", (1, 23), "There is no unit 'mins'."),
        ("queue.oldest_wait_s > 120", (1, 21), "Write the unit, for example 120s."),
        ("redis.used_bytes + 3s > 1B", (1, 18), "cannot be added"),
        ('session.state > "idle"', (1, 15), "takes numbers"),
        ("queue.paused and queue.waiting", (1, 14), "a plain number"),
        ("slope(queue.workers, 5m) > 0/1s", (1, 7), "only these have a history"),
        ("slope(queue.waiting, 2h) > 0/1s", (1, 22), "at most 1h"),
        ("slope(queue.waiting, 5) > 0/1s", (1, 22), "takes a time"),
        ("queue.waiting > pg.blocked", (1, 17), "of a postgres"),
        ("queue.waiting[q] > queue.failed[p]", (1, 20), "another name"),
        ("1 = 1", (1, 3), "write == to compare"),
        ("1 == 1 == 1", (1, 8), "do not follow each other"),
        ("1 +", (1, 4), "A value is missing before the end."),
        ("(1 > 2", (1, 7), "A ')' is missing"),
        ("1 2", (1, 3), "is not expected here"),
        ('"abc', (1, 1), "does not end"),
        ("1 / 0 > 2", (1, 3), "divides by zero"),
        ("queue.engine in (1)", (1, 18), "a plain number"),
        ("queue.waiting in (queue.failed)", (1, 19), "constants"),
        ("queue.waiting[3] > 1", (1, 15), "A selector is"),
        ("queue.waiting", (1, 1), "A condition is true or false"),
        ("1 > 2 ; 3", (1, 7), "';' does not belong"),
        ("(" * 60 + "1" + ")" * 60, (1, 41), "nested deeper"),
    ],
)
def test_what_is_wrong_names_its_place(text: str, place: tuple[int, int], part: str) -> None:
    with pytest.raises(errors.ExpressionError) as wrong:
        expression.condition(text)
    assert (wrong.value.line, wrong.value.column) == place
    assert part in str(wrong.value)


def test_it_is_asked_of_every_thing_of_its_kind() -> None:
    view = recorded.View([recorded.a_queue("a"), recorded.a_queue("b", source="rq")])
    asked = expression.condition("queue.workers[q] == 0")
    assert [e.ref for e in asked.subjects(view) if e] == ["huey/queue/a", "rq/queue/b"]
    assert list(expression.condition("queue.workers@a == 0").subjects(view)) == [None]


def test_a_selector_is_a_name_or_a_ref() -> None:
    twice = [recorded.a_queue("a", workers=1), recorded.a_queue("a", source="rq", workers=2)]
    assert said("queue.workers@a == 1", recorded.View(twice[:1])) is True
    assert said('queue.workers["rq/queue/a"] == 2', recorded.View(twice)) is True
    assert said("queue.workers@b == 1", recorded.View(twice)) is None
    with pytest.raises(views.Failed, match="can be huey/queue/a, rq/queue/a"):
        said("queue.workers@a == 1", recorded.View(twice))


def test_health_is_of_backends_only() -> None:
    checks = [
        backend.Check(ref=f"{source}/check/{name}", name=name, status_code=503)
        for source, name in (("backend", "blue"), ("pg", "server"))
    ]
    asked = expression.condition("health.status != 200")
    assert [e.name for e in asked.subjects(recorded.View(checks)) if e] == ["blue"]  # type: ignore[attr-defined]
    assert said("health.status@blue == 503", recorded.View(checks)) is True


def test_what_has_no_data_decides_nothing_alone() -> None:
    lacking = recorded.a_queue(workers=None)
    view = recorded.View([lacking])
    answer = expression.condition("queue.workers == 0").ask(view, lacking)
    assert answer == expression.Answer(None, (views.Lack("queue.workers", REF),))
    assert said("queue.workers == 0 and 1 > 2", view, lacking) is False
    assert said("queue.workers == 0 or 2 > 1", view, lacking) is True
    assert said("queue.workers == 0 and 2 > 1", view, lacking) is None
    assert said("not queue.workers == 0", view, lacking) is None
    assert said("absent(queue.workers)", view, lacking) is True
    assert said("absent(queue.paused)", view, lacking) is False
    assert said("queue.waiting / queue.waiting > 1", view, lacking) is None


def test_an_empty_queue_has_waited_no_time_and_one_that_cannot_tell_is_unknown() -> None:
    empty = recorded.a_queue()
    blind = recorded.a_queue(counts=queue.Counts(waiting=3))
    late = recorded.a_queue(oldest_enqueued_at=recorded.T0 - timedelta(minutes=5))
    found = [said("queue.oldest_wait_s > 2m", recorded.View(), e) for e in (empty, blind, late)]
    assert found == [False, None, True]


def test_who_may_be_silent_for_a_while_is_not_silent_before_that() -> None:
    seen = recorded.T0 - timedelta(seconds=400)
    facts_of = {"ref": "rq/worker/a", "engine": "rq", "name": "a", "last_seen_at": seen}
    often, seldom = (
        queue.Worker.model_validate({**facts_of, "beat_s": beat_s}) for beat_s in (0, 420)
    )
    assert said("worker.silent_s > 399s", recorded.View(), often) is True
    assert said("worker.silent_s == 0s", recorded.View(), seldom) is True


def test_windows_need_points_over_half_of_their_time() -> None:
    subject = recorded.a_queue()
    rising = [(-600.0 + n * 10, float(n)) for n in range(60)]
    view = recorded.View([subject], {("queue.waiting", REF): rising})
    assert said("slope(queue.waiting, 10m) > 5.9/1m", view, subject) is True
    assert said("slope(queue.waiting, 10m) > 6.1/1m", view, subject) is False
    assert said("delta(queue.waiting, 10m) == 59", view, subject) is True
    assert said("median(queue.waiting, 10m) == 29.5", view, subject) is True
    assert said("max(queue.waiting, 1m) - min(queue.waiting, 1m) == 5", view, subject) is True
    assert said("slope(queue.waiting, 30m) > 0/1s", view, subject) is None
    view.history = {("queue.waiting", REF): rising[-2:]}
    assert said("slope(queue.waiting, 10m) > 0/1s", view, subject) is None


def test_a_counter_that_begins_anew_has_not_shrunk() -> None:
    subject = recorded.a_queue()
    points = [(-60.0, 100.0), (-40.0, 130.0), (-20.0, 10.0), (0.0, 20.0)]
    view = recorded.View([subject], {("queue.failed", REF): points})
    assert said("rate(queue.failed, 1m) == 50/1m", view, subject) is True


def test_values_are_said_with_their_units() -> None:
    subject = recorded.a_queue(oldest_enqueued_at=recorded.T0 - timedelta(minutes=6), workers=0)
    view = recorded.View([subject])

    def say(text: str) -> str:
        return expression.Expression(text).said(view, subject)

    assert say("queue.oldest_wait_s") == "6 min"
    assert say("queue.workers") == "0"
    assert say("queue.paused") == "no"
    assert say("queue.waiting") == "not known"
    assert say("queue.engine") == "huey"
    assert say("2048B") == "2 KiB"
    assert say("30/1m") == "30/min"


LEAST: dict[str, dict[str, object]] = {
    "queue": {"engine": "huey", "name": "a"},
    "schedule": {"engine": "huey", "name": "a", "queue": "b", "declared": "every 1 min"},
    "worker": {"engine": "huey", "name": "a"},
    "postgres": {"version": "16", "max_connections": 100},
    "session": {"pid": 1},
    "node": {"version": "8"},
    "check": {"name": "blue"},
    "stream": {"name": "a"},
    "process": {"name": "a", "state": "ready"},
    "colour": {"name": "blue"},
    "secret": {"name": "a", "secret": "b"},
    "order": {"name": "a", "amount_paise": 1, "created_at": recorded.T0, "state": "created"},
    "host": {"name": "a", "cores": 2, "memory_bytes": 1},
    "disk": {"name": "a", "path": "/"},
    "pattern": {"name": "a", "expr": "b"},
    "group": {"engine": "huey", "queue": "a", "fingerprint": "b", "title": "c", "jobs": 1},
    "source": {"name": "pg", "source_kind": "pg", "interval_s": 1, "deadline_s": 2},
}
"""What the least one has of kinds that have more than a name."""


@pytest.mark.parametrize("fact", facts.FACTS.values(), ids=lambda fact: fact.id)
def test_the_least_entity_of_its_kind_can_be_asked_for_a_fact(fact: facts.Fact) -> None:
    entity = base.KINDS[fact.kind].model_validate(
        {"ref": "a/b/c", **LEAST.get(fact.kind, {"name": "a"})}
    )
    found = fact.read(entity, recorded.T0)
    sort = words.WORDS[fact.id].type.sort
    wanted = {words.Sort.TEXT: str, words.Sort.TRUTH: bool, words.Sort.NUMBER: (int, float)}[sort]
    assert found is None or isinstance(found, wanted)


@hypothesis.given(
    strategies.text(alphabet='queue.waitng <>=!()[]@",+-*/0159smh%andornt\n', max_size=60)
)
def test_any_text_parses_or_says_where_it_does_not(text: str) -> None:
    wrong = _wrong(text)
    if wrong is not None:
        lines = text.split("\n")
        assert 1 <= wrong.line <= len(lines)
        assert 1 <= wrong.column <= len(lines[wrong.line - 1]) + 1


def _wrong(text: str) -> errors.ExpressionError | None:
    try:
        expression.Expression(text)
    except errors.ExpressionError as wrong:
        return wrong
    return None


TRUTHS = strategies.recursive(
    strategies.sampled_from(["1 > 2", "2 > 1", "queue.workers == 0"]),
    lambda inner: strategies.one_of(
        inner.map(lambda a: f"not ({a})"),
        strategies.tuples(inner, strategies.sampled_from(["and", "or"]), inner).map(
            lambda t: f"({t[0]}) {t[1]} ({t[2]})"
        ),
    ),
    max_leaves=12,
)


@hypothesis.given(TRUTHS)
def test_what_is_known_without_data_is_so_whatever_the_data_is(text: str) -> None:
    known = said(text, recorded.View(), recorded.a_queue(workers=None))
    could_be = {said(text, recorded.View(), recorded.a_queue(workers=n)) for n in (0, 1)}
    if known is not None:
        assert could_be == {known}
    else:
        assert could_be <= {True, False}
