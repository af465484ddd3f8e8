"""The table of keys: no clash, everything known, a keymap file that explains its mistakes."""

from __future__ import annotations

import pytest

from mrcore import catalogue, errors
from mrtui import keys


def test_ids_and_commands_are_unique_and_no_two_keys_clash() -> None:
    ids = [entry.id for entry in keys.TABLE]
    commands = [entry.command for entry in keys.TABLE if entry.command]
    assert len(set(ids)) == len(ids)
    assert len(set(commands)) == len(commands)
    assert keys.clashes(keys.TABLE) == []


def test_every_action_that_a_key_needs_is_in_the_catalogue() -> None:
    assert {entry.needs for entry in keys.TABLE if entry.needs} <= set(catalogue.ACTIONS)
    assert {e.does.split()[1] for e in keys.TABLE if e.does.startswith("act ")} <= set(
        catalogue.ACTIONS
    )


def test_digits_six_to_nine_are_reserved() -> None:
    taken = {key for entry in keys.TABLE for key in entry.keys}
    assert not taken & set("6789")


def test_a_key_exists_only_where_the_row_offers_its_action() -> None:
    keymap = keys.Keymap()
    assert keymap.find("r", ["lists"], ["queue.retry"]) is not None
    assert keymap.find("r", ["lists"], []) is None
    assert ("r", "retry") in keymap.footer(["lists"], ["queue.retry"])
    assert ("r", "retry") not in keymap.footer(["lists"], [])


def test_the_same_key_means_another_thing_on_another_screen() -> None:
    keymap = keys.Keymap()
    found = [keymap.find("f", [scope], []) for scope in ("logs", "redis", "home")]
    assert [entry and entry.id for entry in found] == ["logs.follow", "redis.prefix", None]


def test_a_command_is_found_by_its_beginning_when_only_one_has_it() -> None:
    keymap = keys.Keymap()
    assert keymap.command("sched").id == "go.schedules"  # type: ignore[union-attr]
    assert keymap.command("q").id == "app.quit"  # type: ignore[union-attr]
    assert keymap.command("s") is None
    assert keymap.command("") is None


def test_a_keymap_file_moves_keys() -> None:
    keymap = keys.load('[keys]\n"list.filter" = "f3"\n"go.home" = ["1", "f1"]\n', "keys.toml")
    assert keymap.find("f3", ["lists"], []).id == "list.filter"  # type: ignore[union-attr]
    assert keymap.find("slash", ["lists"], []) is None
    assert keymap.find("f1", [], []).id == "go.home"  # type: ignore[union-attr]


def test_symbols_may_be_written_as_they_are() -> None:
    keymap = keys.load('[keys]\n"app.help" = ["?", "f1"]\n', "keys.toml")
    assert keymap.find("question_mark", [], []).id == "app.help"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[keys]\n"list.fliter" = "x"\n', ["keys.toml:2", "list.fliter"]),
        ('[keys]\n"list.filter" = 3\n', ["keys.toml:2", "list.filter"]),
        ('[keys]\n"list.sort" = "z"\n\n"list.freeze" = "z"\n', ["line 2", "line 4", "list.freeze"]),
        ('[keys]\n"list.sort" = "p"\n', ["line 2", "the default", "list.freeze", "'p'"]),
        ("[keys\n", ["keys.toml", "does not parse"]),
    ],
)
def test_a_mistake_in_a_keymap_is_named_with_its_line(text: str, words: list[str]) -> None:
    with pytest.raises(errors.SettingsError) as caught:
        keys.load(text, "keys.toml")
    assert all(word in str(caught.value) for word in words), str(caught.value)
