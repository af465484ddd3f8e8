"""A game day's own stack is the same wherever it is played."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mrcore import errors
from mrcore.gameday import own


async def test_settings_of_the_environment_are_not_the_games(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = tmp_path / "says"
    says.write_text("#!/bin/sh\nenv >&2\n")
    says.chmod(0o700)
    monkeypatch.setenv("MRCORE_ALERTS__CHANNELS", '{"pager": {}}')
    monkeypatch.setenv("KEPT", "yes")
    monkeypatch.setattr(sys, "executable", str(says))
    with pytest.raises(errors.StackError, match="did not start") as caught:
        async with own.stack(20.0, None):
            raise AssertionError("there is none")
    assert "KEPT=yes" in str(caught.value)
    assert "MRCORE_" not in str(caught.value)
