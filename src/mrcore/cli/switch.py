"""`mrcore switch`: the small switch before Mr. Mentor's two colours."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True)
@click.option(
    "--current",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File that names the live colour; read at every new connection.",
)
@click.option("--blue", type=click.IntRange(1, 65535), required=True, help="Port of blue.")
@click.option("--green", type=click.IntRange(1, 65535), required=True, help="Port of green.")
def command(port: int, current: Path, blue: int, green: int) -> None:
    """Forward new connections on loopback to the colour that is live (local only), until SIGTERM.

    Example: mrcore switch --port 8080 --current .current_env --blue 8081 --green 8082
    """
    # Imported here: `mrcore switch --help` needs no network.
    from mrcore.mentor import console, switch
    from mrcore.stack import ready

    console.set_up()
    before = switch.Switch(current, {"blue": blue, "green": green})
    asyncio.run(before.run(port, ready.announce))
