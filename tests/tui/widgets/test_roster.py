"""The cursor is a ref: it never changes by itself, whatever the rows do."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from mrtui.widgets import cells, roster

refs = st.lists(st.sampled_from("abcdefghij"), unique=True)


def rows(names: Sequence[str], value: str = "") -> list[cells.Row]:
    return [cells.Row(name, (value,)) for name in names]


def made(names: str, at: str) -> roster.Roster:
    table = roster.Roster()
    table.take(rows(names))
    table.want(at)
    return table


def shown(table: roster.Roster) -> str:
    return "".join(row.ref for row in table.rows)


def test_the_cursor_stays_with_its_row() -> None:
    table = made("abcd", "c")
    table.take(rows("dcba"))
    assert (table.cursor_ref, table.at) == ("c", 1)


def test_the_cursor_goes_to_the_neighbour_below_then_above() -> None:
    table = made("abcd", "c")
    table.take(rows("abd"))
    assert table.cursor_ref == "d"
    table.take(rows("ba"))
    assert table.cursor_ref == "b"


def test_a_table_that_was_empty_for_a_moment_remembers_its_cursor() -> None:
    table = made("abc", "b")
    table.take([])
    assert table.cursor_ref is None
    table.take(rows("cb"))
    assert table.cursor_ref == "b"


def test_a_cursor_that_is_wanted_arrives_with_its_row() -> None:
    table = made("abc", "z")
    assert table.cursor_ref == "a"
    table.take(rows("abz"))
    assert table.cursor_ref == "z"
    table.want("q")
    table.go(0)
    table.take(rows("abzq"))
    assert table.cursor_ref == "a", "a person moved meanwhile"


def test_frozen_order_and_membership_stay_while_values_change() -> None:
    table = made("abc", "b")
    table.freeze(True)
    table.take(rows("cax", "new"))
    assert shown(table) == "abc"
    assert [row.cells[0] for row in table.rows] == ["new", "", "new"]
    assert table.gone == {"b"}
    assert table.waiting == 1
    assert table.cursor_ref == "b"
    table.take(rows("cabx", "newer"))
    assert not table.gone
    table.take(rows("ca", "newest"))
    table.freeze(False)
    assert shown(table) == "ca"
    assert table.cursor_ref == "c"
    assert not table.gone
    assert table.waiting == 0


def test_marks_leave_with_their_row_and_the_gone_cannot_be_marked() -> None:
    table = made("abc", "b")
    table.toggle_mark()
    table.go(0)
    table.toggle_mark()
    assert table.marked == {"a", "b"}
    table.freeze(True)
    table.take(rows("ac"))
    assert table.marked == {"a", "b"}, "what was chosen stays chosen while a dialog is open"
    table.go(1)
    table.toggle_mark()
    assert table.marked == {"a", "b"}, "a row that is gone keeps the mark that it had"
    table.freeze(False)
    assert table.marked == {"a"}


@settings(max_examples=200)
@given(
    refs,
    st.lists(
        st.one_of(
            refs.map(lambda names: ("take", names)),
            st.booleans().map(lambda on: ("freeze", on)),
            st.integers(-3, 12).map(lambda index: ("go", index)),
            st.just(("mark", None)),
        ),
        max_size=30,
    ),
)
def test_under_random_churn_the_cursor_changes_only_when_it_must(
    first: list[str], steps: list[tuple[str, object]]
) -> None:
    table = roster.Roster()
    table.take(rows(first))
    latest = first
    for what, argument in steps:
        before, held = table.cursor_ref, [row.ref for row in table.rows]
        match what, argument:
            case "take", list(names):
                latest = names
                table.take(rows(names))
            case "freeze", bool(on):
                table.freeze(on)
            case "go", int(index):
                table.go(index)
            case _:
                table.toggle_mark()
        now = [row.ref for row in table.rows]
        if table.frozen and what != "freeze":
            assert now == held
        elif not table.frozen:
            assert now == latest
        assert (table.cursor_ref is None) == (not now)
        if what != "go" and before in now and before is not None:
            assert table.cursor_ref == before, "it moved by itself"
        assert table.marked <= set(now)
        assert table.gone == (set(now) - set(latest) if table.frozen else set())


def test_ten_thousand_random_updates() -> None:
    chance = random.Random(7)
    names = [str(i) for i in range(200)]
    table = roster.Roster()
    table.take(rows(names))
    table.want("100")
    for _ in range(10_000):
        others = [name for name in names if name != "100"]
        kept = [*chance.sample(others, chance.randint(0, 20)), "100"]
        chance.shuffle(kept)
        table.take(rows(kept))
        assert table.cursor_ref == "100"
