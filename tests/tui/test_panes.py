"""Panes of the home screen: what stands for what, and what is left out without room."""

from __future__ import annotations

from mrcore.model import base, core, log, queue, wire
from mrtui import panes, themes, world
from mrtui.columns import line, table
from mrtui.columns import queue as queue_columns
from tests.tui import facts


def known() -> world.World:
    made = world.World()
    made.apply(facts.snapshot())
    return made


def view(made: world.World) -> table.View:
    return table.View(made, facts.NOW)


def away(made: world.World, name: str, why: str) -> None:
    """A source does not answer any more."""
    status = made.status(name)
    assert status is not None
    verdict = base.Verdict(level=base.Level.UNKNOWN, code="unreachable", why=why)
    made.apply(
        wire.Changed(
            source="core",
            at=facts.NOW,
            upserts=(status.model_copy(update={"verdict": verdict, "failures": 3}),),
        )
    )


def test_a_server_whose_source_is_away_is_one_line_that_says_why() -> None:
    made = known()
    before = [entity.ref for entity, _ in panes.health(view(made)).rows]
    away(made, "pg", "Postgres does not answer: refused")
    shown = panes.health(view(made))
    of_pg = [(e, row) for e, row in shown.rows if made.source_of(e) == "pg" or row[1].text == "pg"]
    assert [entity.kind for entity, _ in of_pg] == ["postgres"]
    assert [cell.text for cell in of_pg[0][1]] == ["?", "pg", "Postgres does not answer: refused"]
    assert sorted(entity.ref for entity, _ in shown.rows) == sorted(before)
    assert not [e for e, _ in shown.rows if isinstance(e, core.SourceStatus)]
    assert "not well" in shown.title[0].text


def test_quiet_queues_are_counted_where_there_is_no_room_and_trouble_is_not() -> None:
    seen = view(known())
    shown = panes.queues(seen)
    rows, quiet = panes.fitting(shown, seen, 8)
    assert (len(rows), quiet) == (7, 14)
    assert not seen.well(rows[0][0])
    rows, quiet = panes.fitting(shown, seen, 2)
    loud = [entity for entity, _ in rows if isinstance(entity, queue.Queue)]
    assert quiet == 21 - len(loud)
    assert all(not seen.well(q) or q.counts.waiting or q.counts.active for q in loud)
    assert panes.fitting(shown, seen, 21) == (shown.rows, 0)


def test_the_logger_in_front_of_a_line_is_its_name() -> None:
    assert line.named("worker", "[email.worker] job 1 failed") == ("email.worker", "job 1 failed")
    stamped = "2026-03-12 14:02:11,123 ERROR [kpi.worker] no"
    assert line.named("worker", stamped) == ("kpi.worker", "no")
    for other in ("[32695] mentor_app ERROR", "[email.worker]", "no logger [here] at all", ""):
        assert line.named("worker", other) == ("worker", other)
    row = log.LogLine(ref="logs/line/w/0", stream="w", offset=0, at=None, text="[a.b] c")
    assert [cell.text for cell in line.cells(row, view(known()))][2:] == ["a.b", "c"]


def test_the_column_that_a_list_is_sorted_by_is_found_by_its_title() -> None:
    titles = [column.title for column in queue_columns.TABLE.columns]
    assert table.sorted_by(queue_columns.TABLE, "name") == (str(titles.index("queue")), False)
    assert table.sorted_by(queue_columns.TABLE, "failed") == (str(titles.index("failed")), True)
    assert table.sorted_by(queue_columns.TABLE, "trouble") == ("", False)


def test_the_gutter_of_a_scrollbar_is_as_the_ground_behind_it() -> None:
    for theme in themes.load(themes.own_folder()).themes.values():
        assert theme.variables["scrollbar-background"] == theme.background
        assert theme.variables["scrollbar-corner-color"] == theme.background
