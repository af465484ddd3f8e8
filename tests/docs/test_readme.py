"""The README tells the truth: its generated parts are current and its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs import generate

ROOT = Path(__file__).resolve().parents[2]


def test_generated_parts_are_current() -> None:
    text = generate.README.read_text()
    assert set(re.findall(r"<!-- generated: (\w+) -->", text)) == set(generate.PARTS)
    assert generate.generate(text) == text, "run: python -m tests.docs.generate"


def test_every_make_target_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"`?make ([a-z]+)`?", generate.README.read_text()))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "dev", "test", "proof", "bench", "lint"} <= named & targets
    assert named <= targets


def test_every_file_that_the_readme_links_exists() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", generate.README.read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
