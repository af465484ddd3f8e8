"""The kinds of steps, and which keys each of them takes. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args

import pydantic

from mrcore import catalogue, errors
from mrcore.acting import arguments
from mrcore.expr import words
from mrcore.model import plans, run
from mrcore.runbooks import book, table, templates

PATIENCE_S = 10.0
PROOF_S = 120.0

KINDS: tuple[str, ...] = get_args(run.StepKind)
ACTS = ("fix", "manual", "wait")
"""To these an unknown verdict is no data: what nobody knows selects nothing that acts."""

NONE = "none:"

_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")


def step(name: str, given: table.Table, title: str, prose: str, line: int) -> book.Step | None:
    """A step, with what is wrong noted; None where its kind is none, which says what it takes."""
    kind = given.text("kind")
    named = given.text("title", title)
    if not named:
        given.note("it has no title: write a heading above it.")
    made = book.Step(
        id=name,
        kind=kind,  # type: ignore[arg-type]  # one of the literals, looked at below
        title=named,
        text=prose,
        line=line,
        when=given.condition("when", acts=kind in ACTS) if given.has("when") else None,
        say=given.said("say"),
        skippable=given.flag("skippable"),
    )
    if kind not in KINDS:
        if kind:
            near = words.nearest(kind, KINDS)
            given.note(f"there is no kind {kind!r} of step. {near}".rstrip(), "kind")
        return None
    made = _BY_KIND[kind](made, given)
    given.end()
    return made


def _diagnose(made: book.Step, given: table.Table) -> book.Step:
    before = given.noted
    verdicts = tuple(_verdict(each) for each in given.tables("verdicts"))
    one_of_each = any(each.code for each in verdicts) and not all(each.code for each in verdicts)
    if not one_of_each and given.noted == before:
        given.note("a diagnosis has verdicts: at least one bad and one ok.", "verdicts")
    patience_s = given.time_s("within", PATIENCE_S)
    return made._replace(verdicts=verdicts, patience_s=patience_s)


def _verdict(each: table.Table) -> book.Verdict:
    bad, ok = each.text("bad", ""), each.flag("ok")
    if bool(bad) == ok:
        each.note('a verdict is either bad = "code" or ok = true.')
    if bad in ("ok", "unknown") or (bad and not _CODE.fullmatch(bad)):
        each.note(f"{bad!r} is no code: small letters, digits, _.", "bad")
    means, last = each.said("means"), each.flag("last")
    if ok and last:
        each.note("last is for what is bad: ok is asked at the end anyway.", "last")
    found = book.Verdict(bad, each.condition("when"), means, last)
    each.end()
    return found


def _decide(made: book.Step, given: table.Table) -> book.Step:
    before = given.noted
    routes = tuple(_route(each) for each in given.tables("routes"))
    if not routes and given.noted == before:
        given.note("routes are missing.")
    if any(route.when is None for route in routes[:-1]):
        given.note("otherwise is the last route: nothing behind it is looked at.", "routes")
    return made._replace(routes=routes)


def _route(each: table.Table) -> book.Route:
    otherwise = each.flag("otherwise")
    if otherwise == each.has("when"):
        each.note("a route has either when, or otherwise = true.")
    route = book.Route(
        when=None if otherwise else each.condition("when", needed=False),
        goto=each.text("goto", ""),
        runbook=each.text("runbook", ""),
        why=each.text("why", ""),
    )
    if bool(route.goto) == bool(route.runbook):
        each.note("a route leads to either a step (goto) or a runbook.")
    each.end()
    return route


def _fix(made: book.Step, given: table.Table) -> book.Step:
    if made.when is None:
        given.note("a fix says for which verdict it is: when is missing.")
    elif not made.when.locals and made.when.text != table.STAND_IN:
        given.note("a fix says for which verdict it is: when names no step.", "when")
    said = given.text("action")
    action = catalogue.ACTIONS.get(said)
    if action is None and said:
        near = words.nearest(said, catalogue.ACTIONS)
        given.note(f"there is no action {said!r}. {near}".rstrip(), "action")
    args = given.take("args", {}, dict)
    if action is not None:
        try:
            arguments.check(action, args)
        except errors.BadRequest as error:
            given.note(str(error), "args")
    templates.check(args, given, "args")
    _risk(given, action)
    targets = _targets(given, action)
    proof, unproven = _proof(given, "verify", before=True)
    return made._replace(
        action=said,
        args=args,
        targets=targets,
        proof=proof,
        unproven=unproven,
        rollback=_rollback(given, action),
    )


def _risk(given: table.Table, action: catalogue.Action | None) -> None:
    """The risk that a fix says is the catalogue's."""
    risk = given.text("risk", "")
    if action is not None and risk and risk != action.risk.value:
        given.note(f"risk of {action.id} is {action.risk.value} in the catalogue.", "risk")
    elif action is None and risk and risk not in list(plans.Risk):
        given.note(f"there is no risk {risk!r}. {words.nearest(risk, plans.Risk)}", "risk")


def _rollback(given: table.Table, action: catalogue.Action | None) -> str:
    """How a fix is undone: an action, or why it cannot be; what the door can undo need not say."""
    said = given.text("rollback", "")
    none = said.startswith(NONE)
    if none and not said.removeprefix(NONE).strip():
        given.note('rollback = "none: why" says why.', "rollback")
    elif action is not None and not action.undoable and not none:
        given.note(f'{action.id} cannot be undone: rollback = "none: why" says so.', "rollback")
    elif said and not none and said not in catalogue.ACTIONS:
        near = words.nearest(said, catalogue.ACTIONS)
        given.note(
            f'rollback is an action, or "none: why": there is no {said!r}. {near}'.rstrip(),
            "rollback",
        )
    return said


def _manual(made: book.Step, given: table.Table) -> book.Step:
    if not made.text:
        given.note("what is to be done by hand stands above the block, as text.")
    proof, unproven = _proof(given, "done")
    return made._replace(proof=proof, unproven=unproven)


def _wait(made: book.Step, given: table.Table) -> book.Step:
    proof, unproven = _proof(given, "until")
    if unproven:
        given.note("until is what is waited for: { when, within, hold }.", "until")
    return made._replace(proof=proof, unproven=unproven)


def _note(made: book.Step, given: table.Table) -> book.Step:
    if not made.text:
        given.note("a note stands above its block, as text.")
    return made


def _proof(given: table.Table, key: str, *, before: bool = False) -> tuple[book.Proof | None, str]:
    """What proves a step, or why nothing does."""
    if not given.has(key):
        given.note(f'{key} is missing: {{ when, within, hold }}, or "none: why".')
    value = given.take(key, None, dict, str)
    if isinstance(value, str):
        why = value.removeprefix(NONE).strip()
        if not value.startswith(NONE) or not why:
            given.note(f'{key} is {{ when, within, hold }}, or "none: why".', key)
        return None, why
    if value is None:
        return None, ""
    each = given.inner(value, key)
    proof = book.Proof(
        each.condition("when", before=before, acts=True),
        within_s=each.time_s("within", PROOF_S),
        hold_s=each.time_s("hold", 0.0),
    )
    each.end()
    return proof, ""


def _targets(given: table.Table, action: catalogue.Action | None) -> book.Targets:
    """What it acts on: { of }, { where }, or { of, collection, query }."""
    each = given.inner(given.take("on", {}, dict), "on")
    of, collection = each.text("of", ""), each.text("collection", "")
    query = each.take("query", {}, dict)
    acts, kind = (action.id, action.kind) if action else ("", "")
    where = each.condition("where", kind=kind, acts=True) if each.has("where") else None
    before = given.noted
    each.end()
    if given.noted > before:
        return book.Targets()
    if each.has("of") == each.has("where"):
        given.note('a fix says on what: on = { of = "{{subject}}" } or { where = … }.', "on")
    if query and not collection:
        given.note("a query is of a collection.", "query")
    templates.check(query, given, "query")
    try:
        plans.Query.model_validate(query)
    except pydantic.ValidationError as error:
        for wrong in error.errors():
            key = str(wrong["loc"][0]) if wrong["loc"] else "query"
            given.note(f"query: {key}: {wrong['msg']}.", key)
    found = templates.check(of, given, "on")
    if not collection and found and kind and found != kind:
        given.note(f"{acts} acts on a {kind}, and {of} is a {found}.", "on")
    return book.Targets(of, where, collection, query)


_BY_KIND: dict[str, Callable[[book.Step, table.Table], book.Step]] = {
    "diagnose": _diagnose,
    "decide": _decide,
    "fix": _fix,
    "manual": _manual,
    "wait": _wait,
    "note": _note,
}
