"""A quiet day wakes nobody; the same day with a fault in it does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.core.alerts import quiet, recording

KNOWN = {("schedule_wrong", "core/alert/schedule_wrong/huey%2Fschedule%2Fslot-cleanup")}
"""What is really wrong with Mr. Mentor on its best day: it declares 24 h and runs every 15 min."""

HOUR_S = 3_600 / quiet.SCALE
"""An hour of Mr. Mentor's, of the recording."""


async def test_quiet_hours_wake_nobody(tmp_path: Path) -> None:
    async with quiet.opened(tmp_path) as replay:
        await replay.play(3 * HOUR_S)
        assert set(await replay.woken()) == KNOWN


@pytest.mark.proof
async def test_a_quiet_day_wakes_nobody(tmp_path: Path) -> None:
    began = datetime.fromisoformat(recording.head(quiet.RECORDING)["at"])
    async with quiet.opened(tmp_path) as replay:
        await replay.play(24 * HOUR_S)
        assert (replay.at - began).total_seconds() > 23.9 * HOUR_S
        assert set(await replay.woken()) == KNOWN


def wedged(frame: recording.Frame, gone_s: float) -> None:
    """Redis takes no writes after half an hour."""
    if gone_s >= HOUR_S / 2:
        node = next(each for each in frame.rows.values() if each["kind"] == "node")
        verdict = {"level": "bad", "code": "paused", "why": "clients are paused"}
        frame.rows[node["ref"]] = node | {"canary_ok": False, "verdict": verdict}


def poisoned(frame: recording.Frame, gone_s: float) -> None:
    """One job of the e-mail queue fails again and again after half an hour."""
    ref = "huey/group/emailQueue/0123456789ab"
    if gone_s >= HOUR_S / 2:
        now = datetime.fromtimestamp(frame.at_s, UTC).isoformat()
        frame.rows[ref] = {
            "ref": ref, "kind": "group", "engine": "huey", "queue": "emailQueue",
            "fingerprint": "0123456789ab", "title": "Oops", "jobs": 4, "worst": 4, "share": 100,
            "first_at": now, "last_at": now,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "rules"),
    [(wedged, {"redis_wedged"}), (poisoned, {"poison_job"})],
)
async def test_a_fault_in_the_quiet_day_wakes_somebody(
    fault: quiet.Fault, rules: set[str], tmp_path: Path
) -> None:
    async with quiet.opened(tmp_path) as replay:
        await replay.play(HOUR_S, fault)
        found = {rule for rule, _ in await replay.woken()} - {rule for rule, _ in KNOWN}
        assert found == rules
