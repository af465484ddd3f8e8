"""`mrcore seed`: roles, schema and data of Mr. Mentor."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click
from pydantic import SecretStr

from mrcore import errors
from mrcore.mentor import config, people, seed
from mrcore.sources import base
from mrcore.stack import joining


@click.command()
@click.option(
    "--state", type=click.Path(path_type=Path), help="Join the stack that runs in this folder."
)
@click.option("--seed", "number", type=int, help="Fill with the data of this number.")
@click.option(
    "--scale", type=click.Choice(sorted(people.SCALES)), default="small", show_default=True
)
def command(state: Path | None, number: int | None, scale: str) -> None:
    """Make Mr. Mentor's schema and its data; again changes nothing.

    Reads MR_ADMIN_DSN (a superuser's), DB_NAME, DB_PASSWORD and MR_WATCHER_PASSWORD; a running
    stack says them by itself.

    Example: mrcore seed --state /tmp/mr --seed 7 --scale small
    """
    joining.join(state)
    dsn = os.environ.get("MR_ADMIN_DSN", "")
    if not dsn:
        raise errors.SettingsError(
            "MR_ADMIN_DSN is not set.",
            fix="Name a running stack with --state, or set it to the DSN of a superuser.",
        )
    database = config.Config.read(os.environ).database
    order = seed.Order(
        admin_dsn=SecretStr(dsn),
        database=database.name,
        app_password=database.password,
        watcher_password=SecretStr(os.environ.get("MR_WATCHER_PASSWORD", "")),
        seed=number,
        scale=people.SCALES[scale],
    )
    made = asyncio.run(seed.make(order, now=base.utc_now))
    click.echo(f"seed: {len(made.files)} schema files applied, {made.rows:,} rows written")
