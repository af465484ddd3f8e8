"""What the screen says of itself: news and for how long, a held list, being armed, a lost token."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mrcore.model import base, plans, queue
from mrtui import columns, link, news, plan_lines, world
from mrtui.cli import show
from mrtui.columns import operation, table
from mrtui.screens import jobs
from mrtui.widgets import cells, live_table, roster
from tests import waiting
from tests.tui import facts, shots, simulated
from tests.tui.test_app import failed_jobs, here, rows, says
from tests.tui.test_link import linked

# How long


def trouble(ref: str, level: base.Level) -> world.Trouble:
    row = facts.under_way(1).model_copy(update={"ref": ref})
    return world.Trouble(level, row, base.Verdict(level=level, code="x"))


@pytest.mark.parametrize(
    ("age_s", "style", "came", "stands"),
    [
        (59, "bad", "", True),
        (61, "bad", "", False),
        (4, "bad", "bad", True),
        (6, "bad", "bad", False),
        (6, "bad", "warn", True),
        (6, "warn", "warn", False),
        (6, "ok", "unknown", False),
    ],
)
def test_what_came_of_an_operation_gives_way(
    age_s: int, style: cells.Style, came: str, stands: bool
) -> None:
    before = trouble("pg/session/1", base.Level.BAD)
    said = news.News("done", style, facts.NOW, frozenset((before.entity.ref,)))
    new = [trouble("pg/session/2", base.Level(came))] if came else []
    now = facts.NOW + timedelta(seconds=age_s)
    assert news.stands(said, [before, *new], now) is stands
    assert news.stands(said._replace(said_at=None), [before, *new], now), "until the next key"


async def test_the_end_of_an_operation_leaves_the_line_to_what_is_wrong() -> None:
    core_s, clock = simulated.Simulated(), simulated.Clock()
    async with shots.running((120, 24), core_s, clock) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r")
        await waiting.until(lambda: core_s.applied, what="apply")
        core_s.finish(core_s.applied[0][0], failed=1, error="no")
        await says(control, "✖ refused, no · operation")
        clock.forward(61)
        here(control).tick()
        await shots.settled(pilot)
        assert "refused, no" not in show.text(control)


@pytest.mark.parametrize("came", [{"done": 1}, {"skipped": 1}, {"failed": 1, "error": "no"}])
def test_what_came_of_it_is_said_before_which_it_was(came: dict[str, object]) -> None:
    done = facts.under_way(41, **{"total": 1, "done": 0, "skipped": 0, "state": "done", **came})
    said = operation.sentence(done)[0]
    assert said.endswith(" · operation 41: Retry failed job")
    assert len(said.split(" · ")[0]) < 40


# A list that is held


async def test_a_frozen_list_says_why_it_is_not_sorted() -> None:
    async with shots.running((120, 24)) as (control, pilot):
        await failed_jobs(control)
        shown = here(control)
        assert isinstance(shown, jobs.Jobs)
        before = shown.order
        await pilot.press("p", "s")
        await says(control, "frozen: p lets it go on")
        assert shown.order == before
        await pilot.press("p", "s")
        await says(control, "sorted by oldest")
        assert shown.order != before


def test_a_row_that_is_gone_keeps_its_cells_under_their_titles() -> None:
    def titled(*titles: str) -> list[cells.Column]:
        return [cells.Column(id=str(i), title=title) for i, title in enumerate(titles)]

    held = roster.Roster()
    held.take([cells.Row("a", ("✖", "over", "SMTP")), cells.Row("b", ("✖", "9m", "HTTP"))])
    held.freeze(True)
    held.recast(titled("", "trims", "says"), titled("", "expires", "trims", "says"))
    held.take([cells.Row("b", ("✖", "-", "8m", "HTTP"))])
    assert held.gone == {"a"}
    assert [row.cells for row in held.rows] == [("✖", "", "over", "SMTP"), ("✖", "-", "8m", "HTTP")]


async def test_a_gone_row_of_a_list_whose_columns_change_stays_right() -> None:
    core_s = simulated.Simulated()
    soon = facts.ago(-200)
    for job in list(core_s.jobs.values()):
        core_s.become(job.id, trims_at=soon)
    async with shots.running((160, 24), core_s) as (control, pilot):
        await failed_jobs(control)
        await says(control, "trims")
        first, second = rows(control)[:2]
        grid = here(control).grid
        assert isinstance(grid, live_table.LiveTable)
        before = next(row for row in grid.rows if row.ref == first)
        says_it = cells.text_of(before.cells[-1])
        await pilot.press("p")
        del core_s.jobs[first.rsplit("/", 1)[1]]
        core_s.become(second.rsplit("/", 1)[1], expires_at=soon)
        shown = here(control)
        assert isinstance(shown, jobs.Jobs)
        shown.ask_soon()
        await waiting.until(lambda: first in grid.gone, what="the row to go")
        titles = [column.title for column in grid.columns]
        assert titles.index("expires") < titles.index("trims")
        gone = next(row for row in grid.rows if row.ref == first)
        assert cells.text_of(gone.cells[titles.index("what it says")]) == says_it


def test_where_a_job_is_now_takes_the_place_of_its_error() -> None:
    view = table.View(world.World(), facts.NOW)
    job = next(row for row in simulated.Simulated()._rows("jobs") if isinstance(row, queue.Job))
    shown = jobs.Jobs("huey/queue/emailQueue")
    shown.tab = "failed"
    moved = job.model_copy(update={"state": queue.JobState.WAITING, "error": ""})
    spec = columns.of("job")
    shown._spec = spec._replace(
        columns=(*spec.columns, table.Column("after", 5)),
        cells=lambda entity, view: (*spec.cells(entity, view), cells.Cell("last")),
    )
    made = [cell.text for cell in shown.row(moved, view)]
    assert made[-2:] == ["→ waiting", "last"]


# Room


@pytest.mark.parametrize("kind", ["operation", "plan"])
def test_what_was_done_takes_the_room_that_is_left(kind: str) -> None:
    spec = columns.of(kind)
    what = next(column for column in spec.columns if column.title == "what")
    assert what.grows
    kept = table.fit(spec.columns, 160)
    made = table.narrowed(spec.columns, kept, 160)
    assert next(column for column in made if column.title == "what").flex


# Being armed, and a token that is taken no more


async def test_the_key_that_disarms_is_called_so() -> None:
    core_s = simulated.Simulated()
    core_s.protected = True
    async with shots.running((120, 24), core_s) as (control, _):
        core_s.tell(facts.environment())
        await says(control, "A arm ")
        core_s.tell(facts.arming())
        await says(control, "A disarm")


async def test_a_revoked_token_is_said_at_once() -> None:
    core_s = simulated.Simulated()
    async with linked(core_s, simulated.Clock()) as (made, _):
        await waiting.until(lambda: made.world.connected, what="the connection")
        told: list[str] = []
        lost = made.world.lost
        made.world.lost = lambda at, why, *more, **how: (  # type: ignore[method-assign]
            told.append(why),
            lost(at, why, *more, **how),
        )[1]
        core_s.revoked = True
        core_s.events.put_nowait(None)
        await waiting.until(lambda: told, what="why")
        assert told == [link.REVOKED]
        assert made.world.refused


def test_a_plan_that_is_no_canary_has_its_own_name() -> None:
    made = plans.Plan(
        plan_id="9f2c",
        action="queue.retry",
        label="Retry",
        args={"canary": True},
        created_at=facts.NOW,
        expires_at=facts.NOW,
        login="root",
        total=10,
        risk=plans.Risk.HIGH,
        undoable=False,
    )
    assert plan_lines.first_ones(made) == 0, "all of them are tried first"
    assert plan_lines.first_ones(made.model_copy(update={"total": 43})) == 10
    assert plan_lines.first_ones(made.model_copy(update={"args": {"canary": 3}})) == 3
    assert plan_lines.first_ones(made.model_copy(update={"args": {}})) == 0
