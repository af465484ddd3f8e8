"""What is said of the channel `command` is what a program gets; its example does what it says."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mrcore import errors, settings
from mrcore.adapters import command as tool
from mrcore.alerts import notify
from mrcore.alerts.notify import command, message
from mrcore.sources import base
from tests.docs import examples, generate

DOCUMENT = generate.ROOT / "docs" / "command.md"
TEXT = DOCUMENT.read_text()
ROWS = dict(re.findall(r"^\| `(MR_\w+)` \| (.+) \|$", TEXT, re.MULTILINE))
TELL = """
import json, os, sys
told = {"env": dict(os.environ), "argv": sys.argv[2:], "stdin": sys.stdin.read()}
open(sys.argv[1], "w").write(json.dumps(told))
"""


async def send(*argv: str) -> message.Message:
    """Tell a program of a message, by the real channel."""
    table = {"kind": "command", "argv": argv}
    said = message.test("local", "pager", base.utc_now())
    await notify.build("pager", table, base.utc_now).channel.send(said)
    return said


@pytest.fixture
async def heard(tmp_path: Path) -> dict[str, Any]:
    """What a program that was told has: its environment, arguments and stdin."""
    out = tmp_path / "out"
    await send(sys.executable, "-I", "-c", TELL, str(out), "word")
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_the_names_are_those_that_a_program_gets(heard: dict[str, Any]) -> None:
    beside = re.search(r"it has only (.+):", TEXT)
    assert beside
    kept = {name.partition("=")[0] for name in re.findall(r"`([^`]+)`", beside[1])}
    assert heard["env"].keys() - kept == ROWS.keys()
    assert kept >= tool.environment().keys()
    assert {"LC_ALL=C", "TZ=UTC"} <= {f"{k}={v}" for k, v in heard["env"].items()}
    assert (heard["argv"], heard["stdin"]) == (["word"], "")


def test_the_fields_are_those_of_the_message(heard: dict[str, Any]) -> None:
    named = set(re.findall(r"`(\w+)`", ROWS["MR_MESSAGE"].partition("; ")[0]))
    assert named == json.loads(heard["env"]["MR_MESSAGE"]).keys()


@pytest.mark.parametrize(
    "said", [command.__doc__, command.Settings.model_fields["argv"].description]
)
def test_who_reads_the_code_or_the_table_finds_the_names(said: str) -> None:
    assert set(re.findall(r"MR_\w+", said)) == ROWS.keys()


async def test_the_example_says_a_message_once(tmp_path: Path) -> None:
    (table,) = examples.blocks(DOCUMENT, "toml")
    own = settings.Settings(**tomllib.loads(table)).alerts.channels["pager"]
    assert notify.build("pager", own, base.utc_now).settings.kind == "command"
    (script,) = examples.blocks(DOCUMENT, "sh")
    assert own["argv"][0] in script
    page, out = tmp_path / "page", tmp_path / "paged"
    page.write_text(script)
    page.chmod(0o700)
    said = await send(str(page), str(out))
    assert out.read_text() == f"{said.title}\n\n{said.text}\n{said.key}\n"
    channel = notify.build("pager", {**own, "argv": [str(page), str(out)]}, base.utc_now).channel
    await channel.send(said)
    assert out.read_text().count(said.title) == 1
    with pytest.raises(errors.NotSent, match="ended with 1"):
        await send(str(page), str(tmp_path))
