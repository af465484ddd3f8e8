"""What every test of the screen shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from textual import app, pilot
from textual.css import stylesheet
from textual.css.model import RuleSet

from tests import waiting


@pytest.fixture(autouse=True)
def exact_pilots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pilots wait until the event loop has nothing to do, instead of guessing from CPU time."""
    for module in (app, pilot):
        monkeypatch.setattr(module, "wait_for_idle", waiting.idle)


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """The apps of all tests have the same CSS: it is parsed once for each theme."""
    known: dict[object, list[RuleSet]] = {}
    parse = stylesheet.Stylesheet._parse_rules

    def remembered(self: stylesheet.Stylesheet, *given: Any, **named: Any) -> list[RuleSet]:
        key = (frozenset(self._variables.items()), given, frozenset(named.items()))
        if key not in known:
            known[key] = parse(self, *given, **named)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stylesheet.Stylesheet, "_parse_rules", remembered)
        yield
