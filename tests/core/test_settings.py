"""Settings from the environment: what is wrong is a sentence, and values are never repeated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mrcore import errors, settings
from mrcore.model import plans


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MRCORE_SOURCES", "{hunter2"),
        ("MRCORE_STACK", "[hunter2"),
        ("MRCORE_SOURCES", '"hunter2"'),
        ("MRCORE_IDLE_EXIT_S", "hunter2"),
    ],
)
def test_a_variable_that_does_not_parse_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(errors.SettingsError, match="in the environment") as caught:
        settings.load(None)
    assert name.removeprefix("MRCORE_").lower() in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_command_ends_with_that_sentence(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    monkeypatch.setenv("MRCORE_SOURCES", "{bad")
    argv = [sys.executable, "-m", "mrcore", "serve", "--state", str(state)]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("mrcore: A setting in the environment is no JSON")
    assert "Traceback" not in done.stderr


def test_what_a_client_sends_is_bounded() -> None:
    with pytest.raises(ValueError, match="at most 1000 characters"):
        plans.Query(text="x" * 1001)
    with pytest.raises(ValueError, match="at most 10000 items"):
        plans.Selection(refs=("a/b/c",) * 10_001)
    with pytest.raises(ValueError, match="'newest' or 'oldest'"):
        plans.Query.model_validate({"order": "random"})
