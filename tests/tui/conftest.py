"""What every test of the screen shares."""

from __future__ import annotations

import pytest
from textual import app, pilot, screen

from tests import waiting

FRAME_S = 0.002


@pytest.fixture(autouse=True)
def exact_pilots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pilots wait until the event loop has nothing to do, instead of guessing from CPU time.

    A frame is drawn at once, because after each key one is waited for.
    """
    for module in (app, pilot):
        monkeypatch.setattr(module, "wait_for_idle", waiting.idle)
    monkeypatch.setattr(screen, "UPDATE_PERIOD", FRAME_S)
