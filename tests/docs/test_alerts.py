"""The page of alerts has every row of the list and every rule, and quotes them as they are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from mrcore.alerts import rule

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "alerts.md").read_text()
RULES = {entry["id"]: entry for entry in tomllib.loads(rule.shipped())["rule"]}
PIPELINE = "27"
"""The row that is not done, as it is of what is not there yet."""


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


TABLE = [cells(line) for line in TEXT.splitlines() if line.startswith("| ")]
ROWS = {row[0]: row for row in TABLE if row[0].isdecimal()}
OTHERS = [row for row in TABLE if row[0].startswith("`")]


def quoted(cell: str) -> list[tuple[str, list[str]]]:
    """The rules that a cell names, each with what it quotes of it."""
    found = [re.findall(r"`([^`]+)`", part) for part in cell.split(";")]
    return [(names[0], names[1:]) for names in found if names]


HERE = [each for row in ROWS.values() for each in quoted(row[2])]
HERE += [each for row in OTHERS for each in quoted(row[0])]


def test_every_row_of_the_list_is_here_and_says_why_where_it_has_no_rule() -> None:
    assert list(ROWS) == [str(number) for number in range(1, 30)]
    assert [number for number, row in ROWS.items() if not quoted(row[2])] == [PIPELINE]
    assert ROWS[PIPELINE][2].startswith("not done: ")
    assert [row for row in TABLE if row[0].isdecimal() and len(row) != 4] == []


def test_every_rule_is_here_once() -> None:
    assert sorted(name for name, _ in HERE) == sorted(RULES)


@pytest.mark.parametrize(("name", "said"), HERE, ids=[name for name, _ in HERE])
def test_what_is_quoted_of_a_rule_is_so(name: str, said: list[str]) -> None:
    own = RULES[name]
    expr = " ".join(own["expr"].split())
    facts = {own["severity"], f"for {own.get('for')}", f"runbook {own.get('runbook')}"}
    quotes = [each for each in said if each not in facts]
    assert [each for each in quotes if not re.search(re.escape(each) + r"(?!\w)", expr)] == []
    assert own["severity"] in said
    assert "for" not in own or f"for {own['for']}" in said


def test_what_its_reasons_name_is_there() -> None:
    named = {each for row in ROWS.values() for each in re.findall(r"`(\w+_\w+)`", row[-1])}
    assert named <= RULES.keys()
    assert len(named) > 3


@pytest.mark.parametrize("number", [number for number in ROWS if number != PIPELINE])
def test_severity_and_runbook_are_the_lists_or_a_reason_says_why_not(number: str) -> None:
    _, said, here, why = ROWS[number]
    asked = set(re.findall(r"\b(P[123]|info)\b", said))
    asked |= set(re.findall(r"\b([A-J])\b", re.split(r", (?:P[123]|info)\b", said)[-1]))
    own = [RULES[name] for name, _ in quoted(here)]
    found = {each["severity"] for each in own} | {each.get("runbook") for each in own}
    assert [each for each in asked - found if not re.search(rf"\b{each}\b", why)] == []
    assert asked
