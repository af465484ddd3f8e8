"""The table of keys: no clash, everything known, a keymap file that explains its mistakes."""

from __future__ import annotations

import pytest

from mrcore import catalogue, errors
from mrcore.model import plans
from mrtui import bindings, keyfile, keys


def test_ids_and_commands_are_unique_and_no_two_keys_clash() -> None:
    ids = [entry.id for entry in keys.TABLE]
    commands = [entry.command for entry in keys.TABLE if entry.command]
    assert len(set(ids)) == len(ids)
    assert len(set(commands)) == len(commands)
    assert keyfile.clashes(keys.TABLE) == []


def test_every_action_that_a_key_needs_is_in_the_catalogue_and_of_its_kind() -> None:
    for entry in keys.TABLE:
        named = {need.removesuffix(keys.ALL) for need in entry.needs}
        assert {catalogue.ACTIONS[name].kind for name in named} <= {entry.kind}, entry.id
        if entry.does.startswith("act"):
            assert set(entry.does.split()[1:]) == named


def test_every_action_has_a_key_or_a_dialog_of_its_own() -> None:
    elsewhere = {"core.arm", "core.disarm", "plan.approve", "plan.refuse", "undo"}
    reached = {need.removesuffix(keys.ALL) for need in keys.NEEDED} | elsewhere
    assert set(catalogue.ACTIONS) == reached


def test_what_changes_much_has_an_upper_case_letter() -> None:
    for entry in keys.TABLE:
        risks = {catalogue.ACTIONS[need.removesuffix(keys.ALL)].risk for need in entry.needs}
        if risks - {plans.Risk.LOW} or entry.does.startswith("act_all"):
            assert all(key.isupper() and len(key) == 1 for key in entry.keys), entry.id


def test_one_key_does_what_the_row_offers_and_says_so() -> None:
    keymap = bindings.Keymap()
    for action, label in (("queue.pause", "pause"), ("queue.resume", "resume")):
        found = keymap.find("P", ["lists"], [action])
        assert (found and found.id, found and found.label) == ("queue.pause", label)
        assert ("P", label) in keymap.footer(["lists"], [action])
    stop = keymap.find("X", ["lists"], ["operation.stop", "operation.pause"])
    assert stop is not None
    assert stop.id == "operation.stop"
    assert keymap.find("R", ["queues", "lists"], ["queue.retry"]) is None
    everything = keymap.find("R", ["queues", "lists"], ["queue.retry" + keys.ALL])
    assert everything is not None
    assert everything.id == "queues.retry"


def test_digits_eight_and_nine_are_reserved() -> None:
    taken = {key for entry in keys.TABLE for key in entry.keys}
    assert not taken & set("89")


def test_a_key_exists_only_where_the_row_offers_its_action() -> None:
    keymap = bindings.Keymap()
    assert keymap.find("r", ["lists"], ["queue.retry"]) is not None
    assert keymap.find("r", ["lists"], []) is None
    assert ("r", "retry") in keymap.footer(["lists"], ["queue.retry"])
    assert ("r", "retry") not in keymap.footer(["lists"], [])


def test_the_same_key_means_another_thing_on_another_screen() -> None:
    keymap = bindings.Keymap()
    found = [keymap.find("f", [scope], []) for scope in ("logs", "redis", "home")]
    assert [entry and entry.id for entry in found] == ["logs.follow", "redis.prefix", None]


def test_a_command_is_found_by_its_beginning_when_only_one_has_it() -> None:
    keymap = bindings.Keymap()
    assert keymap.command("sched").id == "go.schedules"  # type: ignore[union-attr]
    assert keymap.command("q").id == "app.quit"  # type: ignore[union-attr]
    assert keymap.command("s") is None
    assert keymap.command("") is None


def test_a_keymap_file_moves_keys() -> None:
    keymap = keyfile.load('[keys]\n"list.filter" = "f3"\n"go.home" = ["1", "f1"]\n', "keys.toml")
    assert keymap.find("f3", ["lists"], []).id == "list.filter"  # type: ignore[union-attr]
    assert keymap.find("slash", ["lists"], []) is None
    assert keymap.find("f1", [], []).id == "go.home"  # type: ignore[union-attr]


def test_symbols_may_be_written_as_they_are() -> None:
    keymap = keyfile.load('[keys]\n"app.help" = ["?", "f1"]\n', "keys.toml")
    assert keymap.find("question_mark", [], []).id == "app.help"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[keys]\n"list.fliter" = "x"\n', ["keys.toml:2", "list.fliter"]),
        ('[keys]\n"list.filter" = 3\n', ["keys.toml:2", "list.filter"]),
        (
            '[keys]\n"list.sort" = "f9"\n\n"list.freeze" = "f9"\n',
            ["line 2", "line 4", "list.freeze"],
        ),
        ('[keys]\n"list.sort" = "p"\n', ["line 2", "the default", "list.freeze", "'p'"]),
        ('[keys]\n"job.remove" = "r"\n', ["line 2", "row.retry", "job.remove", "'r'"]),
        ('[keys]\n"queue.pause" = "X"\n', ["line 2", "job.remove", "queue.pause", "'X'"]),
        ('[keys]\n"key.delete" = "y"\n', ["line 2", "row.copy", "key.delete", "'y'"]),
        ('[keys]\n"jobs.retry" = "r"\n', ["line 2", "row.retry", "jobs.retry", "'r'"]),
        ('[keys]\n\n"row.retry" = "ctrl+banana"\n', ["keys.toml:3", "row.retry", "'ctrl+banana'"]),
        ('[keys]\n"row.retry" = ["r", "ctrl+"]\n', ["keys.toml:2", "row.retry", "'ctrl+'"]),
        ("[keys\n", ["keys.toml", "does not parse"]),
    ],
)
def test_a_mistake_in_a_keymap_is_named_with_its_line(text: str, words: list[str]) -> None:
    with pytest.raises(errors.SettingsError) as caught:
        keyfile.load(text, "keys.toml")
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("shift+h", "H"),
        ("!", "exclamation_mark"),
        ("ctrl+/", "ctrl+slash"),
        ("backslash", "backslash"),
        ("ctrl+alt+f4", "ctrl+alt+f4"),
        ("pageup", "pageup"),
        ("é", "é"),
    ],
)
def test_a_key_is_written_as_textual_or_as_a_person_writes_it(written: str, sent: str) -> None:
    keymap = keyfile.load(f"[keys]\n'list.filter' = '{written}'\n", "keys.toml")
    found = keymap.find(sent, ["lists"], [])
    assert found is not None
    assert found.id == "list.filter"


def test_keys_of_rows_that_are_never_the_same_may_be_the_same() -> None:
    keymap = keyfile.load('[keys]\n"session.terminate" = "X"\n"key.delete" = "X"\n', "keys.toml")
    for action, name in (
        ("pg.terminate", "session.terminate"),
        ("key.delete", "key.delete"),
        ("job.remove", "job.remove"),
    ):
        found = keymap.find("X", ["lists"], [action])
        assert found is not None
        assert found.id == name
