"""`mrtui demo`: a stack with the screen over it; without a terminal, just the facts."""

from __future__ import annotations

import argparse
import sys

from mrtui import incident, places, start
from mrtui.cli import screen
from mrtui.terminal import safe_text

SEED = 7
BOOT_PATIENCE_S = 180.0


def run(options: argparse.Namespace) -> int:
    """Start the stack (or find it running), show it, and stop it again if it is ours."""
    keymap = screen.own_keys()
    state = (options.state or places.state_folder(options.command)).expanduser().absolute()
    if options.scenario:
        incident.check(options.scenario)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    scale = incident.TIME_SCALE if options.scenario else 1.0
    stack = start.stack(state, _seed(options), options.scale, options.keep, scale)
    broken = incident.Incident(stack, options.scenario) if options.scenario else None
    if broken is not None:
        broken.begin()
    try:
        if not interactive:
            return _facts(stack)
        locked = screen.prepared()
        from mrtui import app  # textual, after the stack was started

        place = places.Place(state=state, context=f"{options.command} {state.name}".strip())
        started = start.Start(
            place=place.name,
            address=place.address,
            state=state,
            theme=options.theme,
            locked_theme=locked,
            read_only=options.read_only,
            ring=options.ring,
            hint="" if broken is None else broken.hint,
            owns_stack=lambda: stack.owned,
            steps=lambda: start.steps(state),
            failed=stack.failed,
            contexts=screen.contexts(place),
        )
        connect = screen.connector(place, "", stack.ensure)
        return screen.show(app.ControlRoom(connect, keymap=keymap, started=started))
    finally:
        if broken is not None:
            broken.end()
        if stack.owned:
            stack.stop(_tell)
        elif stack.process is not None and stack.running:
            print(f"The stack goes on in {state}; stop it: kill {stack.process.pid}")


def _seed(options: argparse.Namespace) -> int | None:
    """A demo always has its data, but for a game day, which starts clean; `dev` on demand."""
    if options.seed is not None:
        return int(options.seed)
    if options.scenario:
        return None
    return SEED if options.command == "demo" else None


def _facts(stack: start.Stack) -> int:
    """Boot, print each step and the facts, say how to see the screen."""
    for step in start.boot(stack, BOOT_PATIENCE_S):
        took = "" if step.took_s is None else f" in {step.took_s:.1f} s"
        _tell(f"● {step.name} ready{took}")
    from mrtui.cli import status

    place = places.Place(state=stack.state)
    code = status.when_live(screen.connector(place, "", stack.ensure))
    called = f"{places.program()} --state {stack.state}"
    _tell(f"The screen: run `{called}` in a terminal while the stack runs.")
    return code


def _tell(sentence: str) -> None:
    print(safe_text.safe_text(sentence), flush=True)
