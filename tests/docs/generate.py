"""The documents' generated parts: `python -m tests.docs.generate` writes them, a test compares.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import click
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from mrcore import catalogue

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
OWN_PROBLEMS = {
    "defect": "a defect of the core; its log has the traceback",
    "foreign": "another site's page, or a name that is not the core's",
    "method_not_allowed": "there is this route, and not this method",
    "no_route": "there is no such route",
    "not_json": "a body whose Content-Type is not application/json",
    "starting": "not every source has been looked at yet",
    "store": "the ledger cannot be written: actions are refused",
    "too_large": "a body of more than 1 MiB",
    "too_slow": "a body that was not there within 10 s",
    "validation": "fields that are missing or wrong, by name",
}
"""What the API's own codes mean; those of errors are in their docstring."""

DOCUMENTS = (README, *sorted((ROOT / "docs").glob("*.md")))
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |"]
    lines.append("|" + "---|" * (lines[0].count(" | ") + 1))
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def keys() -> str:
    """The one table of keys."""
    module = importlib.import_module("mrtui.keys")
    rows = []
    for key in module.TABLE:
        pressed = [f"`{module.symbol(name)}`" for name in key.keys]
        if key.command:
            pressed.append(f"`:{key.command} {key.takes}`".replace(" `", "`"))
        where = f"{key.scope} ({key.kind})" if key.kind else key.scope
        rows.append((" ".join(pressed), key.label, where, f"`{key.id}`"))
    return _table(("keys", "does", "where", "id"), rows)


def actions() -> str:
    """Every action of the catalogue."""
    rows = importlib.import_module("mrcore.catalogue").ACTIONS.values()
    return _table(
        ("action", "does", "on", "risk", "role", "undo"),
        (
            (f"`{a.id}`", a.label, a.kind, a.risk, a.role, "yes" if a.undoable else "no")
            for a in rows
        ),
    )


def metrics() -> str:
    """Every metric of the catalogue."""
    rows = importlib.import_module("mrcore.catalogue").METRICS.values()
    return _table(
        ("metric", "unit", "of", "means"), ((f"`{m.id}`", m.unit, m.kind, m.label) for m in rows)
    )


def facts() -> str:
    """What conditions can name that is no metric: it has no history."""
    rows = importlib.import_module("mrcore.expr.facts").FACTS.values()
    return _table(
        ("fact", "unit", "of", "means"), ((f"`{f.id}`", f.unit, f.kind, f.label) for f in rows)
    )


def roles() -> str:
    """What each role may do, beginning with the least."""
    authority = importlib.import_module("mrcore.rights.authority")
    ranks = importlib.import_module("mrcore.trust.auth").ROLES

    def where_protected(action: catalogue.Action) -> str:
        if action.id in authority.UNARMED:
            return "the same"
        return "armed, and a second login" if action.risk == "critical" else "armed"

    rows = sorted(
        importlib.import_module("mrcore.catalogue").ACTIONS.values(),
        key=lambda a: ranks.index(a.role),
    )
    return _table(
        ("who", "may", "action", "risk", "where protected", "undo"),
        (
            (
                a.role,
                f"{a.label} ({a.kind}){', with a reason' if a.needs_reason else ''}",
                f"`{a.id}`",
                a.risk,
                where_protected(a),
                a.undo if a.undoable else f"no: {a.undo.removeprefix('not: ')}",
            )
            for a in rows
        ),
    )


def settings() -> str:
    """Every setting of the core, of each kind of source, of adapter and of channel."""
    core = importlib.import_module("mrcore.settings")
    channel = importlib.import_module("mrcore.alerts.notify.channel")
    sources = importlib.import_module("mrcore.sources").REGISTRY
    adapters = importlib.import_module("mrcore.adapters").REGISTRY
    channels = importlib.import_module("mrcore.alerts.notify").REGISTRY
    rows = [
        *_fields("", core.Settings),
        *_kinds("sources.NAME.", sources, core.SourceSettings),
        *_kinds("sources.NAME.units.NAME.", adapters),
        *_kinds("alerts.channels.NAME.", channels, channel.Settings),
    ]
    return _table(("setting", "default", "means"), rows)


Row = tuple[str, str, str]


def _kinds(
    prefix: str, registry: Mapping[str, str], common: type[BaseModel] | None = None
) -> Iterable[Row]:
    """What any kind can be told, then what each can: its own, and what is usual otherwise in it."""
    shared = {(name, default): means for name, default, means in _fields(prefix, common)}
    for (name, default), means in shared.items():
        yield name, "its name" if name.endswith(".kind`") else default, f"any kind: {means}"
    for kind, module in registry.items():
        for name, default, means in _fields(prefix, importlib.import_module(module).Settings):
            if (name, default) not in shared and not name.endswith((".kind`", "NAME.adapter`")):
                yield name, default, f"{kind}: {means}"


def _fields(prefix: str, model: type[BaseModel] | None) -> Iterable[Row]:
    for name, field in model.model_fields.items() if model else ():
        inner, many = _inner(field.annotation)
        if inner:
            yield from _fields(f"{prefix}{name}.{'NAME.' if many else ''}", inner)
            continue
        value = field.get_default(call_default_factory=True)
        default = "required" if value is PydanticUndefined else _typed(value)
        yield f"`{prefix}{name}`", default, field.description or ""


def _typed(value: Any) -> str:
    """A default as one would type it in TOML; `none` of what is empty, as one types nothing."""
    text = _toml(value)
    return "none" if text in ('""', "[]", "{}", "") else f"`{text}`"


def _toml(value: Any) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return _toml(value.get_secret_value())
        case Mapping():
            pairs = (f"{key} = {_toml(each)}" for key, each in value.items())
            return "{" + ", ".join(pairs) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case bool() | int() | float():
            return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False)


def _inner(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model that a setting is made of, or each value of it; None where it is a plain one."""
    many = get_origin(annotation) is dict
    for each in (annotation, *get_args(annotation)):
        plain = get_args(each)[0] if get_origin(each) is Annotated else each
        if isinstance(plain, type) and issubclass(plain, BaseModel):
            return plain, many
    return None, many


def routes() -> str:
    """Every route of the core."""
    gate = importlib.import_module("mrcore.api.gate")
    app = importlib.import_module("mrcore.api.app").create(None, gate.Clients())
    rows = [
        (f"`{method.upper()} {path}`", operation.get("description", "").partition("\n")[0])
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]
    return _table(("route", "answers"), rows)


def commands() -> str:
    """Every command of both programs, with what it takes."""
    screen, core = importlib.import_module("mrtui.cli"), importlib.import_module("mrcore.cli")
    rows = [
        (f"`{_taken(screen.parser(name).format_usage())}`", text)
        for name, text in screen.COMMANDS.items()
    ]
    with click.Context(core.cli, info_name="mrcore") as root:
        for name in core.VERBS:
            rows += _verbs(core.cli.get_command(root, name), root, name)
    return _table(("command", "does"), rows)


def _verbs(verb: click.Command, above: click.Context, name: str) -> Iterable[tuple[str, str]]:
    with click.Context(verb, parent=above, info_name=name) as here:
        if isinstance(verb, click.Group):
            for each in verb.list_commands(here):
                below = verb.get_command(here, each)
                assert below is not None
                yield from _verbs(below, here, each)
            return
        words = []
        for taken in verb.get_params(here):
            if isinstance(taken, click.Option) and "--help" not in taken.opts:
                value = "" if taken.is_flag else f" {taken.make_metavar(here)}"
                words.append(f"[{taken.opts[0]}{value}]")
            elif isinstance(taken, click.Argument):
                words.append(taken.make_metavar(here))
        text = (verb.help or "").partition("\n\n")[0].replace("\n", " ")
        yield f"`{' '.join([here.command_path, *words])}`", text


def _taken(usage: str) -> str:
    return " ".join(word for word in usage.removeprefix("usage: ").split() if word != "[-h]")


def problems() -> str:
    """Every code of a problem: of the errors, then of the API's own."""
    module = importlib.import_module("mrcore.errors")
    means = dict(re.findall(r"(\w+) {2,}(.+)", module.__doc__ or ""))
    rows = {
        (kind.code, kind.status): means[name]
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, module.MrError)
    }
    own = {}
    for path in sorted((ROOT / "src" / "mrcore" / "api").glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            match call:
                case ast.Call(args=[ast.Constant(int(status)), ast.Constant(str(code)), *_]):
                    own[code] = status
    routing = importlib.import_module("mrcore.api.problem")._ROUTING
    own |= {code: status for status, code in routing.items()}
    rows |= {(code, status): OWN_PROBLEMS[code] for code, status in own.items()}
    return _table(
        ("code", "status", "means"), ((f"`{c}`", str(s), text) for (c, s), text in rows.items())
    )


def _help(program: str, *words: str) -> str:
    argv = [sys.executable, "-m", program, *words, "--help"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env={"COLUMNS": "90"})
    return f"```\n$ {program} {' '.join([*words, '--help'])}\n{done.stdout.strip()}\n```"


PARTS: dict[str, Callable[[], str]] = {
    "keys": keys,
    "roles": roles,
    "commands": commands,
    "problems": problems,
    "actions": actions,
    "metrics": metrics,
    "facts": facts,
    "settings": settings,
    "routes": routes,
    "mrtui": lambda: _help("mrtui"),
    "mrtui_do": lambda: _help("mrtui", "do"),
    "mrcore": lambda: _help("mrcore"),
}


def generate(text: str) -> str:
    """A document with its generated parts made anew."""
    return PART.sub(lambda m: f"{m[1]}{PARTS[m[2]]()}\n{m[3]}", text)


if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(generate(document.read_text()))
