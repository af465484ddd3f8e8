"""`mrcore stack`: where the stack of a state folder listens, and what opens its doors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mrcore import errors, folder
from mrcore.cli import plain


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="State folder.")
@click.option(
    "--json", "as_json", is_flag=True, help="One line of JSON, with every password: as up --json."
)
def command(state: Path | None, as_json: bool) -> None:
    """Print the addresses of the stack that runs in a state folder; its passwords with --json.

    Example: mrcore stack --json --state /tmp/mr
    """
    place = folder.StateFolder(state)
    found = place.read_json("stack.json") if place.locked("stack.lock") else None
    if found is None:
        raise errors.StackError(
            f"No stack runs in {place.path}, or it is not ready yet.",
            fix="Name its folder with --state DIR, or start one: mrcore up.",
        )
    for line in [plain.document(found)] if as_json else addresses(found):
        click.echo(line if as_json else plain.text(line))


def addresses(line: dict[str, Any]) -> Iterator[str]:
    """The lines for a person of what a stack says once it is ready."""
    for name in ("control", "socket", "logs"):
        yield f"  {name:<8} {line[name]}"
    for colour, url in line["backends"].items():
        yield f"  {colour:<8} {url}"
    yield f"  {'switch':<8} {line['switch']}"
    board = f"{next(iter(line['backends'].values()))}/admin/queues"
    yield f"  {'board':<8} {board}  login {line['bull_board']['username']}"
    yield ""
    yield f"Look at it:  mrtui --state {line['state']}"
    yield f"Passwords:   mrcore stack --json --state {line['state']}"
