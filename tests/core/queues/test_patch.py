"""JSON Patch: RFC 6902's own examples, sentences, and that nothing else is touched."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from mrcore import errors
from mrcore.queues import patch


@pytest.mark.parametrize(
    ("payload", "ops", "after"),
    [
        ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
        ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}),
        ({"a": 1, "b": 2}, [{"op": "remove", "path": "/b"}], {"a": 1}),
        ({"a": [1, 2, 3]}, [{"op": "remove", "path": "/a/1"}], {"a": [1, 3]}),
        ({"a": 1}, [{"op": "replace", "path": "/a", "value": None}], {"a": None}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": [1]}], [1]),
        ({"a": {"b": 1}, "c": {}}, [{"op": "move", "from": "/a/b", "path": "/c/b"}],
         {"a": {}, "c": {"b": 1}}),
        ({"a": [1, 2]}, [{"op": "move", "from": "/a/0", "path": "/a/1"}], {"a": [2, 1]}),
        ({"a": 1}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": 1, "b": 1}),
        ({"a/b": 1, "m~n": 2}, [{"op": "remove", "path": "/a~1b"},
                               {"op": "test", "path": "/m~0n", "value": 2}], {"m~n": 2}),
        ({"a": 1}, [{"op": "test", "path": "/a", "value": 1.0}], {"a": 1}),
    ],
)  # fmt: skip
def test_operations(payload: JsonValue, ops: JsonValue, after: JsonValue) -> None:
    before = copy.deepcopy(payload)

    assert patch.apply(payload, ops) == after
    assert payload == before


@pytest.mark.parametrize(
    ("ops", "sentence"),
    [
        ({}, "at most 100 operations"),
        ([1], "Operation 1 of the patch: it is no object"),
        ([{"op": "jump", "path": "/a"}], "no op 'jump'"),
        ([{"op": "add", "path": "/b"}], "add needs 'value'"),
        ([{"op": "remove"}], "remove needs 'path'"),
        ([{"op": "remove", "path": "a"}], "'a' is no path"),
        ([{"op": "remove", "path": "/~2"}], "~ is written ~0"),
        ([{"op": "remove", "path": "/x"}], "there is no /x"),
        ([{"op": "replace", "path": "/l/7", "value": 1}], "there is no /l/7"),
        ([{"op": "replace", "path": "/l/-", "value": 1}], "there is no /l/-"),
        ([{"op": "add", "path": "/l/01", "value": 1}], "/l/01 is no place in a list of 2"),
        ([{"op": "add", "path": "/a/b", "value": 1}], "/a holds nothing"),
        ([{"op": "move", "from": "/l", "path": "/l/0"}], "/l cannot be moved into itself"),
        ([{"op": "test", "path": "/a", "value": True}], "/a is not what the patch was made for"),
        ([{"op": "remove", "path": "/a"}, {"op": "remove", "path": "/a"}], "Operation 2"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_done(ops: JsonValue, sentence: str) -> None:
    payload: JsonValue = {"a": 1, "l": [1, 2]}
    with pytest.raises(errors.BadRequest) as refused:
        patch.apply(payload, ops)

    assert sentence in str(refused.value)
    assert payload == {"a": 1, "l": [1, 2]}


@given(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5),
    st.text(max_size=5),
    st.integers(),
)
def test_what_was_added_under_any_name_is_there_and_can_be_removed(
    payload: dict[str, JsonValue], key: str, value: int
) -> None:
    path = "/" + key.replace("~", "~0").replace("/", "~1")
    after = patch.apply(payload, [{"op": "add", "path": path, "value": value}])

    assert after == payload | {key: value}
    rest = patch.apply(after, [{"op": "remove", "path": path}])
    assert rest == {k: v for k, v in payload.items() if k != key}
