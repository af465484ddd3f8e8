"""What the documents tell a reader to type is taken by the real parsers."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

from mrcore import catalogue, settings, sources
from mrcore import cli as core_cli
from mrcore.alerts import rule as rules
from mrcore.model import ref
from mrtui import cli as screen_cli
from mrtui import keyfile, places
from tests.docs import examples, generate

UNIT = generate.ROOT / "docs" / "mrcore.service"
COMMANDS = [
    pytest.param(program, words, id=" ".join([document.name, program, *words])[:120])
    for document, found in (
        *((document, examples.commands(document)) for document in generate.DOCUMENTS),
        (UNIT, examples.exec_starts(UNIT)),
    )
    for program, words in found
]


@pytest.mark.parametrize(("program", "words"), COMMANDS)
def test_a_command_is_one(program: str, words: list[str]) -> None:
    if program == "mrcore":
        take(core_cli.cli, "mrcore", words)
        return
    command = words[0] if words and words[0] in screen_cli.COMMANDS else ""
    if words == [command] or {"--help", "--version"} & {*words}:
        return  # only its name is said
    taken = screen_cli.parser(command).taken(words[bool(command) :])
    if command == "do" and taken.action.islower():
        action = catalogue.ACTIONS[taken.action]
        for each in taken.refs:
            kind = ref.parse(each.removeprefix("mr://")).kind
            assert kind == action.kind


def take(command: click.Command, name: str, words: list[str]) -> None:
    """Parse as the command line would, without running anything."""
    if "--help" in words:
        words = words[: words.index("--help")]
    if not words and isinstance(command, click.Group):
        return  # only its name is said
    with command.make_context(name, list(words)) as here:
        if isinstance(command, click.Group):
            words = [*here._protected_args, *here.args]
            below, found, rest = command.resolve_command(here, words)
            assert found is not None
            take(found, str(below), rest)


def test_there_are_commands_of_every_document_that_has_some() -> None:
    counts = {d.name: len(list(examples.commands(d))) for d in generate.DOCUMENTS}
    assert counts["README.md"] > 10
    assert min(counts["production.md"], counts["ssh.md"]) > 8
    assert len(list(examples.exec_starts(UNIT))) == 2


TABLES = [
    pytest.param(text, id=f"{document.name} {number}")
    for document in generate.DOCUMENTS
    for number, text in enumerate(examples.blocks(document, "toml"), 1)
]


@pytest.mark.parametrize("text", TABLES)
def test_settings_load(text: str, tmp_path: Path) -> None:
    table = tomllib.loads(text)
    if "keys" in table:
        assert keyfile.load(text, "keys.toml")
    elif "rule" in table:
        rules.check({**rules.load(rules.shipped(), None), **rules.read(text, "rules.toml")})
    elif text.startswith("# contexts.toml"):
        found = [places._context(name, entry, tmp_path) for name, entry in table.items()]
        assert [each.wrong for each in found if each.wrong] == []
    else:
        check(table)


def check(table: dict[str, Any]) -> None:
    own = settings.Settings(**table)
    for name, source in own.sources.items():
        kind = source.get("kind", name)
        sources.load(name, kind).Settings.model_validate({**source, "kind": kind})


def test_no_example_is_left_out() -> None:
    languages = {
        language
        for document in generate.DOCUMENTS
        for _, language, _ in examples.BLOCK.findall(document.read_text())
    }
    assert languages <= {"", "sh", "toml", "sql", "python"}
    assert len(list(itertools.chain(TABLES))) >= 4
