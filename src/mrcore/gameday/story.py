"""What became of each thing in a play: what two plays with one seed have in common. Pure.

It has no times in it, and no names that are made anew in every play: of sessions, workers, jobs,
meetings and orders there are only those fates that differ.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from mrcore.gameday import judge, scenario, watch
from mrcore.model import alert, base, plans
from mrcore.model import ref as refs

Outcomes = Mapping[base.Ref, Iterable[plans.TargetOutcome]]
"""What became of the targets of each operation."""

UNHEARD = frozenset({"no_answer", "no_route", "not_asked", "refused", "broken", "down", "away"})
"""What is said of who does not answer; which of them of who begins anew is a matter of time."""

UNSEEN = "dead"
"""What is said of a process until who starts it again has seen that it is gone."""

BEFORE = ("ok", "not_set")
"""What stands before what is played."""

FAILING = "failing"
LATELY = frozenset({FAILING, "retry_storm"})
"""What is said of a queue whose jobs failed in the last minutes: which of both, and for how long
afterwards, is a matter of time."""

AS_ONE = {
    "process": dict.fromkeys(("starting", "backoff", "restarting"), "anew"),
    "node": dict.fromkeys(("unreachable", "refused", "loading", "canary"), "away"),
}
"""What is said of a process that ends again and again, and of a server that has ended: which of it
is seen is a matter of time, and so it is told as one."""

ANEW = frozenset({"session", "worker", "job", "meeting", "order"})
"""Kinds whose things have other names in every play."""


def of(
    what: scenario.Scenario, seen: watch.Watcher, since: datetime, outcomes: Outcomes
) -> dict[str, tuple[str, ...]]:
    """By what it is about, in order: alerts, verdicts of their subjects, plans with what became of
    each of their targets, and the run with its steps. Runs for what is only a consequence of the
    fault are none of it: whether one begins before that is over is a matter of time."""
    fates: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    rules = {each.rule for each in what.alerts}
    about: dict[str, tuple[str, ...]] = {}
    for (ref, _), firing in sorted(seen.firings.items()):
        if firing.alert.rule in rules and watch.after(firing.alert, since):
            about[ref] = (*about.get(ref, ()), "fired", *_over(firing))
            subject = firing.alert.subject
            fates[f"verdicts of {named(subject)}"].add(_verdicts(seen, subject, since))
    for ref, fate in about.items():
        fates[_alert(ref)].add(fate)
    for name, deeds in _deeds(seen, since, outcomes).items():
        fates[f"plans of {name}"] |= deeds
    if (run := judge.run_of(what, seen, since)) is not None:
        steps = (f"{step.id} {step.state.value} {step.found}".rstrip() for step in run.steps)
        fates[f"run of {run.runbook}"].add((*run.codes, *steps, run.state.value))
    return dict(_told(fates))


def named(ref: base.Ref) -> str:
    """A ref without a name that is made anew in every play."""
    address = refs.parse(ref)
    return f"{address.source}/{address.kind}/*" if address.kind in ANEW else ref


def _alert(ref: base.Ref) -> str:
    rule, subject, *rest = (each.decode() for each in refs.parse(ref).ids)
    return "/".join(("core/alert", rule, named(subject), *rest))


def _verdicts(seen: watch.Watcher, subject: base.Ref, since: datetime) -> tuple[str, ...]:
    """Each that it had since it was no more ok, once: how often it went to and fro is a matter of
    time, and what stood before one of what was played last. That it was not heard is told only
    where that is all; a queue whose jobs failed in the play before, too, still says so where its
    verdict has not changed at all.
    """
    kind = refs.parse(subject).kind
    passing = UNHEARD | {UNSEEN} if kind == "process" else UNHEARD
    one = AS_ONE.get(kind, {})
    every = seen.verdicts[subject]
    codes = [one.get(said, said) for at, said in every if at >= since]
    codes = codes or [said for _, said in every[-1:] if said in LATELY]
    codes = list(itertools.dropwhile(lambda said: said in BEFORE, codes)) or codes
    found = tuple(dict.fromkeys(FAILING if said in LATELY else said for said in codes))
    heard = [said for said in found if said not in passing and said != "ok"]
    over = ("ok",) if codes and codes[-1] == "ok" and FAILING not in found else ()
    return (*heard, *over) if heard else found


def _deeds(
    seen: watch.Watcher, since: datetime, outcomes: Outcomes
) -> dict[str, set[tuple[str, ...]]]:
    """What was planned for each thing, and what became of it, in the order of the operations."""
    done: dict[base.Ref, list[str]] = defaultdict(list)
    for operation in sorted(seen.operations.values(), key=lambda each: each.id):
        if operation.started_at < since or operation.action.startswith(judge.OURS):
            continue
        for each in outcomes.get(operation.ref, ()):
            done[each.ref] += [f"{operation.action} planned", each.outcome.value]
    found: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for ref, deeds in done.items():
        found[named(ref)].add(tuple(deeds))
    return found


def _told(fates: Mapping[str, set[tuple[str, ...]]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each fate under its name; where there are several of one name, with a number."""
    for name in sorted(fates):
        for number, fate in enumerate(sorted(fates[name]), 1):
            yield (name if number == 1 else f"{name} ({number})"), fate


def _over(firing: watch.Firing) -> tuple[str, ...]:
    """How often it went to and fro in between is a matter of time, and no part of a story."""
    return () if firing.phases[-1] is alert.Phase.FIRING else ("over",)
