"""What fails lately, by fingerprint: counted from runs, bounded, and known since when."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from mrcore import failing
from mrcore.model import queue
from tests.core import test_runs

T0 = test_runs.T0


def failed(job_id: str, error: str = "Boom: no such place", **facts: object) -> queue.Captured:
    return test_runs.run(job_id, failed=True, error=error, **facts)  # type: ignore[arg-type]


def test_what_fails_is_counted_by_fingerprint_and_by_job() -> None:
    counted = failing.Failing()
    counted.count([failed("1"), failed("1", attempts=2), failed("2"), failed("3", "Other: x")], T0)
    counted.count([test_runs.run("4"), failed("5", source="rq")], T0)
    first, other = counted.rows("huey", T0)
    assert (first.jobs, first.worst, first.share) == (3, 2, 75.0)
    assert (other.jobs, other.worst, other.share) == (1, 1, 25.0)
    assert first.ref == f"huey/group/emailQueue/{first.fingerprint}"
    assert first.title == "Boom: no such place"
    assert first.verdict.level == "ok"
    assert first.first_at is None  # nobody has looked it up
    assert [row.jobs for row in counted.rows("rq", T0)] == [1]


def test_what_failed_long_ago_is_not_counted_and_is_forgotten() -> None:
    counted = failing.Failing(time_scale=10)
    counted.count([failed("1", ended=T0 - timedelta(seconds=61)), failed("2")], T0)
    assert [row.jobs for row in counted.rows("huey", T0)] == [1]
    assert counted.rows("huey", T0 + timedelta(seconds=61)) == ()
    assert counted.unknown() == []


def test_many_fingerprints_are_bounded() -> None:
    counted = failing.Failing()
    runs = [failed(str(n), f"E{chr(97 + n % 26)}{chr(97 + n // 26)}: x") for n in range(676)]
    counted.count([*runs, *(run.model_copy(update={"queue": "b"}) for run in runs)], T0)
    assert len(counted.unknown()) == failing.PRINTS_MAX
    assert len(counted.rows("huey", T0)) == failing.SHOWN_MAX


async def test_it_is_known_since_when_also_over_a_restart(tmp_path: Path) -> None:
    before = test_runs.Room(tmp_path)
    await before.keep(failed("old", ended=T0 - timedelta(days=3)))
    await before.history.close()
    room = test_runs.Room(tmp_path)
    await room.keep(failed("1"), failed("2", "New: never seen"))
    rows = {row.title: row.first_at for row in room.runs.failing("huey")}
    assert rows == {"Boom: no such place": T0 - timedelta(days=3), "New: never seen": T0}
    await room.history.close()
