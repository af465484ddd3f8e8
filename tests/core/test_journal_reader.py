"""The restricted reader: what lies in a queue cannot run code in a process that looks at it."""

from __future__ import annotations

import datetime
import decimal
import json
import os
import pickle
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from huey.registry import Message
from huey.serializer import Serializer, SignedSerializer
from hypothesis import given
from hypothesis import strategies as st

from mrcore.journal import projection, reader


def message(*args: Any, **kwargs: Any) -> Message:
    return Message("id-1", "app.send", None, 2, 5, None, args, kwargs)


def dump(value: object) -> bytes:
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


class Sneaky(Evil):
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"open({str(self.path)!r}, 'w').close()",)


def test_what_huey_writes_is_read() -> None:
    when = datetime.datetime(2025, 1, 2, 3, 4, 5, 678)  # noqa: DTZ001 - huey's clock has no zone
    made = message("a", 1, None, 2.5, b"\xff", when, code={"x": [1, (2, 3)], "s": {1}})
    seen = reader.read(Serializer().serialize(made._replace(eta=when)))
    assert (seen.id, seen.task, seen.retries, seen.retry_delay) == ("id-1", "app.send", 2, 5.0)
    assert seen.args == ["a", 1, None, 2.5, b"\xff", when]
    assert seen.kwargs == {"code": {"x": [1, [2, 3]], "s": {1}}}
    assert seen.eta == when


@pytest.mark.parametrize(
    "serializer",
    [Serializer(True), Serializer(True, use_zlib=True), SignedSerializer("secret")],
    ids=["gzip", "zlib", "signed"],
)
def test_compressed_and_signed_messages_are_read(serializer: Serializer) -> None:
    assert reader.read(serializer.serialize(message("hello"))).args == ["hello"]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_that_huey_can_write_is_read(protocol: int) -> None:
    seen = reader.read(pickle.dumps(message("a", [1], {"k": 2}), protocol))
    assert (seen.id, seen.args) == ("id-1", ["a", [1], {"k": 2}])


@pytest.mark.parametrize("kind", [Evil, Sneaky])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_code_in_a_payload_does_not_run(kind: type[Evil], protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "ran"
    if protocol == 0:
        with pytest.raises(reader.Unreadable):
            reader.read(pickle.dumps(message(kind(path)), protocol))
    else:
        seen = reader.read(pickle.dumps(message(kind(path)), protocol))
        assert repr(seen.args[0]) in (
            "<unknown posix.system>",
            "<unknown builtins.eval>",
            "<unknown __builtin__.eval>",
        )
    assert not path.exists()
    pickle.loads(pickle.dumps(kind(path)))
    deadline = time.monotonic() + 5
    while not path.exists():
        assert time.monotonic() < deadline, "the payload must be one that works elsewhere"


def test_what_the_reader_does_not_build_is_named() -> None:
    seen = reader.read(dump(message(decimal.Decimal("1.5"), 7)))
    assert projection.plain(seen.args) == ["<unknown decimal.Decimal>", 7]


def build_on_a_class() -> bytes:
    """BUILD with slot state on the class Message itself would set its attributes."""
    state = b"N}\x8c\x02id\x8c\x05owned\x73\x86"
    return b"\x80\x04\x8c\x0dhuey.registry\x8c\x07Message\x93" + state + b"b."


def test_a_class_cannot_be_changed() -> None:
    before = dict(vars(Message)), dict(vars(reader._Parts))
    with pytest.raises(reader.Unreadable):
        reader.read(build_on_a_class())
    assert (dict(vars(Message)), dict(vars(reader._Parts))) == before


def laughs(levels: int) -> bytes:
    """A tuple of itself, `levels` deep, as a dictionary's key: 2^levels steps to hash."""
    body = b"\x80\x04}K\x01"
    for n in range(levels):
        body += b"r" + n.to_bytes(4, "little") + b"j" + n.to_bytes(4, "little") + b"\x86"
    return body + b"K\x02s."


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a pickle",
        b"\x80\x05.",
        dump([1, 2]),
        dump(message())[:-1],
        b"\x1f\x8b broken",
        b"\x78\x9c broken",
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x05\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x02N\x72\xff\xff\xff\x7f.",
        b"cos\nsystem\nQ.",
        b"\x80\x02\x82\x01.",
        laughs(60),
        zlib.compress(b"a" * 50_000_000),
        dump(message("x" * reader.MESSAGE_LIMIT)),
        dump(Message(7, "app.send")),
        b"\x80\x04" + b"]" * 60_000 + b"a" * 59_999 + b".",
    ],
)
@pytest.mark.timeout(30)
def test_what_is_no_message_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(reader.Unreadable, match=r"^The message .*\.$"):
        reader.read(data)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for candidate in (data, b"\x80\x04" + data + b"."):
        try:
            reader.read(candidate)
        except reader.Unreadable:
            continue


def test_shared_parts_cannot_explode_when_they_are_shown() -> None:
    value: Any = "x"
    for _ in range(40):
        value = [value, value]
    assert len(projection.dump(value)) <= projection.PAYLOAD_LIMIT + 30
    assert len(str(projection.plain(value))) < 50_000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers() | st.text(), inner),
    max_leaves=10,
)


@given(json_values)
def test_every_value_has_a_projection(value: Any) -> None:
    json.loads(projection.dump(value), parse_constant=lambda word: pytest.fail(word))


def test_a_class_whose_repr_fails_is_named() -> None:
    class Mute:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    assert projection.dump({"a": Mute()}) == '{"a": "<Mute>"}'


# -- writing anew


@pytest.mark.parametrize("serializer", [Serializer(), Serializer(True), Serializer(True, True)])
def test_what_was_read_is_written_with_other_values(serializer: Serializer) -> None:
    when = datetime.datetime(2025, 1, 2, 3, 4, 5, 678)  # noqa: DTZ001 - huey's clock has no zone
    then = message("next", x=(1, [2]))
    made = message("a", (1, (2, b"\xff")), when, code={"s": {1}})._replace(
        eta=when, on_complete=then, chord_config=("c", 2, 0, then)
    )
    data = serializer.serialize(made)
    assert serializer.deserialize(reader.rewritten(data)) == made
    other = reader.rewritten(data, id="other", eta=None, args=("b", [1]), kwargs={"k": None})
    assert serializer.deserialize(other) == made._replace(
        id="other", eta=None, args=("b", [1]), kwargs={"k": None}
    )


def test_what_would_be_lost_is_not_written(tmp_path: Path) -> None:
    signed = SignedSerializer("secret").serialize(message("a"))
    with pytest.raises(reader.NotPlain, match="signed"):
        reader.rewritten(signed)
    for value, why in (
        (Evil(tmp_path / "ran"), "class that only its workers know"),
        (frozenset({1}), "frozen set"),
        ({"deep": [{Evil(tmp_path / "ran")}]}, "class that only"),
    ):
        with pytest.raises(reader.NotPlain, match=why):
            reader.rewritten(Serializer().serialize(message(value)))
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(reader.NotPlain, match="too deep"):
        reader.rewritten(pickle.dumps(message(endless)))
    assert not (tmp_path / "ran").exists()
