"""`mrcore up`: the whole stack in one state folder, supervised until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import click

from mrcore import folder, settings
from mrcore.cli import stack
from mrcore.sources import base
from mrcore.stack import boot


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="State folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when all is ready.")
@click.option("--seed", type=int, help="Fill with the data of this number.")
@click.option("--scale", type=click.Choice(("small", "large")), default="small", show_default=True)
@click.option(
    "--settings",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings of its core; what to use instead of starting it, and more sources.",
)
@click.option(
    "--time-scale",
    type=click.FloatRange(1, 1_000),
    help="Alerts and samples are so many times as quick: for game days.",
)
def command(
    state: Path | None,
    as_json: bool,
    seed: int | None,
    scale: str,
    file: Path | None,
    time_scale: float | None,
) -> None:
    """Start Postgres, Valkey, the core and Mr. Mentor here; SIGINT or SIGTERM stops them.

    Example: mrcore up --state /tmp/mr --seed 7
    """
    own = settings.load(file)
    if time_scale is not None:
        own = own.model_copy(update={"time_scale": time_scale})
    order = boot.Order(own, seed, scale)
    place = folder.StateFolder(state)
    say = _Terminal(quiet=as_json)
    ready = say.json if as_json else say.addresses
    asyncio.run(boot.run(place, order, now=base.utc_now, tell=say.step, ready=ready))


class _Terminal:
    """Where a person reads the boot; it may be closed at any time, the stop goes on."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def step(self, step: boot.Step) -> None:
        if self._quiet or step.state in ("starting", "stopping"):
            return
        took = "" if step.took_s is None else f"{step.took_s:.2f} s"
        self._print(f"  {step.state:<8} {step.name:<14}{took:>7}  {step.why}".rstrip())

    def json(self, line: dict[str, Any]) -> None:
        self._print(json.dumps(line))

    def addresses(self, line: dict[str, Any]) -> None:
        for said in stack.addresses(line):
            self._print(said)
        self._print("End it:      ctrl-c here")

    def _print(self, text: str) -> None:
        # A lost terminal raises OSError; its SIGHUP is what ends the stack, in order.
        with contextlib.suppress(OSError):
            click.echo(text)
