"""What a process loads: start-up is paid for by every person, every time."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mrcore

LOADED = """
import sys
sys.argv = {argv!r}
try:
    {statement}
except SystemExit:
    pass
print("\\nLOADED", *sorted({{name.split(".")[0] for name, there in sys.modules.items() if there}}))
"""


def loaded(statement: str, *argv: str) -> set[str]:
    """The top-level modules that a statement leaves loaded in a fresh interpreter."""
    code = LOADED.format(argv=list(argv), statement=statement)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.rsplit("LOADED", 1)[1].split())


def test_help_of_the_screen_is_light() -> None:
    names = loaded("from mrtui.cli import main; main()", "mrtui", "--help")
    assert "mrtui" in names
    assert not names & {"textual", "rich", "pydantic", "httpx", "fastapi", "redis"}


def test_help_of_the_core_is_light() -> None:
    names = loaded("from mrcore.cli import main; main()", "mrcore", "--help")
    assert "mrcore" in names
    assert not names & {"fastapi", "pydantic", "redis", "rq", "huey", "asyncpg", "uvicorn"}


@pytest.mark.parametrize("module", ["mrtui.app", "mrtui.link", "mrtui.world"])
def test_the_screen_never_loads_what_the_core_watches_with(module: str) -> None:
    names = loaded(f"import {module}")
    assert not names & {"redis", "rq", "huey", "fastapi", "asyncpg", "uvicorn", "psutil"}


def test_the_first_frame_needs_no_model() -> None:
    names = loaded("import mrtui.app")
    assert "textual" in names
    assert not names & {"pydantic", "httpx", "httpx_sse"}


def test_pickle_is_imported_only_by_the_restricted_reader() -> None:
    root = Path(mrcore.__file__).parent
    unpicklers = {"pickle", "dill", "shelve", "marshal", "cloudpickle", "jsonpickle"}
    found = {
        str(path.relative_to(root)): names
        for path in [*root.rglob("*.py"), *(root.parent / "mrtui").rglob("*.py")]
        if (names := unpicklers & _imported(ast.parse(path.read_text())))
    }
    assert found == {"journal/reader.py": {"pickle"}}


def _imported(tree: ast.Module) -> set[str]:
    """The top-level packages that a module names in its imports, wherever they stand."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_the_reader_of_logs_loads_no_expressions_before_they_are_asked_for() -> None:
    names = loaded("import mrcore.cli.logreader")
    assert "mrcore" in names
    assert not names & {"re2", "pydantic", "fastapi", "redis"}


def test_the_journal_is_a_library_of_its_own() -> None:
    names = loaded("import mrcore.journal")
    assert not names & {"pydantic", "fastapi", "asyncpg", "click"}
