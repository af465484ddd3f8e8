"""Columns: every kind has as many cells as columns, numbers read well, the tree is a tree."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcore.model import alert, base, log, postgres, queue, wire
from mrtui import columns, outlook, panes, start, world
from mrtui.columns import fmt, line, session, table
from tests.tui import facts, facts_outside, facts_runs, facts_slots, facts_upstreams, simulated


def known() -> world.World:
    made = world.World()
    made.apply(facts.snapshot())
    return made


def view() -> table.View:
    return table.View(known(), facts.NOW)


def samples() -> dict[str, base.Entity]:
    """One entity of every kind that has a file."""
    core = simulated.Simulated()
    made = {entity.kind: entity for table in known().tables.values() for entity in table.values()}
    for collection in ("jobs", "groups", "keys", "lines", "audit", "operations", "tokens"):
        row = core._rows(collection)[0]
        made[row.kind] = row
    waits = facts.waiting("9f2cc0ffee", "anna")
    away = outlook.unseen(start.Context("blue", "https://blue", simulated.Simulated))
    more = (facts.environment(), facts.arming(), waits, facts.colours()[0], away)
    more = (
        *more,
        facts.alerts()[0],
        facts.silences()[0],
        facts_runs.runs()[0],
        facts_runs.books()[0],
        *facts_outside.entities(),
        *facts_upstreams.every(),
        *facts_slots.counted(),
        facts_slots.slots()[0],
        facts_slots.trails()[0],
    )
    return made | {entity.kind: entity for entity in more}


@pytest.mark.parametrize("kind", sorted(columns.KINDS - {"anything"}))
def test_a_kind_has_a_cell_for_each_column_a_label_and_an_order(kind: str) -> None:
    spec, entity = columns.of(kind), samples()[kind]
    assert len(spec.cells(entity, view())) == len(spec.columns)
    if spec.brief is not None:
        assert len(spec.brief(entity, view())) == len(spec.brief_columns)
    assert spec.label(entity)
    assert spec.orders
    for _, key in spec.orders:
        key(entity, view())


def test_every_kind_of_the_model_has_a_file() -> None:
    assert set(base.KINDS) <= columns.KINDS


def test_a_kind_of_a_newer_core_is_shown_by_its_ref() -> None:
    entity = base.UnknownEntity(ref="x/wormhole/7", kind="wormhole")
    cells = columns.of("wormhole").cells(entity, view())
    assert [cell.text for cell in cells][1:3] == ["wormhole", "7"]


@given(st.integers(10, 250), st.sampled_from(sorted(columns.KINDS)))
def test_columns_that_are_kept_fit_unless_they_may_never_go(width: int, kind: str) -> None:
    spec = columns.of(kind).columns
    kept = table.fit(spec, width)
    assert kept == sorted(set(kept))
    assert {i for i, column in enumerate(spec) if column.keep >= 9} <= set(kept)
    gap = 1 if width < table.NARROW else 2
    needed = 2 + sum((spec[i].cells(width) or 8) + gap for i in kept) - gap
    assert needed <= width or all(spec[i].keep >= 9 for i in kept)


@pytest.mark.parametrize(
    ("value_s", "text"),
    [
        (0, "0s"),
        (0.4, "0.4s"),
        (41, "41s"),
        (372, "6m12s"),
        (31 * 60, "31m"),
        (7500, "2h05m"),
        (3 * 86400 + 4 * 3600, "3d4h"),
        (86400 * 42, "42d"),
        (-1, "0s"),
    ],
)
def test_lengths_of_time(value_s: float, text: str) -> None:
    assert fmt.seconds(value_s) == text


def test_ages_before_and_after_now() -> None:
    assert fmt.age(facts.ago(372), facts.NOW) == "6m12s"
    assert fmt.age(facts.ago(-230), facts.NOW) == "in 3m50s"
    assert fmt.age(None, facts.NOW) == "-"
    assert fmt.until(facts.ago(1), facts.NOW) == "due"


def test_numbers() -> None:
    assert [fmt.short(n) for n in (0, 412, 1204, 12_345, 1_204_331)] == [
        "0",
        "412",
        "1,204",
        "12.3k",
        "1.2M",
    ]
    assert [fmt.size(n) for n in (0, 512, 38 << 20, 1.2 * 2**30)] == ["0B", "512B", "38MB", "1.2GB"]
    assert [fmt.rate(n) for n in (0, 4.12, 38, 1204)] == ["0/s", "4.1/s", "38/s", "1.2k/s"]
    assert [fmt.millis(n) for n in (0.31, 12.4, 1200)] == ["0.3ms", "12ms", "1.2s"]
    words = [fmt.plural(n, w) for n, w in ((1, "job"), (2, "process"), (3, "query"))]
    assert words == ["1 job", "2 processes", "3 queries"]


@given(st.floats(0, 1e15))
def test_a_short_number_is_short(value: float) -> None:
    assert len(fmt.short(value)) <= 8
    assert len(fmt.size(value)) <= 6


@given(st.lists(st.floats(0, 1e12), max_size=40), st.integers(1, 20))
def test_a_spark_is_as_long_as_its_values_and_at_most_its_width(
    values: list[float], width: int
) -> None:
    assert len(fmt.spark(values, width)) == min(len(values), width)


_blocks = st.lists(st.lists(st.integers(1, 8), max_size=3), min_size=8, max_size=8)


@given(_blocks)
def test_the_tree_shows_each_session_once_and_a_blocker_above_what_it_blocks(
    blocked: list[list[int]],
) -> None:
    sessions = [
        postgres.Session(ref=f"pg/session/{pid}/1", pid=pid, blocked_by=tuple(by))
        for pid, by in enumerate(blocked, start=1)
    ]
    shown = session.tree(sessions)
    assert sorted(entity.pid for entity, _ in shown) == list(range(1, 9))
    above: list[int] = []
    for entity, depth in shown:
        del above[depth:]
        if depth:
            assert above[-1] in entity.blocked_by
        above.append(entity.pid)


def test_a_log_line_does_not_repeat_what_has_its_own_column() -> None:
    assert line.said("2026-11-20T22:12:51.005Z WARNING [email] no") == "[email] no"
    assert line.said("2026-11-20 22:12:41.461 UTC [6382] FATAL:  no") == "[6382] FATAL:  no"
    assert line.said("2026 was a year") == "2026 was a year"
    assert line.said("2026-11-20T22:12:51Z ") == "2026-11-20T22:12:51Z "


def test_meaning_survives_without_colours() -> None:
    here = view()
    for entity in known().table("queue").values():
        glyph = here.mark(entity).text
        assert glyph == fmt.GLYPHS[entity.verdict.level]
        if entity.verdict.level is not base.Level.OK:
            assert here.why(entity).text == entity.verdict.why


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param({"listed": True}, ("", "dim"), id="on the board"),
        pytest.param({"listed": False}, ("not on the board", "warn"), id="not on the board"),
        pytest.param(
            {"listed": False, "verdict": facts.bad("no_worker", "no worker: 3 jobs wait")},
            ("no worker: 3 jobs wait; not on the board", "bad"),
            id="with what is wrong with it",
        ),
        pytest.param(
            {"listed": False, "paused_since": facts.ago(60), "paused_by": "asha"},
            ("paused 1m00s by asha", "warn"),
            id="a pause is said first",
        ),
    ],
)
def test_a_queue_that_no_board_shows_is_marked(
    more: dict[str, object], said: tuple[str, str]
) -> None:
    made = queue.Queue(ref="bullmq/queue/otp", engine="bullmq", name="otp", workers=1)
    entity, spec = made.model_copy(update=more), columns.of("queue")
    note = spec.cells(entity, view())[-1]
    assert (note.text, note.style) == said
    assert spec.brief is not None
    if said[0]:
        assert spec.brief(entity, view())[-1] == note


def test_a_source_that_goes_away_moves_no_row_and_keeps_its_sentences() -> None:
    fresh = view()
    later = table.View(fresh.world, facts.NOW + timedelta(seconds=14))
    order = columns.of("queue").orders[0]
    queues = list(fresh.world.table("queue").values())
    assert table.ordered(queues, fresh, order) == table.ordered(queues, later, order)
    assert {later.mark(entity).text for entity in queues} == {fmt.STALE}
    assert [later.why(entity) for entity in queues] == [fresh.why(entity) for entity in queues]
    assert later.as_of(["huey"]) == "? unknown as of 14:02:10, 14 s old"
    assert later.as_of(["huey"], 40) == "? unknown, 14 s old"
    assert fresh.as_of(["huey"]) == ""


@pytest.mark.parametrize("name", [name for name, *_ in panes.PANES])
def test_a_pane_has_a_cell_for_each_column_and_unique_refs(name: str) -> None:
    shown = next(make for pane, make, *_ in panes.PANES if pane == name)(view())
    assert shown.rows
    assert all(len(row) == len(shown.columns) for _, row in shown.rows)
    refs = [entity.ref for entity, _ in shown.rows]
    assert len(set(refs)) == len(refs)


@pytest.mark.parametrize("name", [name for name, *_ in panes.PANES])
def test_a_pane_of_nothing_says_nothing_wrong(name: str) -> None:
    empty = table.View(world.World(), facts.NOW)
    shown = next(make for pane, make, *_ in panes.PANES if pane == name)(empty)
    assert shown.rows == []


def test_health_names_what_has_no_pane_of_its_own() -> None:
    named = [entity.ref for entity, _ in panes.health(view()).rows]
    assert "stack/process/rqworker" in named
    assert named[0] == "backend/check/smtp"


def test_the_newest_notable_line_is_on_top() -> None:
    shown = [entity for entity, _ in panes.lines(view()).rows]
    assert isinstance(shown[0], log.LogLine)
    assert shown[0].text.startswith("535")


@pytest.mark.parametrize(
    ("more", "state", "who"),
    [
        pytest.param({}, "firing", "nobody", id="nobody's"),
        pytest.param(
            {"acked_by": "anna", "acked_until": facts.ago(-1_500), "hidden": "silenced"},
            "acked",
            "anna 25m",
            id="somebody is at it",
        ),
        pytest.param(
            {"phase": "recovering", "hidden": "silenced", "silenced_by": "core/silence/7"},
            "silenced",
            "olga 50m",
            id="silenced by somebody",
        ),
        pytest.param(
            {"hidden": "silenced", "silenced_by": "core/silence/99"},
            "silenced",
            "silenced",
            id="by a silence that is not known yet",
        ),
        pytest.param(
            {"hidden": "suppressed", "suppressed_by": facts.alerts()[3].ref},
            "suppressed",
            "redis_wedged",
            id="comes from another",
        ),
        pytest.param(
            {"phase": "resolved", "acked_by": "anna", "acked_until": facts.ago(-60)},
            "resolved",
            "anna 1m00s",
            id="it is over",
        ),
    ],
)
def test_that_an_alert_needs_nobody_is_said_where_it_is_firing(
    more: dict[str, object], state: str, who: str
) -> None:
    here = view()
    here.world.apply(
        wire.Changed(source="core", at=facts.NOW, upserts=(*facts.alerts()[3:], *facts.silences()))
    )
    entity = alert.Alert.model_validate(facts.alerts()[0].model_dump() | more)
    titles = [column.title for column in columns.of("alert").columns]
    said = dict(zip(titles, columns.of("alert").cells(entity, here), strict=True))
    assert (said["state"].text, said["who"].text) == (state, who)


@pytest.mark.parametrize("width", [40, 80, 100])
def test_whether_an_alert_needs_somebody_is_said_on_few_columns(width: int) -> None:
    spec = columns.of("alert")
    kept = [spec.columns[place].title for place in table.fit(spec.columns, width)]
    assert "state" in kept
    assert spec.columns[2].cells(width) >= len("silenced")
