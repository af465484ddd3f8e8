"""The documents tell the truth: generated parts are current, what they name exists."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from mrcore import settings as core_settings
from mrcore import sources
from mrcore.alerts import notify
from mrcore.alerts.notify import channel
from tests.docs import generate

ROOT = Path(__file__).resolve().parents[2]
ALL = pytest.mark.parametrize("document", generate.DOCUMENTS, ids=lambda path: path.name)


@ALL
def test_generated_parts_are_current(document: Path) -> None:
    text = document.read_text()
    assert generate.generate(text) == text, "run: python -m tests.docs.generate"


def test_every_part_is_somewhere() -> None:
    text = "".join(document.read_text() for document in generate.DOCUMENTS)
    named = re.findall(r"<!-- generated: (\w+) -->", text)
    assert sorted(named) == sorted(generate.PARTS)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("settings", ("`socket_group`", "`limits.dangerous_per_minute`", "units.NAME.sudo`")),
        ("roles", ("`deploy.switch` | critical | armed, and a second login", "puts it back")),
        ("commands", ("`mrcore audit verify [--state", "`mrcore doctor [", "`mrtui do [--list]")),
        ("problems", ("`not_armed` | 403", "`foreign` | 403", "`starting` | 503")),
    ],
)
def test_generated_parts_have_what_is_new(part: str, words: tuple[str, ...]) -> None:
    text = generate.PARTS[part]()
    assert [word for word in words if word not in text] == []


SETTINGS = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", generate.settings(), re.MULTILINE)


def test_every_default_is_as_one_types_it() -> None:
    typed = {default for _, default, _ in SETTINGS} - {"required", "none", "its name"}
    assert {type(tomllib.loads(f"it = {each.strip('`')}")["it"]) for each in typed} >= {str, list}
    said = {(name, default) for name, default, _ in SETTINGS}
    assert ("alerts.channels.NAME.severities", '`["P1", "P2", "P3"]`') in said
    assert ("sources.NAME.paths", '`{root = "/"}`') in said


@pytest.mark.parametrize(
    ("prefix", "registry", "model"),
    [
        ("sources.NAME", sources.REGISTRY, core_settings.SourceSettings),
        ("alerts.channels.NAME", notify.REGISTRY, channel.Settings),
    ],
)
def test_what_each_kind_can_be_told_is_said(
    prefix: str, registry: dict[str, str], model: type[BaseModel]
) -> None:
    means = {(name, text.partition(": ")[0]) for name, _, text in SETTINGS}
    shared = model.model_fields
    assert {(f"{prefix}.{name}", "any kind") for name in shared} <= means
    for kind, module in registry.items():
        for name, field in importlib.import_module(module).Settings.model_fields.items():
            usual = name in shared and (name == "kind" or field.default == shared[name].default)
            said = {of for path, of in means if re.match(rf"{prefix}\.{name}(\.|$)", path)}
            assert (kind in said) is not usual, f"{kind}: {name}"


def test_every_make_target_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"`?make ([a-z]+)`?", generate.README.read_text()))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "dev", "test", "proof", "bench", "lint"} <= named & targets
    assert named <= targets


@ALL
def test_every_file_that_is_linked_exists(document: Path) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@ALL
def test_every_test_that_is_named_exists(document: Path) -> None:
    for path, _, name in re.findall(r"`(tests/[\w/]+\.py)(::(\w+))?", document.read_text()):
        text = (ROOT / path).read_text()
        assert not name or f"def {name}(" in text, f"{path}::{name}"


def test_the_first_thing_that_is_said_of_production() -> None:
    head = generate.README.read_text().split("\n## ")[0]
    link = "[What can it do to my production, and how do I stop it](docs/production.md)"
    assert link in head
