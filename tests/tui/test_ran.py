"""`:ran` and `mrtui show ran --text`: over a real core and its history."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mrcore import errors
from mrcore.model import queue, wire
from mrcore.queues import capture
from mrtui import app, bindings
from mrtui.cli import show
from tests import waiting
from tests.core import harness


class Ended(harness.Simulated):
    """A source that hands over three runs, and knows none of the jobs."""

    def __init__(self) -> None:
        super().__init__("huey")
        self.left = [self._run(n, failed=n == 2) for n in (1, 2, 3)]

    def _run(self, n: int, *, failed: bool) -> queue.Captured:
        return capture.run(
            f"huey/job/emailQueue/job-{n}",
            engine="huey",
            queue_name="emailQueue",
            job_id=f"job-{n}",
            name="sendOtp",
            failed=failed,
            attempts=n,
            error="SMTPError: 535 BadCredentials" if failed else "",
            trace="Traceback: 535 BadCredentials at the end" if failed else "",
            finished_at=self.now() - timedelta(days=n),
        )

    async def sample(self) -> wire.Sample:
        sample, taken = await super().sample(), tuple(self.left)
        self.left = []
        return sample.model_copy(update={"captured": taken})

    async def detail(self, ref: str) -> wire.Detail:
        raise errors.NotFound(f"There is no {ref} any more.")


async def test_what_ran_is_listed_and_searched(state: Path) -> None:
    async with harness.running(state, Ended()) as here:
        await waiting.until(lambda: here.core.monitor.tried)
        await here.core.runs.flush()
        text = await show.drawn(app.ControlRoom(here.client), "ran", (120, 24))
        rows = [
            line.partition("sendOtp")[0].split()[-1] for line in text.splitlines() if "job-" in line
        ]
        assert rows == ["3d0h", "2d0h", "1d0h"]
        assert text.count("emailQueue") == 3
        text = await show.drawn(app.ControlRoom(here.client), "ran", (120, 24), "535")
        (row,) = [line for line in text.splitlines() if "job-" in line]
        assert "job-2" in row
        assert "SMTPError: 535 BadCredentials" in row
        text = await show.drawn(
            app.ControlRoom(here.client), "mr://huey/job/emailQueue/job-2", (140, 24)
        )
        assert "2d0h" in text
        assert "535 BadCredentials" in text
        with pytest.raises(errors.BadRequest, match="no list"):
            await show.drawn(app.ControlRoom(here.client), "home", (80, 24), "x")


def test_its_command_is_a_word() -> None:
    assert bindings.Keymap().read(":ran") == "go ran"
