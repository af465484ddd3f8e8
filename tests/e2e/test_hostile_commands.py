"""What commands print of hostile strings: lines of plain text, and nothing else."""

from __future__ import annotations

import re

import pytest

from tests import thinned
from tests.e2e import hostile_room, running

pytestmark = pytest.mark.xdist_group("hostile")

COMMANDS = (
    "status", "status --json", "check", "show home", "show audit --size 160x40", "show plans",
    "show mr://mr/queue/0", "show mr://mr/job/0/x --size 120x40", "do job.remove mr/job/1 --plan",
    "do job.remove mr/job/1 --plan --json", "do key.delete mr/key/1 --yes --reason \x1b]0;x\x07",
    "do job.reveal mr/job/1 --yes --reason x", "do \x1b[2J mr/job/1",
    "do job.remove \x1b]52;c;x\x07",
    "show \x9b2J\udcff", "show mr://\udcff/\u202e/x", "status --token-file /\x1b[2J", "\x1b[2J",
    "do job.remove mr/job/\udcff --plan", "do job.remove mr/job/1 --arg \x1b]0;x",
    "--theme \x1b[2J show",
)  # fmt: skip


CRASHED = re.compile(r'File "[^"]*/(?:mrtui|mrcore)/')
"""A traceback of ours; that of a job is shown."""


@pytest.mark.parametrize("line", thinned.every_second(COMMANDS), ids=ascii)
def test_what_mrtui_prints(room: hostile_room.Room, line: str) -> None:
    said = room.printed(running.MRTUI, line)
    assert said
    assert not CRASHED.search(said)


@pytest.mark.parametrize(
    "line",
    thinned.every_second([
     "token list", "token list --json", "audit export", "audit verify", "token create \x1b[2J",
     "audit verify --anchor /\x1b]0;x\x07", "serve --settings /\x9b2J", "\x1b[2J",
     "audit export --text [", "audit export --since \x1b[2J", "token revoke \x9b"]),
    ids=ascii,
)  # fmt: skip
def test_what_mrcore_prints(room: hostile_room.Room, line: str) -> None:
    said = room.printed(running.MRCORE, line)
    assert said
    assert not CRASHED.search(said)
