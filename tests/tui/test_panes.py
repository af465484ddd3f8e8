"""Panes of the home screen: what stands for what, and what is left out without room."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mrcore.model import base, core, log, queue, wire
from mrtui import panes, themes, world
from mrtui.columns import check, fmt, line, table
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
    assert [cell.text for cell in of_pg[0][1]] == [
        "◌",
        "pg",
        "unknown: Postgres does not answer: refused",
    ]
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


KINDS = {"queues": "huey", "postgres": "pg", "redis": "redis", "logs": "logs"}
CLAIMS = ("idle", "nothing notable", "all well", "no queue", "no node")


def without(made: world.World, name: str) -> None:
    """A source that has no live set (any more)."""
    gone = tuple(e.ref for rows in made.tables.values() for e in rows.values())
    removes = tuple(ref for ref in gone if ref.split("/")[0] == name)
    made.apply(wire.Changed(source=name, at=facts.ago(20), removes=removes))


def said(shown: panes.Shown) -> str:
    return " ".join([shown.empty, *(cell.text for cell in shown.title)])


@pytest.mark.parametrize(("pane", "source"), KINDS.items())
def test_a_pane_whose_source_does_not_answer_claims_nothing(pane: str, source: str) -> None:
    made = known()
    without(made, source)
    away(made, source, f"{source} did not answer within 2 s")
    shown = next(make for name, make, _ in panes.PANES if name == pane)(view(made))
    words = f"? unknown as of 14:01:51, 20 s old: {source} did not answer within 2 s"
    assert view(made).as_of(shown.sources) == shown.empty == words
    assert shown.level is base.Level.UNKNOWN
    assert not any(claim in said(shown) for claim in CLAIMS)


@pytest.mark.parametrize(("pane", "source"), KINDS.items())
def test_a_pane_without_a_source_in_the_settings_says_so(pane: str, source: str) -> None:
    made = known()
    without(made, source)
    made.apply(wire.Changed(source="core", at=facts.NOW, removes=(f"core/source/{source}",)))
    shown = next(make for name, make, _ in panes.PANES if name == pane)(view(made))
    assert shown.empty.endswith("in the settings")
    assert shown.level is None
    assert not any(claim in said(shown) for claim in CLAIMS)


def test_no_row_looks_well_while_the_core_is_lost_and_none_moves() -> None:
    made = known()
    before = [entity.ref for entity, _ in panes.health(view(made)).rows]
    made.lost(facts.NOW, "killed", None)
    for _, make, _ in panes.PANES:
        shown = make(view(made))
        assert all(
            fmt.GLYPHS[base.Level.OK] not in cell.text for _, row in shown.rows for cell in row
        )
        assert "all well" not in said(shown)
        assert "core lost" in view(made).as_of(shown.sources)
    rows = [(e.ref, row) for e, row in panes.health(view(made)).rows]
    assert [address for address, row in rows if row[0].text == fmt.STALE] == before


def test_an_old_line_does_not_look_fresh() -> None:
    made = known()
    rows = {e.text: row for e, row in panes.lines(view(made)).rows if isinstance(e, log.LogLine)}
    assert rows["job 8123 failed (3/3)"][0].text == "<1m"
    assert rows["job 8123 failed (3/3)"][1].style == "bad"
    later = table.View(made, facts.NOW + timedelta(seconds=400))
    old = {e.text: row for e, row in panes.lines(later).rows if isinstance(e, log.LogLine)}
    assert old["job 8123 failed (3/3)"][0].text == "6m"
    assert {cell.style for cell in old["job 8123 failed (3/3)"]} == {"dim"}


def test_a_code_is_said_once() -> None:
    says = table.Cell("503: the database does not answer", "bad")
    assert check.measured("503", None, says).text == "503 the database does not answer"
