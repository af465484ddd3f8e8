"""The coverage table as it stands in `docs/coverage.md`, and what there is in code and tests."""

from __future__ import annotations

import ast
import functools
import importlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import routing

from mrcore.mentor import app, queues, schedules, signalling
from mrcore.mentor.board import routes, told
from mrcore.runbooks import library

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "coverage.md"
MENTOR = ROOT / "src" / "mrcore" / "mentor"
VERBS = ("backend", "worker", "rqworker", "seed", "upstreams")
CONFIG_ID = "<configId>"
_ENVIRONMENTS = ("env", "os.environ")

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)(?:\[([^`]*)\])?`")
_TABLE = re.compile(r"^CREATE TABLE (?:public\.)?([\w.]+)", re.MULTILINE)


class Row(NamedTuple):
    """A row of the table; `tests` are file, function and, of one case of it, its name or ""."""

    heading: str
    item: str
    where: str
    here: str
    tests: tuple[tuple[str, str, str], ...]


def rows(text: str) -> Iterator[Row]:
    """Every row with four cells, below its heading."""
    heading = ""
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == 4 and cells[0] != "item":
            item, where, here, tests = cells
            yield Row(heading, item.replace("`", ""), where, here, tuple(_TEST.findall(tests)))


def routes_of_the_backend() -> set[str]:
    """Every route as `GET /path`, and the board's two."""
    paths = app.create("blue", {}).openapi()["paths"]
    board = routes.Board(told.Told.read({}), now=app.utc_now).router.routes
    known = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    for route in board:
        assert isinstance(route, routing.APIRoute)
        several = len(route.methods) > 1
        known.add(route.path if several else f"{min(route.methods)} {route.path}")
    return known


def events() -> set[str]:
    """Every event that Socket.IO takes."""
    nobody: Any = None
    return set(signalling.Signalling(nobody, frozenset())._server.handlers["/"])


def schedules_of_the_backend() -> set[str]:
    """The fixed ones, and those of a config."""
    named = {name for kind in queues.SYNC_JOBS for name in schedules.names(kind, CONFIG_ID)}
    return {one.name for one in schedules.fixed()} | named


def tables() -> set[str]:
    """Every table that the schema or its runner makes."""
    texts = [path.read_text() for path in sorted((MENTOR / "schema").glob("*.sql"))]
    return {name for text in texts for name in _TABLE.findall(text)} | {"mentor_migrations"}


def steps() -> set[str]:
    """Every step of every runbook that ships."""
    known = library.load(None).values()
    return {f"{runbook.id}.{step.id}" for runbook in known for step in runbook.steps}


def variables() -> set[str]:
    """Every name that Mr. Mentor's processes ask their environment for."""
    verbs = [ROOT / "src" / "mrcore" / "cli" / f"{verb}.py" for verb in VERBS]
    found = set[str]()
    for path in (*sorted(MENTOR.rglob("*.py")), *verbs):
        tree = ast.parse(path.read_text())
        named = dict(_constants(tree))
        for asked in _asked(tree):
            name = asked.value if isinstance(asked, ast.Constant) else named.get(ast.unparse(asked))
            if isinstance(name, str):
                found.add(name)
    return found


def _constants(tree: ast.Module) -> Iterator[tuple[str, object]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                yield ast.unparse(target), node.value.value


def _asked(tree: ast.Module) -> Iterator[ast.expr]:
    """What `env.get(…)`, `env[…]` and `number(env, …)` ask for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is_environment(node.value):
            yield node.slice
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.removesuffix(".get") in _ENVIRONMENTS:
                yield node.args[0]
            elif called.endswith("number") and _is_environment(node.args[0]):
                yield node.args[1]


def _is_environment(node: ast.expr) -> bool:
    return ast.unparse(node) in _ENVIRONMENTS


@functools.cache
def functions(file: str) -> frozenset[str]:
    """The test functions of a file; none where there is no such file."""
    path = ROOT / file
    if not path.exists():
        return frozenset()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def cases(file: str, name: str) -> set[str]:
    """What pytest calls the cases of a test that is parametrised once."""
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    marks = [m for m in getattr(module, name).pytestmark if m.name == "parametrize"]
    (mark,) = marks
    names, values = mark.args[0], mark.args[1]
    names = names.split(",") if isinstance(names, str) else names
    if mark.kwargs.get("ids"):
        return set(mark.kwargs["ids"])
    return {_case(value if len(names) > 1 else (value,)) for value in values}


def _case(values: Iterable[Any]) -> str:
    return "-".join(str(getattr(value, "__name__", value)) for value in values)
