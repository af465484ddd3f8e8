"""The scenarios of game days, and those that are played in one stack: each runbook's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mrcore.alerts import rule
from mrcore.gameday import faults, scenario

SHIPPED = scenario.shipped(faults.KINDS, rule.read(rule.shipped(), "rules.toml"))


def of(wanted: Callable[[scenario.Scenario], bool] = lambda what: True) -> pytest.MarkDecorator:
    """Play a test in the fixture `family` with each scenario `name`: of two workers, one plays all
    of a family."""
    each = [_param(what) for what in SHIPPED.values() if wanted(what)]
    return pytest.mark.parametrize(("family", "name"), each, indirect=["family"], scope="module")


def _param(what: scenario.Scenario) -> Any:
    family = what.runbook or "other"
    group = pytest.mark.xdist_group(f"gameday-{family}")
    return pytest.param(family, what.id, id=what.id, marks=group)
