"""`mrcore stack`: where the stack of a state folder listens, and what opens its doors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mrcore import errors, folder
from mrcore.cli import plain
from mrcore.stack import seeded


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="State folder.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One line of JSON, with every password: as up --json, and who administers Mr. Mentor.",
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
    whole = {**found, **_superadmin(place)}
    for line in [plain.document(whole)] if as_json else addresses(whole):
        click.echo(line if as_json else plain.text(line))


def _superadmin(place: folder.StateFolder) -> dict[str, Any]:
    """Who may do everything at the backends, where there are invented people."""
    from mrcore.mentor import people

    kept = place.read_json(seeded.FILE) or {}
    seed, scale = kept.get("seed"), people.SCALES.get(str(kept.get("scale")))
    if not isinstance(seed, int) or scale is None:
        return {}
    email = people.person(seed, 0, scale).email
    return {"superadmin": {"email": email, "password": people.password(seed, 0)}}


def addresses(line: dict[str, Any]) -> Iterator[str]:
    """The lines for a person of what a stack says once it is ready."""
    for name in ("control", "socket", "logs"):
        yield f"  {name:<8} {line[name]}"
    for colour, url in line["backends"].items():
        yield f"  {colour:<8} {url}"
    yield f"  {'switch':<8} {line['switch']}"
    board = f"{next(iter(line['backends'].values()))}/admin/queues"
    yield f"  {'board':<8} {board}  login {line['bull_board']['username']}"
    if who := line.get("superadmin"):
        yield f"  {'admin':<8} {who['email']}, at POST /api/auth/login of a backend"
    yield ""
    yield f"Look at it:  mrtui --state {line['state']}"
    yield f"Passwords:   mrcore stack --json --state {line['state']}"
