"""The coverage table has all of the playbook and of the code, and names tests that there are."""

from __future__ import annotations

import collections
import re
from collections.abc import Callable

import pytest

from mrcore.mentor import queues
from tests.docs import coverage, playbook

ROWS = tuple(coverage.rows(coverage.DOCUMENT.read_text()))
NOT_DONE = re.compile(r"not done: \w+")


def items(heading: str) -> list[str]:
    """What has a row below a heading."""
    return [row.item for row in ROWS if row.heading == heading]


@pytest.mark.parametrize("heading", playbook.ITEMS)
def test_everything_that_the_playbook_names_has_a_row(heading: str) -> None:
    found = items(heading)
    assert [item for item in playbook.ITEMS[heading] if item not in found] == []


def test_nothing_has_two_rows() -> None:
    counted = collections.Counter((row.heading, row.item) for row in ROWS)
    assert [key for key, count in counted.items() if count > 1] == []


def test_a_row_says_what_is_done_and_which_test_says_so_or_why_not() -> None:
    for row in ROWS:
        assert row.where, row.item
        assert row.here, row.item
        assert row.tests or NOT_DONE.search(row.here), f"{row.item} has no test"


def test_every_test_that_is_named_exists() -> None:
    named = [(row.item, *test) for row in ROWS for test in row.tests]
    lost = [
        (item, f"{f}::{name}") for item, f, name, _ in named if name not in coverage.functions(f)
    ]
    assert lost == []
    wanted = collections.defaultdict(set)
    for _, file, name, case in named:
        if case:
            wanted[file, name].add(case)
    for (file, name), some in wanted.items():
        assert some - coverage.cases(file, name) == set(), f"{file}::{name}"


def test_a_cell_names_nothing_but_tests() -> None:
    """What looks like a test and is none would be taken for one."""
    text = coverage.DOCUMENT.read_text()
    assert text.count("`tests/") == sum(len(row.tests) for row in ROWS) + 1, "and itself"


CODE: dict[str, Callable[[], set[str]]] = {
    "Queues": lambda: {queue.name for queue in queues.TABLE},
    "Schedules": coverage.schedules_of_the_backend,
    "Routes": coverage.routes_of_the_backend,
    "Socket.IO events": coverage.events,
    "Environment variables": coverage.variables,
    "Tables": coverage.tables,
}


@pytest.mark.parametrize("heading", CODE)
def test_everything_in_the_code_has_a_row(heading: str) -> None:
    there = CODE[heading]()
    assert len(there) > 8
    assert there - set(items(heading)) == set()


def test_every_step_of_every_runbook_is_named_below_its_heading() -> None:
    named = {
        (row.heading, step) for row in ROWS for step in re.findall(r"`([A-J]\.\w+)`", row.here)
    }
    wanted = {(f"Runbook {step[0]}", step) for step in coverage.steps()}
    assert wanted - named == set()
    assert {each for each in named if each[0].startswith("Runbook")} - wanted == set()
