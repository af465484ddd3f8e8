"""Every step of every shipped runbook finds what it is for, is chosen then, and is proven by that.

The names that a condition asks for are given as values here: what fills them is the sources' own,
and which thing of several is asked is tried on runs.
"""

from __future__ import annotations

import dataclasses
import re

import pytest

from mrcore import catalogue
from mrcore.expr import local, words
from mrcore.mentor import caches, queues, schedules
from mrcore.runbooks import book, library
from mrcore.sources.logs import patterns
from mrcore.sources.upstreams import counted
from mrcore.stack import addresses, credentials, outside
from tests.core.expr import recorded
from tests.core.runbooks import deeds, steps

KNOWN = library.load(None)
ALL = {f"{known.id}.{step.id}": step for known in KNOWN.values() for step in known.steps}
ONE = re.compile(r'\[(?:"[^"]+"|name)\]')
NAMED = re.compile(r'([a-z]+)\.\w+\[\\?"([^"\\]+)\\?"\]|huey/(schedule|queue)/([\w-]+)')
USUAL = re.compile(r"median\(([a-z_.]+), 1h\)")
WINDOW = re.compile(r"(?:avg|median|p95)\(([a-z_.]+), \w+\)")
NAMES = {name: word.type for name, word in words.WORDS.items()}
NAMES |= {f"{local.BEFORE}{name}": typed for name, typed in NAMES.items()}


def holds(asked: local.Expression, values: steps.Values) -> bool | None:
    """What a condition says where its names have these values; what is usual is what was before."""
    text = USUAL.sub(rf"{local.BEFORE}\1", ONE.sub("", asked.text))
    text = WINDOW.sub(r"\1", text)
    found = {name: words.TEXT for name in asked.locals if not name.startswith(local.BEFORE)}
    said = local.condition(text, types={**NAMES, **found}).ask(recorded.View(), None, values).value
    assert said is None or isinstance(said, bool)
    return said


def found(step: book.Step, values: steps.Values) -> str:
    """The first verdict that is true; it has to be sure of those before."""
    for verdict in sorted(step.verdicts, key=lambda each: not each.code):
        said = holds(verdict.when, values)
        if said:
            return verdict.code or "ok"
        assert said is False, f"{verdict.code}: {verdict.when.text}"
    return "unknown"


def of(name: str, given: steps.Values) -> steps.Values:
    """What was found before a step: what is given, and else nothing that is bad."""
    runbook = KNOWN[name.split(".")[0]]
    return {**{each.id: "ok" for each in runbook.steps if each.kind == "diagnose"}, **given}


def test_every_step_that_ships_is_tried_with_every_verdict() -> None:
    kinds: dict[str, set[str]] = {"fix": set(), "manual": set(), "wait": set(), "decide": set()}
    verdicts = {}
    for name, step in ALL.items():
        if step.kind == "diagnose":
            verdicts[name] = {verdict.code or "ok" for verdict in step.verdicts}
        elif step.kind in kinds:
            kinds[step.kind].add(name)
    assert {name: set(cases) for name, cases in steps.VERDICTS.items()} == verdicts
    assert set(deeds.DEEDS) == kinds["fix"] | kinds["manual"] | kinds["wait"]
    assert set(steps.ROUTES) == kinds["decide"]
    assert set(steps.SYMPTOMS) == set(KNOWN)


@pytest.mark.parametrize("name", steps.SYMPTOMS)
def test_a_symptom_is_there_and_goes(name: str) -> None:
    there, gone = steps.SYMPTOMS[name]
    assert holds(KNOWN[name].symptom, there) is True
    assert holds(KNOWN[name].symptom, gone) is False


@pytest.mark.parametrize("name", steps.VERDICTS)
def test_a_diagnosis_finds_what_it_looks_for(name: str) -> None:
    for code, values in steps.VERDICTS[name].items():
        assert found(ALL[name], values) == code
        for each in ALL[name].verdicts:
            unsaid = {None, False} if each.code and "absent(" in each.when.text else {None}
            assert holds(each.when, {}) in unsaid, "nobody has said anything"


def test_a_release_is_bad_by_its_errors_whatever_its_health_says() -> None:
    live, symptom = ALL["H.live"], KNOWN["H"].symptom
    back = ALL["H.rollback"]
    assert back.when is not None
    assert back.proof is not None
    assert holds(back.when, of("H.rollback", {"live": "errors"})) is True
    for rate, code in ((steps.ERRORS, "errors"), (steps.FEW_ERRORS, "ok"), (steps.USUAL, "ok")):
        bad = code == "errors"
        assert found(live, {**steps.WELL, **rate}) == code
        assert found(live, {**steps.AWAY, **rate}) == "ok"
        for traffic in (steps.WELL, steps.AWAY):
            assert holds(symptom, {**traffic, **rate}) is bad, "it is over when the rate is"
            assert holds(back.proof.when, {**traffic, **rate}) is not bad
    unread = steps.WELL
    assert (found(live, unread), holds(symptom, unread)) == ("ok", False), "no log is read"
    assert holds(back.proof.when, unread) is True


@pytest.mark.parametrize("name", deeds.DEEDS)
def test_a_deed_is_chosen_for_what_was_found_and_proven(name: str) -> None:
    step, deed = ALL[name], deeds.DEEDS[name]
    assert step.action == deed.action
    assert (step.kind == "fix") is bool(deed.action)
    assert not step.action or step.action in catalogue.ACTIONS
    if step.when is not None:
        assert holds(step.when, of(name, deed.found)) is True
        assert not holds(step.when, of(name, {}))
    if step.proof is None:
        assert (step.kind, deed.proven, deed.unproven) == ("manual", {}, {})
        return
    assert holds(step.proof.when, deed.proven) is True
    assert holds(step.proof.when, deed.unproven) is False


@pytest.mark.parametrize("name", steps.ROUTES)
def test_a_way_leads_where_the_cause_is(name: str) -> None:
    *cases, otherwise = ALL[name].routes
    for given, runbook in steps.ROUTES[name]:
        led = [each.runbook for each in cases if each.when and holds(each.when, of(name, given))]
        assert led == [runbook]
    for given in ({}, steps.FAILING):
        assert not any(each.when and holds(each.when, of(name, given)) for each in cases)
    assert (otherwise.when, bool(otherwise.goto)) == (None, True)


@pytest.mark.parametrize("name", [name for name, step in ALL.items() if step.kind == "note"])
def test_a_note_has_something_to_say(name: str) -> None:
    assert len(ALL[name].text) > 20


def there() -> dict[str, set[str]]:
    """The names that a stack of ours has, by what a name in brackets is of."""
    words = credentials.Credentials(*["x"] * len(dataclasses.fields(credentials.Credentials)))
    server = addresses.Server("redis://127.0.0.1", own=True)
    places = addresses.Addresses(1, server, server, 1, 1, 1, 1, {})
    probes = outside.source(places, words, "postgresql://127.0.0.1")["probes"]
    return {
        "queue": {queue.name for queue in queues.TABLE},
        "schedule": {one.name for one in schedules.fixed()},
        "upstream": set(probes),
        "smtp": {name for name, probe in probes.items() if probe.get("form") == "smtp"},
        "webhook": set(counted.HOOKS),
        "cache": set(caches.CHECKS),
        "log": set(patterns.SHIPPED),
    }


def lost(text: str) -> set[tuple[str, str]]:
    """What a text names that nobody has."""
    known = there()
    found = {(one or two, name or other) for one, name, two, other in NAMED.findall(text)}
    return {(of, name) for of, name in found if name not in known.get(of, ())}


def test_what_a_runbook_names_is_there() -> None:
    for runbook in KNOWN.values():
        assert lost(runbook.text) == set(), f"{runbook.id} names what nobody has"


@pytest.mark.parametrize(
    ("shipped", "right", "wrong"),
    [
        ("B", 'smtp.code["smtp"]', 'smtp.code["razorpay"]'),
        ("B", 'log.match_age_s["smtp_refused"]', 'log.match_age_s["smtp_refusd"]'),
        ("D", 'upstream.why[\\"razorpay\\"]', 'upstream.why[\\"razorpy\\"]'),
        ("G", 'webhook.last_s["exotel"]', 'webhook.last_s["smtp"]'),
        ("I", 'cache.age_s["kpi-dashboard"]', 'cache.age_s["kpi"]'),
        ("I", "huey/schedule/kpi-dashboard", "huey/schedule/kpi"),
    ],
)
def test_what_nobody_has_is_found(shipped: str, right: str, wrong: str) -> None:
    text = KNOWN[shipped].text
    assert right in text
    assert len(lost(text.replace(right, wrong))) == 1
