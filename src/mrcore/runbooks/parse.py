"""A runbook's text into a runbook: everything checked, every mistake with its line. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mrcore import errors
from mrcore.expr import local, words
from mrcore.runbooks import book, document, kinds, table

HOLD_S, WITHIN_S = 180.0, 900.0

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
_STEP_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PLAIN = ("text", "number")
_SEVERITIES = ("SEV1", "SEV2", "SEV3", "SEV4")


def read(text: str, where: str, time_scale: float = 1.0) -> book.Runbook:
    """The runbook in `text`; its times, but for those in ms and of rates, over `time_scale`.

    Raises RunbookError that has every mistake with its file and line.
    """
    wrong: list[document.Wrong] = []
    made = None
    try:
        made = _read(text, where, time_scale, wrong)
    except document.Wrong as error:
        wrong.insert(0, error)
    if wrong or made is None:
        wrong.sort(key=lambda each: each.line)
        problems = tuple(f"{where}:{each.line}: {each}" for each in wrong)
        raise errors.RunbookError(problems[0], problems=problems)
    return made


def _read(
    text: str, where: str, time_scale: float, wrong: list[document.Wrong]
) -> book.Runbook | None:
    taken = document.read(text)
    top = table.Table(taken.front.table(), taken.front, "", time_scale)
    made = _front(top, taken, text, where)
    types = {param.said: words.TEXT for param in made.texts}
    steps: list[book.Step] = []
    blocks: dict[str, document.Block] = {}
    for block in taken.steps:
        try:
            for name, given in _named(block):
                before = dict(types)
                if name in types:
                    at = block.line_of(f"step.{name}")
                    raise document.Wrong(f"there are two steps {name!r}.", at)
                types[name], blocks[name] = words.TEXT, block
                reader = table.Table(given, block, f"step.{name}", time_scale)
                steps.append(kinds.step(name, reader, block, made, before))
        except document.Wrong as error:
            wrong.append(error)
    wrong += _gotos(steps, types, blocks)
    if not taken.steps:
        raise document.Wrong("it has no step: a block ```toml with [step.NAME].", 1)
    return made._replace(steps=tuple(steps))


def _named(block: document.Block) -> list[tuple[str, Mapping[str, Any]]]:
    """The steps of a block, by name."""
    given = block.table()
    for key in given:
        if key != "step":
            raise document.Wrong(
                f"there is no {key!r} here: a step begins with [step.NAME].", block.line_of(key)
            )
    found = given.get("step")
    if not isinstance(found, dict) or not found:
        raise document.Wrong("a step begins with [step.NAME].", block.line)
    for name, each in found.items():
        at = block.line_of(f"step.{name}")
        if not isinstance(each, dict):
            raise document.Wrong("a step begins with [step.NAME].", at)
        if not _STEP_ID.fullmatch(name) or name in ("and", "or", "not", "in", "true", "false"):
            raise document.Wrong(f"{name!r} is no name of a step: small letters, digits, _.", at)
    return list(found.items())


def _front(top: table.Table, taken: document.Document, text: str, where: str) -> book.Runbook:
    made = book.Runbook(
        id=top.text("id"),
        title=top.text("title"),
        about=(about := top.text("about", "")),
        symptom=top.condition("symptom", {}, kind=""),
        recovers=top.text("recovers"),
        severity=top.text("severity"),
        owner=top.text("owner"),
        hold_s=top.time_s("hold", HOLD_S),
        within_s=top.time_s("within", WITHIN_S),
        params=_params(top),
        steps=(),
        intro=taken.intro,
        text=text,
        where=where,
    )
    if not _ID.fullmatch(made.id):
        raise top.wrong("an id is of letters, digits, - and _, at most 60.", "id")
    if made.severity not in _SEVERITIES:
        raise top.wrong(f"severity is one of {', '.join(_SEVERITIES)}.", "severity")
    if about and about not in known_kinds():
        raise top.wrong(f"there is no kind {about!r} of which anything is known.", "about")
    top.end()
    return made


def known_kinds() -> frozenset[str]:
    """The kinds of entities of which expressions know something."""
    return frozenset(word.kind for word in words.WORDS.values())


def _params(top: table.Table) -> tuple[book.Param, ...]:
    """`params = { payment_id = { type = "text", required = true, pattern = "pay_\\w+" } }`"""
    made = []
    for name, given in top.take("params", {}, dict).items():
        if not _STEP_ID.fullmatch(name) or not isinstance(given, dict):
            raise top.wrong(f"{name} is a table: {name} = {{ type = … }}.", name)
        each = top.inner(given, f"{name} =")
        param = book.Param(
            name,
            each.text("type"),
            required=each.flag("required"),
            pattern=each.text("pattern", ""),
            usual=each.text("usual", ""),
        )
        each.end()
        if param.type not in _PLAIN and param.type not in known_kinds():
            raise each.wrong(f"{param.type!r} is no type: text, number or a kind.", "type")
        try:
            re.compile(param.pattern)
        except re.error as error:
            raise each.wrong(f"pattern is no regular expression: {error}.", "pattern") from None
        made.append(param)
    return tuple(made)


def _gotos(
    steps: list[book.Step], types: local.Types, blocks: Mapping[str, document.Block]
) -> list[document.Wrong]:
    """A decision leads forward, to a step that is there: so a run always ends."""
    places = {step.id: number for number, step in enumerate(steps)}
    wrong = []
    for number, step in enumerate(steps):
        for route in step.routes:
            if route.goto and places.get(route.goto, 0) <= number:
                why = "is no step" if route.goto not in types else "does not come later"
                near = words.nearest(route.goto, types) if route.goto not in types else ""
                at = blocks[step.id].line_of(f'"{route.goto}"', after=f"step.{step.id}")
                wrong.append(document.Wrong(f"goto {route.goto!r} {why}. {near}".rstrip(), at))
    return wrong
