"""How old what is shown is: judged by how often its source is sampled."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mrcore.model import base, core, wire
from mrtui import world
from mrtui.screens import bars
from tests import waiting
from tests.tui import facts, shots, simulated


def seldom() -> core.SourceStatus:
    """A source that is sampled every 15 s, and may take 10 s for it."""
    known = facts.statuses()[0].model_copy(
        update={"ref": "core/source/slots", "name": "slots", "interval_s": 15, "deadline_s": 10}
    )
    assert isinstance(known, core.SourceStatus)
    return known


@pytest.mark.parametrize(
    ("age_s", "said"),
    [(14, "● live"), (24, "● live"), (26, "◌ 25s old"), (54, "◌ 50s old"), (56, "◌ slots 56s old")],
)
async def test_a_source_is_as_fresh_as_it_is_often_sampled(age_s: int, said: str) -> None:
    core_s, clock = simulated.Simulated(), simulated.Clock()
    async with shots.running((120, 40), core_s, clock) as (control, _):
        core_s.tell(seldom())
        core_s.events.put_nowait(wire.Changed(source="slots", at=facts.NOW))
        clock.forward(age_s)
        for name in ("core", *facts.SOURCES):
            core_s.events.put_nowait(wire.Changed(source=name, at=clock.at))
        await waiting.until(
            lambda: control.world.sampled_at.get("stack") == clock.at, what="samples"
        )
        here = control.top
        assert here is not None
        assert bars.standing(here).fresh.text == said


def test_what_nothing_is_known_of_is_due_after_a_moment() -> None:
    known = world.World()
    assert known.due_s("slots") == world.LEAST_STALE_S
    known.apply(wire.Changed(source="core", at=facts.NOW, upserts=(seldom(),)))
    assert known.due_s("slots") == 25
    assert known.trust("slots", facts.NOW + timedelta(seconds=1)).level is base.Level.UNKNOWN
