"""`mrtui show SCREEN`: a screen as text."""

from __future__ import annotations

import argparse
import asyncio
import re

from mrcore import errors
from mrcore.model import ref as refs
from mrtui import app, places, screens, start
from mrtui.cli import reach, screen

PATIENCE_S = 10.0
CALM_S = 0.3
"""A screen is printed when it has not changed for this long."""


def run(options: argparse.Namespace) -> int:
    """Draw without a terminal, wait until it is calm, print."""
    wanted = re.fullmatch(r"(\d{2,3})x(\d{1,3})", options.size)
    if wanted is None:
        raise errors.BadRequest(f"{options.size!r} is no size; write 80x24.")
    _refuse_what_is_no_screen(options.screen)
    size = (int(wanted[1]), int(wanted[2]))
    place, connect = reach.core(options)
    started = start.Start(place=place.name, address=place.address, contexts=screen.contexts(place))
    control = app.ControlRoom(connect, started=started)
    print(asyncio.run(drawn(control, options.screen, size, options.text)))
    return 0


def _refuse_what_is_no_screen(name: str) -> None:
    if "/" in name:
        try:
            refs.parse(name)
        except ValueError as error:
            raise errors.BadRequest(f"{error}.".replace("..", ".")) from None
    elif name in ("jobs", "job", "detail"):
        raise errors.BadRequest(
            f"The screen {name!r} is of one thing: name its ref.",
            fix=f"For example: {places.program()} show mr://huey/queue/emailQueue",
        )
    elif name not in screens.NAMES:
        raise errors.BadRequest(
            f"There is no screen {name!r}.", fix=f"There are {', '.join(screens.NAMES)}."
        )


async def drawn(
    control: app.ControlRoom, name: str, size: tuple[int, int], pattern: str = ""
) -> str:
    """The text of a screen, filtered, once the core has answered and nothing moves any more.

    Raises CoreUnreachable when the core does not answer in time, BadRequest where nothing filters,
    NotFound for a ref that leads nowhere.
    """
    async with control.run_test(size=size) as pilot:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await control.inside.wait()
        except TimeoutError:
            known = getattr(control, "world", None)  # made once its modules are loaded
            why = known.why_lost if known is not None else ""
            raise errors.CoreUnreachable(why or "The core does not answer.") from None
        await pilot.pause()
        await control.enter(name)
        if "/" in name and control.news.style == "bad":
            raise errors.NotFound(control.news.text.removeprefix("✖ "))
        if pattern:
            await pilot.pause()
            _filter(control, name, pattern)
        before = ""
        clock = asyncio.get_running_loop()
        until_s = clock.time() + PATIENCE_S  # drawing takes its time, too
        while clock.time() < until_s:
            await pilot.pause(CALM_S)
            now = text(control)
            if now == before and not (pattern and _asks(control)):
                break
            before = now
        return text(control)


def _asks(control: app.ControlRoom) -> bool:
    """Whether the core has not answered yet what the screen asked last."""
    from mrtui.screens import paged

    return isinstance(control.screen, paged.Paged) and control.screen.pager.looked is None


def _filter(control: app.ControlRoom, name: str, pattern: str) -> None:
    from mrtui.screens import listing  # draws: only where it is asked for

    if not isinstance(control.screen, listing.Listing):
        raise errors.BadRequest(f"The screen {name!r} has no list that a text filters.")
    control.screen.filter_by(pattern)


def text(control: app.ControlRoom) -> str:
    """What is on the screen, a line a row, without trailing spaces."""
    strips = control.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in strips)
