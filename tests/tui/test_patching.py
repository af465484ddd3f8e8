"""What an edit means: applied to what it was made for, the patch gives what was typed."""

from __future__ import annotations

import random

import pytest
from pydantic import JsonValue

from mrcore import errors
from mrcore.queues import patch
from mrtui import differing, patching

TAG = "email:7f3a91"


@pytest.mark.parametrize(
    ("before", "after", "ops"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"a": 1}, [("remove", "/b")]),
        ({"a": 1}, {"a": 1, "x/y": 0}, [("add", "/x~1y")]),
        ({"a": {"b": [1, 2, {"c~": "long enough to be kept"}]}},
         {"a": {"b": [1, 2, {"c~": 3}]}}, [("replace", "/a/b/2/c~0")]),
        ([1, "a string of some length", 3], [1, 3], [("remove", "/1")]),
        ([TAG, "x"], ["new", TAG, "x"], [("add", "/0")]),
        ({"to": TAG, "n": 1}, {"to": TAG, "n": True}, [("replace", "/n")]),
        ({"to": TAG}, {"to": "anna@example.org"}, [("replace", "/to")]),
    ],
)  # fmt: skip
def test_the_patch_is_the_smallest(
    before: JsonValue, after: JsonValue, ops: list[tuple[str, str]]
) -> None:
    made = patching.between(before, after)
    assert [(op["op"], op["path"]) for op in made] == ops
    assert patch.apply(before, list(made)) == after


def _any(chance: random.Random, depth: int = 0) -> JsonValue:
    kind = chance.randrange(7 if depth < 3 else 5)
    if kind == 5:
        return [_any(chance, depth + 1) for _ in range(chance.randrange(5))]
    if kind == 6:
        names = chance.sample(("a", "b", "c/d", "e~", ""), chance.randrange(5))
        return {name: _any(chance, depth + 1) for name in names}
    return (None, True, 1, 1.5, "word")[kind]


def _changed(chance: random.Random, value: JsonValue) -> JsonValue:
    if chance.random() < 0.2:
        return _any(chance, 2)
    if isinstance(value, list):
        kept = [_changed(chance, item) for item in value if chance.random() < 0.8]
        return [*kept, *([_any(chance, 2)] if chance.random() < 0.3 else [])]
    if isinstance(value, dict):
        return {n: _changed(chance, item) for n, item in value.items() if chance.random() < 0.8}
    return value


@pytest.mark.parametrize("seed", range(300))
def test_any_edit_is_what_its_patch_does(seed: int) -> None:
    chance = random.Random(seed)
    before = _any(chance)
    after = _changed(chance, before)
    assert (
        patching.written(patch.apply(before, list(patching.between(before, after))))
        == (patching.written(after))
        or patch.apply(before, list(patching.between(before, after))) == after
    )


@pytest.mark.parametrize(
    "after",
    [{"to": f"<{TAG}>", "cc": 1}, {"to": TAG, "cc": TAG}, {"cc": 1, "bcc": TAG}, [TAG]],
)
def test_what_would_write_a_tag_is_refused_with_a_sentence(after: JsonValue) -> None:
    with pytest.raises(errors.BadRequest, match=f"{TAG}, which stands for a value that is hidden"):
        patching.between({"to": TAG, "cc": 1}, after)


@pytest.mark.parametrize(("typed", "words"), [('{"a": 1,\n]', "line 2"), ("NaN", "NaN")])
def test_what_is_no_json_says_where(typed: str, words: str) -> None:
    with pytest.raises(errors.BadRequest, match=words):
        patching.read(typed)


def test_a_diff_shows_what_is_other_and_safely() -> None:
    lines = differing.lines({"a": 1, "b": "\x1b[31m"}, {"a": 2, "b": "\x1b[31m"})
    said = ["".join(cell.text for cell in line) for line in lines]
    assert '-  "a": 1,' in said
    assert '+  "a": 2,' in said
    assert "\x1b" not in "".join(said)
    assert differing.lines({}, {})[0][0].text == "the payloads are the same"
