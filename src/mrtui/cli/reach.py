"""The core that a command without a screen asks: found, or started where settings give sources."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from mrcore import errors
from mrtui import link, places, start
from mrtui.cli import screen

PATIENCE_S = 30.0
"""How long a core that was started here may take until it can be asked."""


def core(options: argparse.Namespace) -> tuple[places.Place, Callable[[], link.Core]]:
    """Where the core is, and what makes a client of it.

    Without settings nothing is started. With settings each client is of a core that runs, or is
    started again. Raises CoreUnreachable at once where no core runs and none is starting,
    SettingsError, or StackError when the core that was started ends or takes too long.
    """
    place = places.find(options.target, options.state, options.token_file)
    settings = options.settings or screen.default_settings()
    revive: Callable[[], None] | None = None
    if settings is not None and place.state is not None and not place.url:
        if options.settings:
            start.refuse_other_settings(place.state, options.settings)
        found = start.Core(place.state, settings)
        _await(found)
        revive = found.revive
    elif place.state is not None and not place.url and places.nobody_in(place.state):
        raise _absent(place.state)
    return place, screen.connector(place, place.token, revive)


def _absent(state: Path) -> errors.CoreUnreachable:
    """That no core runs there, what starts one, and whose state folder has one that runs."""
    fix = f"Start one: mrcore serve --state {state}"
    others = [f"{_a(other.name)} runs: --state {other}" for other in places.running()]
    return errors.CoreUnreachable(f"No core runs for {state}.", fix=". ".join([*others, fix]))


def _a(name: str) -> str:
    return "A demo" if name == "demo" else f"A core ({name})"


def _await(core_s: start.Core) -> None:
    """Start the core and wait until it answers."""
    core_s.ensure()
    deadline = time.monotonic() + PATIENCE_S
    while core_s.starting:
        if time.monotonic() > deadline:
            raise errors.StackError(
                f"The core of {core_s.state} was not ready after {PATIENCE_S:.0f} s.",
                fix=f"See {core_s.log}.",
            )
        time.sleep(0.05)
    if why := core_s.failed():
        raise errors.StackError(why)
