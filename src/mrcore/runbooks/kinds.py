"""The kinds of steps, and which keys each of them takes. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

import pydantic

from mrcore import catalogue, errors
from mrcore.acting import arguments
from mrcore.expr import local, words
from mrcore.model import plans, ref, run
from mrcore.runbooks import book, document, table

PATIENCE_S = 10.0
PROOF_S = 120.0

KINDS: tuple[str, ...] = get_args(run.StepKind)
TEMPLATE = re.compile(r"\{\{\s*([a-z_][a-z0-9_.]*)\s*\}\}")
ID = ".id"
"""What stands behind a step's name in `{{STEP.id}}`: the last id of what decided it."""

NONE = "none:"

_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")


def step(
    name: str,
    given: table.Table,
    block: document.Block,
    runbook: book.Runbook,
    types: local.Types,
) -> book.Step:
    """A step; `types` are the steps before it, whose verdicts it may ask for. Raises Wrong."""
    kind = given.text("kind")
    if kind not in KINDS:
        near = words.nearest(kind, KINDS)
        raise given.wrong(f"there is no kind {kind!r} of step. {near}".rstrip(), "kind")
    title = given.text("title", "") or block.title
    if not title:
        raise given.wrong("it has no title: write a heading above it.")
    made = book.Step(
        id=name,
        kind=kind,  # type: ignore[arg-type]  # one of the literals, looked at above
        title=title,
        text=block.prose,
        line=block.line_of(f"step.{name}"),
        when=given.condition("when", types) if given.has("when") else None,
        say=given.said("say", types, runbook.about),
        skippable=given.flag("skippable"),
    )
    made = _BY_KIND[kind](made, given, runbook, types)
    given.end()
    return made


def _diagnose(
    made: book.Step, given: table.Table, runbook: book.Runbook, types: local.Types
) -> book.Step:
    verdicts = []
    for each in given.tables("verdicts"):
        bad, ok = each.text("bad", ""), each.flag("ok")
        if bool(bad) == ok:
            raise each.wrong('a verdict is either bad = "code" or ok = true.')
        if bad in ("ok", "unknown") or (bad and not _CODE.fullmatch(bad)):
            raise each.wrong(f"{bad!r} is no code: small letters, digits, _.", "bad")
        means, last = each.said("means", types, runbook.about), each.flag("last")
        if ok and last:
            raise each.wrong("last is for what is bad: ok is asked at the end anyway.", "last")
        verdicts.append(book.Verdict(bad, each.condition("when", types), means, last))
        each.end()
    if not any(each.code for each in verdicts) or all(each.code for each in verdicts):
        raise given.wrong("a diagnosis has verdicts: at least one bad and one ok.", "verdicts")
    patience_s = given.time_s("within", PATIENCE_S)
    return made._replace(verdicts=tuple(verdicts), patience_s=patience_s)


def _decide(
    made: book.Step, given: table.Table, runbook: book.Runbook, types: local.Types
) -> book.Step:
    routes = []
    for each in given.tables("routes"):
        otherwise = each.flag("otherwise")
        if otherwise == each.has("when"):
            raise each.wrong("a route has either when, or otherwise = true.")
        route = book.Route(
            when=None if otherwise else each.condition("when", types),
            goto=each.text("goto", ""),
            runbook=each.text("runbook", ""),
            why=each.text("why", ""),
        )
        if bool(route.goto) == bool(route.runbook):
            raise each.wrong("a route leads to either a step (goto) or a runbook.")
        each.end()
        routes.append(route)
    if not routes:
        raise given.wrong("routes are missing.")
    if any(route.when is None for route in routes[:-1]):
        raise given.wrong("otherwise is the last route: nothing behind it is looked at.", "routes")
    return made._replace(routes=tuple(routes))


def _fix(
    made: book.Step, given: table.Table, runbook: book.Runbook, types: local.Types
) -> book.Step:
    if made.when is None or not made.when.locals:
        raise given.wrong("a fix says for which verdict it is: when is missing.", "when")
    action = catalogue.ACTIONS.get(given.text("action"))
    if action is None:
        said = given.text("action")
        near = words.nearest(said, catalogue.ACTIONS)
        raise given.wrong(f"there is no action {said!r}. {near}".rstrip(), "action")
    args = given.take("args", {}, dict)
    try:
        arguments.check(action, args)
    except errors.BadRequest as error:
        raise given.wrong(str(error), "args") from None
    _templates(args, given, runbook, types, "args")
    if (risk := given.text("risk", "")) and risk != action.risk.value:
        raise given.wrong(f"risk of {action.id} is {action.risk.value} in the catalogue.", "risk")
    rollback = given.text("rollback", "")
    if not action.undoable and not rollback.startswith(NONE):
        raise given.wrong(
            f'{action.id} cannot be undone: rollback = "none: why" says so.', "rollback"
        )
    proof, unproven = _proof(given, "verify", types, before=True)
    return made._replace(
        action=action.id,
        args=args,
        targets=_targets(given, action, runbook, types),
        proof=proof,
        unproven=unproven,
        rollback=rollback,
    )


def _manual(
    made: book.Step, given: table.Table, runbook: book.Runbook, types: local.Types
) -> book.Step:
    if not made.text:
        raise given.wrong("what is to be done by hand stands above the block, as text.")
    proof, unproven = _proof(given, "done", types)
    return made._replace(proof=proof, unproven=unproven)


def _wait(
    made: book.Step, given: table.Table, runbook: book.Runbook, types: local.Types
) -> book.Step:
    proof, unproven = _proof(given, "until", types)
    if proof is None:
        raise given.wrong("until is what is waited for: { when, within, hold }.", "until")
    return made._replace(proof=proof, unproven=unproven)


def _note(
    made: book.Step, given: table.Table, runbook: book.Runbook, types: local.Types
) -> book.Step:
    if not made.text:
        raise given.wrong("a note stands above its block, as text.")
    return made


def _proof(
    given: table.Table, key: str, types: local.Types, *, before: bool = False
) -> tuple[book.Proof | None, str]:
    """What proves a step, or why nothing does."""
    if not given.has(key):
        raise given.wrong(f'{key} is missing: {{ when, within, hold }}, or "none: why".')
    value = given.take(key, None, dict, str)
    if isinstance(value, str):
        why = value.removeprefix(NONE).strip()
        if not value.startswith(NONE) or not why:
            raise given.wrong(f'{key} is {{ when, within, hold }}, or "none: why".', key)
        return None, why
    each = given.inner(value, f"{key} =")
    proof = book.Proof(
        each.condition("when", types, before=before),
        within_s=each.time_s("within", PROOF_S),
        hold_s=each.time_s("hold", 0.0),
    )
    each.end()
    return proof, ""


def _targets(
    given: table.Table,
    action: catalogue.Action,
    runbook: book.Runbook,
    types: local.Types,
) -> book.Targets:
    """What it acts on: { of }, { where }, or { of, collection, query }."""
    each = given.inner(given.take("on", {}, dict), "on =")
    of, collection = each.text("of", ""), each.text("collection", "")
    query = each.take("query", {}, dict)
    where = each.condition("where", types, kind=action.kind) if each.has("where") else None
    each.end()
    if bool(of) == (where is not None):
        raise given.wrong('a fix says on what: on = { of = "{{subject}}" } or { where = … }.', "on")
    if query and not collection:
        raise given.wrong("a query is of a collection.", "query")
    _templates(query, given, runbook, types, "query")
    try:
        plans.Query.model_validate(query)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else "query"
        raise given.wrong(f"query: {key}: {first['msg']}.", key) from None
    if of:
        kind = _templates(of, given, runbook, types, "on")
        if not collection and kind and kind != action.kind:
            raise given.wrong(f"{action.id} acts on a {action.kind}, and {of} is a {kind}.", "on")
    return book.Targets(of, where, collection, query)


def _templates(
    value: Any, given: table.Table, runbook: book.Runbook, types: local.Types, key: str
) -> str:
    """Check every `{{…}}` in a value; the kind of a text that is nothing else, or is a ref."""
    known = {"subject": runbook.about, **{p.said: p.type for p in runbook.params}}
    if key != "on":
        known |= {f"{name}{ID}": "" for name in types if name not in known}
    for name in _named(value):
        if name not in known:
            near = words.nearest(name, known)
            raise given.wrong(f"there is no {{{{{name}}}}}. {near}".rstrip(), key)
    if not isinstance(value, str):
        return ""
    if whole := TEMPLATE.fullmatch(value.strip()):
        return known[whole[1]]
    try:
        return ref.parse(value).kind if key == "on" else ""
    except ValueError:
        raise given.wrong(f"{value!r} is no ref.", key) from None


def _named(value: Any) -> Iterator[str]:
    """The names in every `{{…}}` of a value."""
    if isinstance(value, str):
        yield from TEMPLATE.findall(value)
    inner = value.values() if isinstance(value, Mapping) else value
    for each in inner if isinstance(value, Mapping | list) else ():
        yield from _named(each)


def of_steps(*values: Any) -> set[str]:
    """The `{{STEP.id}}` in values: what has decided an earlier step, which may be nothing."""
    names = (name for value in values for name in _named(value))
    return {name for name in names if name.endswith(ID) and not name.startswith("params.")}


_BY_KIND: dict[str, Callable[[book.Step, table.Table, book.Runbook, local.Types], book.Step]] = {
    "diagnose": _diagnose,
    "decide": _decide,
    "fix": _fix,
    "manual": _manual,
    "wait": _wait,
    "note": _note,
}
