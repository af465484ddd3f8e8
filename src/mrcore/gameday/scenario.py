"""Scenarios as data: a TOML file read strictly, each mistake with its line.

```toml
id = "J"                         # what `mrcore gameday play` takes
title = "Redis takes no writes"
runbook = "J"                    # the one that has to mend it
seed = 7                         # of what a fault leaves to chance

[[fault]]                        # in this order; each waits for its barriers
kind = "redis.pause"             # one of faults.KINDS; what else stands here is its arguments
args = { mode = "write" }
when = "redis.canary_ok"         # injected once this is observed
until = "not redis.canary_ok"    # it is there once this is observed

[[alert]]                        # what has to fire; `subject` where it matters of what
rule = "redis_wedged"

[[operator]]                     # plays a manual step of the runbook on a simulated console
step = "rotate"
kind = "mail.up"

[expect]
diagnosis = ["paused"]           # codes that the diagnosis finds
not_diagnosed = ["stopped"]      # codes that it must not find: what it has to be told from
action = "redis.unpause"         # what it plans
recovered = "redis.canary_ok"    # what is true again at the end
recorded = ["paused → not"]      # what the audit says of the action's outcome, or a part of it
spared = ["sendReminder"]        # kinds of jobs to which nothing may be done
also = ["health_503"]            # consequences that may be told, too
```
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pydantic

from mrcore import errors
from mrcore.expr import expression, words
from mrcore.gameday import lines
from mrcore.gameday.faults import base
from mrcore.model import run

Args = Mapping[str, Any]
Kinds = Mapping[str, type[base.Fault]]

_ID = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
_TOP = frozenset({"id", "title", "runbook", "seed", "fault", "alert", "operator", "expect"})
_FAULT = frozenset({"kind", "args", "when", "until"})
_OPERATOR = frozenset({"step", "kind", "args"})
_ALERT = frozenset({"rule", "subject"})
_EXPECT = frozenset(
    {"diagnosis", "not_diagnosed", "action", "outcome", "recovered", "recorded", "spared", "also"}
)


@dataclasses.dataclass(frozen=True)
class Step:
    """One fault on the timeline; `when` and `until` are barriers, None where there is none."""

    kind: str
    fault: base.Fault
    when: expression.Expression | None = None
    until: expression.Expression | None = None


@dataclasses.dataclass(frozen=True)
class Operator:
    """Who plays a manual step of the runbook, by doing something to a simulated console."""

    step: str
    kind: str
    fault: base.Fault


@dataclasses.dataclass(frozen=True)
class Expected:
    """An alert that has to fire; without a `subject`, on whatever the rule is about."""

    rule: str
    subject: str = ""


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One scripted incident, and everything that it must lead to."""

    id: str
    title: str
    faults: tuple[Step, ...]
    alerts: tuple[Expected, ...]
    recovered: expression.Expression
    runbook: str = ""
    seed: int = 7
    operators: tuple[Operator, ...] = ()
    diagnosis: tuple[str, ...] = ()
    not_diagnosed: tuple[str, ...] = ()
    action: str = ""
    outcome: run.RunState = run.RunState.RECOVERED
    recorded: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


class _Wrong(Exception):
    """What is wrong, in which table and at which of its keys."""

    def __init__(self, sentence: str, table: lines.Table, key: str = "", line: int = 1) -> None:
        super().__init__(sentence)
        self.table = table
        self.key = key
        self.line = line


def read(text: str, where: str, kinds: Kinds, rules: Iterable[str]) -> Scenario:
    """The scenario of a file's `text`, whose faults are of `kinds` and whose alerts of `rules`.

    Raises ScenarioError that names the file, the line and what is wrong there.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise errors.ScenarioError(f"{where} is no TOML: {error}.") from None
    try:
        return _Reader(table, kinds, tuple(rules)).scenario()
    except _Wrong as wrong:
        line = lines.Lines(text).of(wrong.table, wrong.key, wrong.line)
        raise errors.ScenarioError(f"{where}:{line}: {wrong}") from None


def shipped(kinds: Kinds, rules: Iterable[str]) -> dict[str, Scenario]:
    """The scenarios that ship, by id in the order of their ids.

    Raises ScenarioError.
    """
    rules = tuple(rules)
    found: dict[str, Scenario] = {}
    folder = importlib.resources.files("mrcore.gameday") / "scenarios"
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if Path(file.name).suffix == ".toml":
            made = read(file.read_text(), file.name, kinds, rules)
            if made.id in found:
                raise errors.ScenarioError(f"{file.name}: there is a scenario {made.id} already.")
            found[made.id] = made
    return dict(sorted(found.items()))


class _Reader:
    """One parsed file, table by table."""

    def __init__(self, table: Args, kinds: Kinds, rules: Sequence[str]) -> None:
        self._table = table
        self._kinds = kinds
        self._rules = rules

    def scenario(self) -> Scenario:
        """Everything in it. Raises _Wrong."""
        top = self._table
        _keys(top, _TOP, lines.TOP)
        for key in ("fault", "alert"):
            if not top.get(key):
                raise _Wrong(f"a scenario has at least one [[{key}]].", lines.TOP)
        place = ("expect", 0)
        expect = top.get("expect")
        if not isinstance(expect, dict):
            raise _Wrong("a scenario has a table [expect].", lines.TOP)
        _keys(expect, _EXPECT, place)
        recovered = _condition(expect, "recovered", place)
        if recovered is None:
            raise _Wrong("recovered is missing.", place)
        return Scenario(
            id=self._id(),
            title=_text(top, "title", lines.TOP, needed=True),
            runbook=_text(top, "runbook", lines.TOP),
            seed=_number(top, "seed"),
            faults=tuple(self._fault(*each) for each in _tables(top, "fault")),
            alerts=tuple(self._alert(*each) for each in _tables(top, "alert")),
            operators=tuple(self._operator(*each) for each in _tables(top, "operator")),
            diagnosis=_texts(expect, "diagnosis", place),
            not_diagnosed=_texts(expect, "not_diagnosed", place),
            action=_text(expect, "action", place),
            outcome=_outcome(expect, place),
            recovered=recovered,
            recorded=_texts(expect, "recorded", place),
            spared=_texts(expect, "spared", place),
            also=self._also(expect, place),
        )

    def _id(self) -> str:
        found = _text(self._table, "id", lines.TOP, needed=True)
        if not _ID.fullmatch(found):
            raise _Wrong("an id is of letters, digits and -, at most 40.", lines.TOP, "id")
        return found

    def _fault(self, entry: Args, place: lines.Table) -> Step:
        _keys(entry, _FAULT, place)
        kind, fault = self._kind(entry, place)
        when, until = (_condition(entry, key, place) for key in ("when", "until"))
        return Step(kind, fault, when, until)

    def _operator(self, entry: Args, place: lines.Table) -> Operator:
        _keys(entry, _OPERATOR, place)
        kind, fault = self._kind(entry, place)
        return Operator(_text(entry, "step", place, needed=True), kind, fault)

    def _kind(self, entry: Args, place: lines.Table) -> tuple[str, base.Fault]:
        kind = _text(entry, "kind", place, needed=True)
        if kind not in self._kinds:
            near = words.nearest(kind, self._kinds)
            raise _Wrong(f"there is no kind {kind!r}. {near}".rstrip(), place, "kind")
        args = entry.get("args", {})
        if not isinstance(args, dict):
            raise _Wrong("args is a table: { name = value }.", place, "args")
        try:
            return kind, self._kinds[kind].model_validate(args)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            named = ".".join(map(str, first["loc"]))
            raise _Wrong(f"args of {kind}: {named}: {first['msg']}.", place, "args") from None

    def _alert(self, entry: Args, place: lines.Table) -> Expected:
        _keys(entry, _ALERT, place)
        rule = _text(entry, "rule", place, needed=True)
        self._known(rule, place, "rule")
        return Expected(rule, _text(entry, "subject", place))

    def _also(self, entry: Args, place: lines.Table) -> tuple[str, ...]:
        found = _texts(entry, "also", place)
        for rule in found:
            self._known(rule, place, "also")
        return found

    def _known(self, rule: str, place: lines.Table, key: str) -> None:
        if rule not in self._rules:
            near = words.nearest(rule, self._rules)
            raise _Wrong(f"there is no rule {rule!r}. {near}".rstrip(), place, key)


def _tables(top: Args, name: str) -> list[tuple[Args, lines.Table]]:
    found = top.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise _Wrong(f"write [[{name}]], for each {name} one.", lines.TOP, name)
    return [(each, (name, number)) for number, each in enumerate(found)]


def _keys(entry: Args, known: frozenset[str], place: lines.Table) -> None:
    for key in entry:
        if key not in known:
            near = words.nearest(key, known)
            raise _Wrong(f"there is no {key!r} here. {near}".rstrip(), place, key)


def _text(entry: Args, key: str, place: lines.Table, *, needed: bool = False) -> str:
    found = entry.get(key, "")
    if not isinstance(found, str):
        raise _Wrong(f"{key} has to be text in quotes.", place, key)
    if needed and not found:
        raise _Wrong(f"{key} is missing.", place)
    return found


def _texts(entry: Args, key: str, place: lines.Table) -> tuple[str, ...]:
    found = entry.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise _Wrong(f"{key} is a list of texts.", place, key)
    return tuple(found)


def _number(entry: Args, key: str) -> int:
    found = entry.get(key, 7)
    if not isinstance(found, int) or isinstance(found, bool):
        raise _Wrong(f"{key} is a whole number.", lines.TOP, key)
    return found


def _outcome(entry: Args, place: lines.Table) -> run.RunState:
    try:
        return run.RunState(entry.get("outcome", run.RunState.RECOVERED))
    except ValueError:
        known = ", ".join(run.RunState)
        raise _Wrong(f"outcome is one of {known}.", place, "outcome") from None


def _condition(entry: Args, key: str, place: lines.Table) -> expression.Expression | None:
    text = _text(entry, key, place)
    if not text:
        return None
    try:
        return expression.condition(text)
    except errors.ExpressionError as error:
        raise _Wrong(f"{key} {error}", place, key, error.line) from None
