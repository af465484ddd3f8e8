"""What a process loads: start-up is paid for by every person, every time."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = """
import sys
sys.argv = {argv!r}
try:
    {statement}
except SystemExit:
    pass
print("\\nLOADED", *sorted({{name.split(".")[0] for name in sys.modules}}))
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


def test_the_journal_is_a_library_of_its_own() -> None:
    names = loaded("import mrcore.journal")
    assert not names & {"pydantic", "fastapi", "asyncpg", "click"}
