"""Which tests are tried once more."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import again


def test_the_group_that_xdist_adds_is_no_part_of_a_test_s_name() -> None:
    recorded = ["tests/a.py::b@stack", "tests/a.py::c[x@y]", "tests/a.py::d[x]@e"]
    assert again.names(recorded) == [
        "tests/a.py::b",
        "tests/a.py::c[x@y]",
        "tests/a.py::d[x]",
    ]


@pytest.mark.parametrize(
    ("second", "code", "said"),
    [
        (["t.py::a"], 1, ["FAILED TWICE: t.py::a", "FLAKY: t.py::b"]),
        ([], 0, ["FLAKY: t.py::a", "FLAKY: t.py::b"]),
    ],
)
def test_each_that_failed_is_said_to_have_failed_twice_or_to_be_flaky(
    second: list[str],
    code: int,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = iter([(1, ["t.py::a", "t.py::b"]), (code, second)])

    def run(arguments: Sequence[str], record: Path) -> int:
        ended, failed = next(runs)
        record.write_text("".join(f"{name}\n" for name in failed))
        return ended

    monkeypatch.setattr(again, "_pytest", run)
    monkeypatch.setattr(sys, "argv", ["again", "tests"])
    assert again.main() == code
    assert capsys.readouterr().out.splitlines()[1:] == said
