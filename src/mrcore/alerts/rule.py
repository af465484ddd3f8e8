"""Rules as data: a TOML file read strictly, each mistake with its line."""

from __future__ import annotations

import functools
import importlib.resources
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mrcore import errors
from mrcore.alerts import causes, places
from mrcore.alerts import state as states
from mrcore.alerts import summary as summaries
from mrcore.expr import expression, units, views, words
from mrcore.model import alert, base

BLIND = ("collector_blind", "engine_blind", "backend_blind")
"""The rules that say that a source gives no samples: what else has no data then is its doing."""

NODATA_FOR_S = 60.0
"""Whatever the time scale: it is of what is asked, which is no quicker."""

FOR_LEAST_S = 3.0
"""No time scale makes a host answer sooner: one late answer is none at the pace of production."""

SETTLE_LEAST_S = 10.0
"""No time scale makes processes come back sooner after what they depend on."""

_USUAL = states.Timing()

_ID = re.compile(r"[a-z][a-z0-9_]{0,59}")
_TEXTS = (
    "id",
    "expr",
    "until",
    "for",
    "keep_firing_for",
    "severity",
    "runbook",
    "summary",
    "escalate_after",
)
_KEYS = frozenset((*_TEXTS, "depends_on"))
_NEEDED = ("id", "expr", "severity", "summary")


class Rule(NamedTuple):
    """One rule; `summary` is its template in pieces: texts, and expressions that are said there.

    Where there is an `until`, what fires goes on until that is true, whatever `expr` says.
    """

    id: str
    expr: expression.Expression
    severity: alert.Severity
    summary: summaries.Summary
    timing: states.Timing = states.Timing()
    runbook: str = ""
    depends_on: tuple[causes.Cause, ...] = ()
    until: expression.Expression | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of entities that it needs."""
        return self.expr.kinds | (self.until.kinds if self.until else frozenset())

    def over(self, view: views.View, subject: base.Entity | None) -> bool:
        """Whether `until` is known to be true of a subject. Raises views.Failed."""
        return self.until is not None and self.until.ask(view, subject).value is True

    def say(self, view: views.View, subject: base.Entity | None) -> str:
        """The summary, of one subject as it is now."""
        return summaries.say(self.summary, view, subject)


class _Wrong(Exception):
    """What is wrong with a rule, and at which of its keys."""

    def __init__(self, sentence: str, key: str = "", line: int = 1) -> None:
        super().__init__(sentence)
        self.key = key
        self.line = line


def read(
    text: str, where: str, time_scale: float = 1.0, *, runbooks: Collection[str] | None = None
) -> dict[str, Rule]:
    """The rules of a file's `text`, by id; what they depend on may be in another file.

    Their times are divided by `time_scale`, but for those in ms and of rates. They lead to one of
    these `runbooks` (None: to any).
    Raises RuleError that names the file, the line, and what is wrong with every rule.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise errors.RuleError(f"{where} is no TOML: {error}.") from None
    lines = places.Places(text)
    if unknown := sorted(set(table) - {"rule"}):
        fix = "A rule begins with [[rule]]."
        raise errors.RuleError(
            f"{where}:{lines.top(unknown[0])}: there is no {unknown[0]!r} here.", fix=fix
        )
    entries = table.get("rule", [])
    if not isinstance(entries, list):
        raise errors.RuleError(f"{where}:{lines.top('rule')}: write [[rule]], for each rule one.")
    found: dict[str, Rule] = {}
    problems: list[str] = []
    for number, entry in enumerate(entries):
        try:
            made = _rule(entry, time_scale)
            if made.id in found:
                raise _Wrong("there is one of that id already.", "id")
            _runbook(made.runbook, runbooks)
        except _Wrong as wrong:
            named = entry.get("id") if isinstance(entry, dict) else None
            line = lines.of(number, wrong.key, wrong.line)
            problems.append(f"{where}:{line}: rule {named or number + 1}: {wrong}")
        else:
            found[made.id] = made
    _refuse(problems)
    return found


def shipped() -> str:
    """The text of the rules that ship."""
    return (importlib.resources.files("mrcore.alerts") / "rules.toml").read_text()


def load(
    shipped: str,
    own: Path | None,
    time_scale: float = 1.0,
    *,
    runbooks: Collection[str] | None = None,
) -> dict[str, Rule]:
    """The shipped rules with a person's own, which replace those of the same id.

    Their own lead to one of these `runbooks` (None: to any). Raises RuleError; also for a rule that
    depends on one that is nowhere, or on itself.
    """
    rules = dict(_read_once(shipped, time_scale))
    if own is not None:
        try:
            text = own.read_text()
        except (OSError, ValueError) as error:
            raise errors.RuleError(f"The rules in {own} cannot be read: {error}.") from None
        rules |= read(text, str(own), time_scale, runbooks=runbooks)
    check(rules)
    return rules


@functools.lru_cache(maxsize=4)
def _read_once(shipped: str, time_scale: float) -> Mapping[str, Rule]:
    """Those that ship are the same for every core of this process."""
    return read(shipped, "rules.toml", time_scale)


def check(rules: Mapping[str, Rule]) -> None:
    """Refuse dependencies that lead nowhere or in a circle. Raises RuleError."""
    _refuse(list(causes.mistakes({each.id: each.depends_on for each in rules.values()})))


def _refuse(problems: list[str]) -> None:
    """Raise what is wrong, if anything is."""
    if problems:
        more = f"{len(problems) - 1} more: mrcore alerts check." if problems[1:] else ""
        raise errors.RuleError(problems[0], problems=tuple(problems), fix=more)


def _rule(entry: object, time_scale: float) -> Rule:
    if not isinstance(entry, dict):
        raise _Wrong("it is no table.")
    entry = {key.replace("-", "_"): value for key, value in entry.items()}
    _keys(entry)
    expr = _expression(entry, "expr", time_scale)
    until = _until(entry, expr.kind, time_scale)
    windows_s = [each.window_s for each in (expr, until) if each]
    return Rule(
        id=_id(entry["id"]),
        expr=expr,
        severity=_severity(entry["severity"]),
        summary=_summary(entry["summary"], expr.kind, time_scale),
        timing=states.Timing(
            for_s=_least(_time(entry, "for"), time_scale, FOR_LEAST_S),
            keep_s=_time(entry, "keep_firing_for", time_scale),
            escalate_s=_time(entry, "escalate_after", time_scale),
            settle_s=max(_least(_USUAL.settle_s, time_scale, SETTLE_LEAST_S), *windows_s),
            flapping_s=_USUAL.flapping_s / time_scale,
        ),
        runbook=entry.get("runbook", ""),
        depends_on=_depends(entry.get("depends_on", [])),
        until=until,
    )


def _keys(entry: dict[str, Any]) -> None:
    for key, value in entry.items():
        if key not in _KEYS:
            raise _Wrong(f"there is no {key!r}. {words.nearest(key, _KEYS)}".rstrip(), key)
        if key in _TEXTS and not isinstance(value, str):
            raise _Wrong(f"{key} has to be text in quotes.", key)
    for key in _NEEDED:
        if not entry.get(key):
            raise _Wrong(f"{key} is missing.", key)


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise _Wrong("an id is of small letters, digits and _, at most 60.", "id")
    return text


def _expression(
    entry: dict[str, Any], key: str, time_scale: float, kind: str = ""
) -> expression.Expression:
    try:
        return expression.condition(entry[key], kind=kind, time_scale=time_scale)
    except errors.ExpressionError as error:
        raise _Wrong(f"{key} {error}", key, error.line) from None


def _until(entry: dict[str, Any], kind: str, time_scale: float) -> expression.Expression | None:
    """What ends it, asked of what `expr` is asked of; nothing where that ends it by itself."""
    if "until" not in entry:
        return None
    found = _expression(entry, "until", time_scale, kind)
    if found.kind != kind:
        raise _Wrong(
            f"until is asked of each {found.kind}, and expr of named things only.", "until"
        )
    return found


def _runbook(text: str, known: Collection[str] | None) -> None:
    if text and known is not None and text not in known:
        there = ", ".join(sorted(known))
        raise _Wrong(f"there is no runbook {text!r}; there are {there}.", "runbook")


def _severity(text: str) -> alert.Severity:
    try:
        return alert.Severity(text)
    except ValueError:
        known = ", ".join(alert.Severity)
        raise _Wrong(f"there is no severity {text!r}; there are {known}.", "severity") from None


def _least(time_s: float, time_scale: float, least_s: float) -> float:
    """A time divided by `time_scale`, which makes no less of it than `least_s`."""
    return max(time_s / time_scale, min(time_s, least_s))


def _time(entry: dict[str, Any], key: str, time_scale: float = 1.0) -> float:
    """`5m` in seconds, divided by `time_scale`; nothing is 0."""
    if key not in entry:
        return 0.0
    try:
        found = expression.Expression(entry[key], time_scale=time_scale)
    except errors.ExpressionError as error:
        raise _Wrong(f"{key} {error}", key) from None
    value = getattr(found.root, "is_", None)
    if found.type.unit != units.TIME or not isinstance(value, float):
        raise _Wrong(f"{key} is a time, for example 5m.", key)
    return value


def _depends(value: object) -> tuple[causes.Cause, ...]:
    """Rules, each of anything (`redis_wedged`) or of what is named (`process_down@worker`)."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _Wrong("depends_on is a list of rules.", "depends_on")
    parts = [each.partition("@") for each in value]
    if any(at and not of for _, at, of in parts):
        raise _Wrong("behind the @ of depends_on is the name of what it is about.", "depends_on")
    return tuple(causes.Cause(rule, of or "*") for rule, _, of in parts)


def _summary(text: str, kind: str, time_scale: float) -> summaries.Summary:
    try:
        return summaries.read(text, kind, time_scale)
    except errors.RuleError as error:
        raise _Wrong(f"summary {error}", "summary") from None
