"""A runbook's text into a runbook: everything checked, every mistake with its line. Pure.

What hangs on something that could not be read is not checked: it would be no mistake of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from mrcore import errors
from mrcore.expr import words
from mrcore.runbooks import book, document, kinds, names, table

HOLD_S, WITHIN_S = 180.0, 900.0

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
_STEP_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PARAM = re.compile(r"\bparams\.[a-z][a-z0-9_]*")
_TAKEN = ("and", "or", "not", "in", "true", "false")
_NAMED = re.compile(r"""^\s*id\s*=\s*["']([^"'\n]+)["']""", re.MULTILINE)
_PLAIN = ("text", "number")
_SEVERITIES = ("SEV1", "SEV2", "SEV3", "SEV4")


class Reading(NamedTuple):
    """What became of a text: a runbook, or every mistake of it in `problems`, with file and line.

    `id` is known wherever it could be read.
    """

    runbook: book.Runbook | None
    problems: tuple[str, ...] = ()
    id: str = ""


def read(text: str, where: str, time_scale: float = 1.0) -> book.Runbook:
    """The runbook in `text`; its times, but for those in ms and of rates, over `time_scale`.

    Raises RunbookError that has every mistake with its file and line.
    """
    found = reading(text, where, time_scale)
    if found.runbook is None:
        raise errors.RunbookError(found.problems[0], problems=found.problems)
    return found.runbook


def reading(text: str, where: str, time_scale: float = 1.0) -> Reading:
    """The runbook in `text`, or all that is wrong with it."""
    taken = document.read(text)
    notes = table.Notes([*taken.wrong], time_scale)
    made, known = _front(taken, text, where, notes)
    steps = _Steps(known, notes)
    for block in taken.steps:
        steps.read(block)
    steps.gotos()
    if not taken.steps:
        notes.wrong.append(document.Wrong("it has no step: a block ```toml with [step.NAME].", 1))
    if not notes.wrong:
        return Reading(made._replace(steps=tuple(steps.made)), id=made.id)
    wrong = sorted(notes.wrong, key=lambda each: each.line)
    said = dict.fromkeys(f"{where}:{each.line}: {each}" for each in wrong)
    return Reading(None, tuple(said), made.id)


class _Steps:
    """The steps so far; one that could not be read is there by its name."""

    def __init__(self, known: names.Names, notes: table.Notes) -> None:
        self.made: list[book.Step] = []
        self._known = known
        self._notes = notes
        self._order: dict[str, int] = {}
        self._gotos: list[tuple[int, str, int]] = []

    def read(self, block: document.Block) -> None:
        """Every step of a block."""
        try:
            given = block.table() if block.whole else None
        except document.Wrong as error:
            self._by_piece(block, error)
            return
        if given is None:
            self._by_name(block)
        else:
            self._table(block, given)

    def _by_piece(self, block: document.Block, whole: document.Wrong) -> None:
        """What is no TOML as a whole may be it step by step, and then says what is wrong."""
        before = len(self._notes.wrong)
        for piece in block.pieces():
            try:
                given = piece.table()
            except document.Wrong as error:
                self._notes.wrong.append(error)
                self._unread(piece.step(), piece)
            else:
                self._table(piece, given)
        if len(self._notes.wrong) == before:
            self._notes.wrong.append(whole)

    def _by_name(self, block: document.Block) -> None:
        for piece in block.pieces():
            self._unread(piece.step(), piece)

    def _table(self, block: document.Block, given: Mapping[str, Any]) -> None:
        found = given.get("step")
        for key, other in given.items():
            if key == "step":
                continue
            said = f"there is no {key!r} here: a step begins with [step.NAME]."
            self._wrong(said, block.line_of(key))
            for name in other if isinstance(other, dict) else ():
                self._name(name, None)
        if not isinstance(found, dict) or not found:
            if "step" in given or not given:
                self._wrong("a step begins with [step.NAME].", block.line)
            return
        for name, each in found.items():
            at = block.line_of(f"step.{name}")
            if not isinstance(each, dict):
                self._wrong("a step begins with [step.NAME].", at)
            elif not _STEP_ID.fullmatch(name) or name in _TAKEN:
                self._wrong(f"{name!r} is no name of a step: small letters, digits, _.", at)
                self._step(name, each, block, at)
            else:
                self._step(name, each, block, at)

    def _step(self, name: str, given: Mapping[str, Any], block: document.Block, at: int) -> None:
        twice = name in self._order
        if twice:
            self._wrong(f"there are two steps {name!r}.", at)
        before = len(self._notes.wrong)
        begin = max(0, block.text.find(f"step.{name}"))
        reader = table.Table(given, block, begin, self._notes, self._known)
        made = kinds.step(name, reader, block.title, block.prose, at)
        whole = made is not None and len(self._notes.wrong) == before and not twice
        self._name(name, names.found(made) if made and whole else None)
        if made is not None:
            self.made.append(made)
            for route in made.routes:
                line = block.line_of(f'"{route.goto}"', after=f"step.{name}")
                self._gotos.append((self._order[name], route.goto, line))

    def _unread(self, name: str, block: document.Block) -> None:
        if name in self._order:
            self._wrong(f"there are two steps {name!r}.", block.line_of(f"step.{name}"))
        if name:
            self._name(name, None)

    def _name(self, name: str, found: tuple[str, ...] | None) -> None:
        self._order.setdefault(name, len(self._order))
        self._known = self._known.after(name, found)

    def gotos(self) -> None:
        """A decision leads forward, to a step that is there: so a run always ends."""
        for number, goto, line in self._gotos:
            if goto and goto not in self._order:
                near = words.nearest(goto, self._order)
                self._wrong(f"goto {goto!r} is no step. {near}".rstrip(), line)
            elif goto and self._order[goto] <= number:
                self._wrong(f"goto {goto!r} does not come later.", line)

    def _wrong(self, sentence: str, line: int) -> None:
        self._notes.wrong.append(document.Wrong(sentence, line))


def _front(
    taken: document.Document, text: str, where: str, notes: table.Notes
) -> tuple[book.Runbook, names.Names]:
    """The runbook without its steps, and what these can name."""
    # Of front matter that cannot be read every parameter that is named may be one.
    anything = names.Names("", dict.fromkeys(_PARAM.findall(text), ""))
    front, given = taken.front, dict[str, Any]()
    try:
        given = front.table() if front else {}
    except document.Wrong as error:
        notes.wrong.append(error)
        named = _NAMED.search(front.text) if front else None
        front, given = None, {"id": named[1]} if named else {}
    unread = front is None
    into = table.Notes([], notes.time_scale) if unread else notes
    top = table.Table(given, front or document.Block("", 1), 0, into, names.Names())
    made = _runbook(top, taken, text, where)
    params = {each.said: each.type for each in made.params}
    if into.wrong and not isinstance(given.get("params"), dict):
        params = dict(anything.params)  # they may stand there under a name with a slip in it
    return made, anything if unread else names.Names(made.about, params)


def _runbook(top: table.Table, taken: document.Document, text: str, where: str) -> book.Runbook:
    made = book.Runbook(
        id=top.text("id"),
        title=top.text("title"),
        about=top.text("about", ""),
        symptom=top.condition("symptom"),
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
    top.end()
    if made.id and not _ID.fullmatch(made.id):
        top.note("an id is of letters, digits, - and _, at most 60.", "id")
    if made.severity and made.severity not in _SEVERITIES:
        top.note(f"severity is one of {', '.join(_SEVERITIES)}.", "severity")
    if made.about and made.about not in known_kinds():
        near = words.nearest(made.about, known_kinds())
        said = f"there is no kind {made.about!r} of which anything is known. {near}"
        top.note(said.rstrip(), "about")
        return made._replace(about="")
    return made


def known_kinds() -> frozenset[str]:
    """The kinds of entities of which expressions know something."""
    return frozenset(word.kind for word in words.WORDS.values())


def _params(top: table.Table) -> tuple[book.Param, ...]:
    """`params = { payment_id = { type = "text", required = true, pattern = "pay_\\w+" } }`"""
    return tuple(_param(top, name, each) for name, each in top.take("params", {}, dict).items())


def _param(top: table.Table, name: str, given: object) -> book.Param:
    """A parameter; its type is empty where that is none."""
    if not _STEP_ID.fullmatch(name) or not isinstance(given, dict):
        top.note(f"{name} is a table: {name} = {{ type = … }}.", name)
        return book.Param(name, "")
    each = top.inner(given, name)
    param = book.Param(
        name,
        each.text("type"),
        required=each.flag("required"),
        pattern=each.text("pattern", ""),
        usual=each.text("usual", ""),
    )
    each.end()
    try:
        re.compile(param.pattern)
    except re.error as error:
        each.note(f"pattern is no regular expression: {error}.", "pattern")
    if not param.type or param.type in _PLAIN or param.type in known_kinds():
        return param
    near = words.nearest(param.type, (*_PLAIN, *known_kinds()))
    said = f"{param.type!r} is no type: text, number or a kind. {near}"
    each.note(said.rstrip(), "type")
    return param._replace(type="")
