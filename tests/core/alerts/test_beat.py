"""Dead man's switches and windows: starts, ends, graces, and the nights when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mrcore import alert_settings, errors, settings, ticks
from mrcore.alerts import beat, heartbeats, windows
from mrcore.model import alert, queue
from tests.core.alerts import dependent, room
from tests.core.expr import recorded

T0 = recorded.T0
HOURLY = alert_settings.HeartbeatSettings(every_s=3600, grace_s=300)
BERLIN = "Europe/Berlin"


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def state(made: beat.Beat, seconds: float) -> tuple[str, str]:
    found = beat.stand(HOURLY, made, after(seconds))
    return found.state, found.code


def test_it_is_up_then_late_then_missed() -> None:
    assert state(beat.Beat(), 10**6) == ("new", "")
    made = beat.pinged(beat.Beat(), "success", "", T0)
    assert state(made, 3600) == ("up", "")
    assert state(made, 3900) == ("grace", "")
    assert state(made, 3901) == ("down", "missed")
    assert state(beat.pinged(made, "success", "", after(9000)), 9001) == ("up", "")


def test_a_start_without_an_end_is_missed_and_a_failure_is_told_at_once() -> None:
    made = beat.pinged(beat.pinged(beat.Beat(), "success", "", T0), "start", "r1", after(60))
    assert state(made, 360) == ("started", "")
    assert state(made, 361) == ("down", "overran")
    ended = beat.pinged(made, "success", "r1", after(100))
    assert (ended.took_s, ended.started_at) == (40.0, None)
    failed = beat.pinged(made, "fail", "r1", after(100), 3)
    assert state(failed, 101) == ("down", "failed")
    shown = beat.entity("nightly", HOURLY, failed, after(101))
    assert shown.verdict.why == "It failed with exit code 3 at 2026-01-01 12:01 UTC."


@pytest.mark.parametrize(
    ("signal", "run", "ends"),
    [
        ("success", "r1", True),
        ("success", "r2", False),
        ("success", "", True),
        ("fail", "r2", True),
    ],
)
def test_an_end_of_another_run_ends_no_run(signal: Any, run: str, ends: bool) -> None:
    made = beat.pinged(beat.Beat(), "start", "r1", T0)
    assert (beat.pinged(made, signal, run, after(1)).started_at is None) is ends


@pytest.mark.parametrize(
    ("now", "latest", "following"),
    [
        # 2:30 comes once in the night when it comes not at all, and once when it comes twice.
        ("2026-03-29T00:59", "2026-03-28T01:30", "2026-03-29T01:00"),
        ("2026-03-29T01:00", "2026-03-29T01:00", "2026-03-30T00:30"),
        ("2026-10-25T00:29", "2026-10-24T00:30", "2026-10-25T00:30"),
        ("2026-10-25T00:30", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("2026-10-25T01:00", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("2026-10-25T01:45", "2026-10-25T00:30", "2026-10-26T01:30"),
    ],
)
def test_a_tick_is_once_also_when_clocks_change(now: str, latest: str, following: str) -> None:
    at, before, later = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (
        now, latest, following))  # fmt: skip
    assert ticks.latest("30 2 * * *", BERLIN, at) == before
    assert ticks.following("30 2 * * *", BERLIN, at) == later


def test_the_grace_time_is_real_time() -> None:
    own = alert_settings.HeartbeatSettings(cron="30 1 * * *", tz=BERLIN, grace_s=7200)
    done = datetime(2026, 10, 24, 1, 0, tzinfo=UTC)
    found = beat.stand(own, beat.Beat(succeeded_at=done), done)
    assert found.due_at == datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    assert found.late_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"every_s": 1, "cron": "* * * * *"},
        {"cron": "never"},
        {"cron": "0 0 31 2 *"},
        {"cron": "* * * * *", "tz": "Mars/Phobos"},
        {"every_s": 1, "token": "short"},
    ],
)
def test_a_heartbeat_that_is_never_due_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="heartbeats"):
        settings.Settings.model_validate({"alerts": {"heartbeats": {"nightly": table}}})


async def test_it_is_remembered_and_a_schedule_is_asked(tmp_path: Path) -> None:
    own = {
        "nightly": HOURLY,
        "kpi": HOURLY.model_copy(update={"schedule": "huey/schedule/kpi"}),
    }
    async with room.opened(tmp_path, {}) as here:
        made = heartbeats.Heartbeats(own, here.ledger, here.hub, now=here.now, changed=lambda: None)
        assert (await made.ping("nightly", "success", "r")).state == "up"
        with pytest.raises(errors.NotFound):
            await made.ping("other", "success", "")
        with pytest.raises(errors.BadRequest, match="is not pinged"):
            await made.ping("kpi", "success", "")
        kpi = {each.name: each for each in made.entities()}["kpi"]
        assert kpi.verdict.code == "no_schedule"
    async with room.opened(tmp_path, {}, at=after(3901)) as here:
        made = heartbeats.Heartbeats(own, here.ledger, here.hub, now=here.now, changed=lambda: None)
        assert made.entities() == []  # not yet known
        await made.ready()
        ran = queue.Schedule(
            ref="huey/schedule/kpi",
            engine="huey",
            name="kpi",
            queue="q",
            declared="hourly",
            last_succeeded_at=after(3900),
        )
        here.sample("huey", [ran])
        here.publish()
        assert [(each.name, each.state) for each in made.entities()] == [
            ("nightly", "down"),
            ("kpi", "up"),
        ]


async def test_a_window_comes_again_hides_what_fires_and_ends(tmp_path: Path) -> None:
    own = {"backup": alert_settings.WindowSettings(cron="0 12 * * *", minutes=10, reason="backup")}
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        here.book.windows = windows.Windows(own)
        await dependent.fires(here)
        assert here.alerts()[0].hidden == "silenced"
        silence = next(e for e in here.book.entities() if isinstance(e, alert.Silence))
        assert (silence.login, silence.reason, silence.firing) == ("settings", "backup", 1)
        assert silence.actions == ()
        dependent.node(here, ok=False)
        await here.look(599)
        assert await here.told() == []
        dependent.node(here, ok=False)
        await here.look(1)
        assert await here.told() == [("fired", dependent.WEDGED)]
        assert [e for e in here.book.entities() if e.kind == "silence"] == []
        assert windows.going_on(own, here.at + timedelta(days=1)) == []
        assert len(windows.going_on(own, T0 + timedelta(days=1))) == 1
