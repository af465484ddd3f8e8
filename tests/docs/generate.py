"""The README's generated parts: `python -m tests.docs.generate` writes them, a test compares them.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

README = Path(__file__).resolve().parents[2] / "README.md"
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


def settings() -> str:
    """Every setting of the core and of each kind of source."""
    core = importlib.import_module("mrcore.settings")
    common = core.SourceSettings.model_fields
    rows = list(_fields("", core.Settings)) + list(_fields("stack.", core.StackSettings))
    rows += _fields("sources.NAME.", core.SourceSettings)
    for kind, module in importlib.import_module("mrcore.sources").REGISTRY.items():
        model = importlib.import_module(module).Settings
        for name, default, means in _fields("sources.NAME.", model):
            if name.rsplit(".", 1)[1].strip("`") not in common:
                rows.append((name, default, f"{kind}: {means}"))
    return _table(("setting", "default", "means"), rows)


def _fields(prefix: str, model: type[BaseModel]) -> Iterable[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            continue
        value = field.get_default(call_default_factory=True)
        value = value.get_secret_value() if isinstance(value, SecretStr) else value
        default = "required" if value is PydanticUndefined else f"`{value}`" if value else "none"
        yield f"`{prefix}{name}`", default, field.description or ""


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


def _help(program: str, *words: str) -> str:
    argv = [sys.executable, "-m", program, *words, "--help"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env={"COLUMNS": "90"})
    return f"```\n$ {program} {' '.join([*words, '--help'])}\n{done.stdout.strip()}\n```"


PARTS: dict[str, Callable[[], str]] = {
    "keys": keys,
    "actions": actions,
    "metrics": metrics,
    "settings": settings,
    "routes": routes,
    "mrtui": lambda: _help("mrtui"),
    "mrcore": lambda: _help("mrcore"),
}


def generate(text: str) -> str:
    """The README with its generated parts made anew."""
    return PART.sub(lambda m: f"{m[1]}{PARTS[m[2]]()}\n{m[3]}", text)


if __name__ == "__main__":
    README.write_text(generate(README.read_text()))
