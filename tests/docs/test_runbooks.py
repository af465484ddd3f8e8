"""What is said of the formats of runbooks and rules is what their parsers take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from mrcore.alerts import rule as rules
from mrcore.expr import expression
from mrcore.model import plans
from mrcore.runbooks import kinds, library, names, parse, table
from tests.docs import examples, generate

PAGE = generate.ROOT / "docs" / "runbooks.md"
RULES = generate.ROOT / "docs" / "rules.md"
(EXAMPLE,) = examples.runbooks(PAGE)

COMMON = "Every kind of step takes these"
TABLES = {
    # what stands above a table of keys: a key that only such a table of the parser is asked for
    "Front matter": "symptom",
    "A parameter is": "pattern",
    "A verdict is": "means",
    "A route is": "goto",
    "`on` is": "collection",
    "### Proofs": "hold",
}
MISSED = {
    "verdicts": "a diagnosis has verdicts",
    "routes": "routes are missing",
    "on": "a fix says on what",
}


def rows(above: str) -> dict[str, str]:
    """The keys in the first table behind some words, with whether they are needed."""
    text = PAGE.read_text()
    behind = text[text.index(above) :].partition("\n| key |")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", behind, re.MULTILINE))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Mapping[str, Any], set[str]]]:
    """Every table of the example as the parser read it, and the keys that it asked for."""
    found: list[tuple[Mapping[str, Any], set[str]]] = []
    end = table.Table.end

    def noted(self: table.Table) -> None:
        found.append((self._given, set(self._asked)))
        end(self)

    monkeypatch.setattr(table.Table, "end", noted)
    parse.read(EXAMPLE, "runbooks.md")
    return found


def test_the_example_is_well_formed_and_has_every_kind_and_all_that_is_said() -> None:
    found = parse.read(EXAMPLE, "runbooks.md")
    assert {step.kind for step in found.steps} == set(kinds.KINDS)
    assert list(library.dangling({**library.load(None), found.id: found})) == []


@pytest.mark.parametrize(("above", "key"), TABLES.items())
def test_the_keys_of_a_table_are_those_that_the_parser_takes(
    above: str, key: str, asked: list[tuple[Mapping[str, Any], set[str]]]
) -> None:
    wanted = [keys for _, keys in asked if key in keys and (key == "symptom" or "id" not in keys)]
    assert wanted
    assert all(set(rows(above)) == keys for keys in wanted)


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_the_keys_of_a_kind_are_those_that_the_parser_takes(
    kind: str, asked: list[tuple[Mapping[str, Any], set[str]]]
) -> None:
    (_, *_), keys = next((given, keys) for given, keys in asked if given.get("kind") == kind)
    own = {} if kind == "note" else rows(f"### `{kind}`")
    assert keys == {*rows(COMMON), *own}


def test_a_key_that_is_needed_is_missed() -> None:
    heads = (*TABLES, COMMON, *(f"### `{kind}`" for kind in kinds.KINDS if kind != "note"))
    needed = {key for above in heads for key, is_ in rows(above).items() if is_ == "yes"}
    assert len(needed) > 15
    for key in needed:
        without = re.sub(rf"\b{key}( = )", r"zz\1", EXAMPLE, count=1)
        said = parse.reading(without, "T.md").problems
        assert any(MISSED.get(key, f"{key} is missing") in each for each in said), key


def test_what_a_query_takes_is_said() -> None:
    line = next(line for line in PAGE.read_text().splitlines() if line.startswith("| `query`"))
    assert set(re.findall(r"`(\w+)`", line)) == {"query", *plans.Query.model_fields}


def test_what_each_kind_of_step_finds_is_said() -> None:
    found = parse.read(EXAMPLE, "runbooks.md")
    says = {step.id: names.found(step) for step in found.steps}
    assert says == {
        "look": ("paused", "no_workers", "ok", "unknown"),
        "failures": ("poison", "many", "ok", "unknown"),
        "way": ("resume", "worker"),
        "resume": ("done",),
        "worker": ("done",),
        "aside": ("done",),
        "again": (),
        "calm": ("done",),
        "told": (),
    }


def test_the_times_where_none_is_said_are_those() -> None:
    said = re.findall(r"`(\d+[ms])` if not said", PAGE.read_text())
    usual_s = (parse.HOLD_S, parse.WITHIN_S, kinds.PATIENCE_S, kinds.PROOF_S, 0.0)
    assert [expression.Expression(each).root.is_ for each in said] == [*usual_s]


def test_the_keys_of_a_rule_are_those_that_its_parser_takes() -> None:
    keys = set(re.findall(r"^\| `(\w+)` \|", RULES.read_text(), re.MULTILINE))
    assert keys == rules._KEYS
    (example,) = examples.blocks(RULES, "toml")
    assert set(re.findall(r"^(\w+) =", example, re.MULTILINE)) == rules._KEYS
