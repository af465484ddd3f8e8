"""The screen on a simulated core, in a terminal: `python -m tests.tui.on_terminal`."""

from __future__ import annotations

import sys

from mrtui.cli import screen
from tests.tui import simulated


def main() -> int:
    """Run it until it is left."""
    screen.prepared()
    from mrtui import app  # as the command does: Textual reads what was prepared

    core = simulated.Simulated()
    control = app.ControlRoom(lambda: core, clock=simulated.Clock())
    return screen.show(control)


if __name__ == "__main__":
    sys.exit(main())
