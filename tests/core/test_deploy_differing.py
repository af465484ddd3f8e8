"""Colours that run side by side, and in what they are not alike."""

from __future__ import annotations

from typing import Any

import pytest

from mrcore.model import deploy
from mrcore.sources.deploy import differing


def colour(name: str, **facts: Any) -> deploy.Colour:
    made = {"ref": f"deploy/colour/{name}", "name": name, "state": "healthy", "release": "v1"}
    return deploy.Colour.model_validate({**made, **facts})


@pytest.mark.parametrize(
    ("green", "differs"),
    [
        ({}, ""),
        ({"release": "v2"}, "v2, blue v1"),
        ({"state": "unhealthy"}, "unhealthy, blue healthy"),
        ({"release": "v2", "state": "degraded"}, "v2, blue v1; degraded, blue healthy"),
        ({"release": "v2", "state": "stopped"}, ""),
        ({"release": "v2", "state": "unknown"}, ""),
        ({"release": ""}, ""),
    ],
)
def test_one_that_runs_beside_the_live_one_says_in_what_it_differs(
    green: dict[str, Any], differs: str
) -> None:
    found = differing.compared([colour("blue", live=True), colour("green", **green)])
    assert [row.differs for row in found] == ["", differs]


def test_where_nobody_knows_what_is_live_nothing_differs() -> None:
    rows = [colour("blue"), colour("green", release="v2")]
    assert differing.compared(rows) == rows
