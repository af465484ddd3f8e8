"""`mrtui`: the screen over a core that runs, or that is started first."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mrcore import errors
from mrtui import bindings, keyfile, places, start
from mrtui.terminal import capabilities

if TYPE_CHECKING:
    from mrtui import app, link


def run(options: argparse.Namespace) -> int:
    """Find or start the core, then show the screen."""
    place = places.find(options.target, options.state, options.token_file)
    token = place.token
    keymap = own_keys()
    refuse_without_terminal()
    failed: Callable[[], str] = str
    revive: Callable[[], None] | None = None
    if place.state is not None and not place.url:
        if options.settings:
            start.refuse_other_settings(place.state, options.settings)
        found = start.Core(place.state, options.settings or default_settings())
        found.ensure()
        failed, revive = found.failed, found.revive
    locked = prepared()
    from mrtui import app  # textual, after the core was started

    started = start.Start(
        place=place.name,
        address=place.address,
        state=place.state,
        theme=options.theme,
        locked_theme=locked,
        read_only=options.read_only,
        ring=options.ring,
        failed=failed,
        contexts=contexts(place),
    )
    connect = connector(place, token, revive)
    return show(app.ControlRoom(connect, keymap=keymap, started=started))


def default_settings() -> Path | None:
    """A person's own settings of a core, where there are any."""
    path = places.config_file("settings.toml")
    return path if path.exists() else None


def own_keys() -> bindings.Keymap:
    """A person's keymap, or the table as it is.

    Raises SettingsError when the file has a mistake.
    """
    path = places.config_file("keys.toml")
    try:
        text = path.read_text()
    except FileNotFoundError:
        return bindings.Keymap()
    except OSError as error:
        raise errors.SettingsError(
            f"The keymap {path} cannot be read: {error.strerror}."
        ) from error
    return keyfile.load(text, str(path))


def refuse_without_terminal() -> None:
    """Raise StackError where there is no terminal to draw on."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise errors.StackError(
            "The screen needs a terminal, and this is none.",
            fix="`mrtui status`, `mrtui check` and `mrtui show SCREEN` work without one.",
        )


def prepared() -> str:
    """Tell Textual about the terminal before it is loaded; the theme that is forced, if any."""
    return capabilities.prepare(os.environ).locked_theme


def connector(
    place: places.Place, token: str, revive: Callable[[], None] | None = None
) -> Callable[[], link.Core]:
    """What makes a client; httpx is loaded when it is first called, behind the first frame.

    `revive` is called before each: it starts a core where one should be and is not.
    """

    def connect() -> link.Core:
        from mrcore import client

        if revive is not None:
            revive()

        return client.CoreClient.at(state=place.state, url=place.url, token=token, ca=place.ca)

    return connect


def contexts(here: places.Place) -> Callable[[], list[start.Context]]:
    """What lists every environment that can be looked at, read anew each time, with where we are.

    It raises SettingsError when the contexts file cannot be read.
    """

    def listed() -> list[start.Context]:
        known = places.contexts()
        for number, entry in enumerate(known):
            if (entry.name, entry.place.address) == (here.name, here.address):
                known[number] = places.Context(entry.name, here)  # with the token that was named
                break
        else:
            taken = any(entry.name == here.name for entry in known)
            known.insert(0, places.Context(here.address if taken else here.name, here))
        return [_context(entry) for entry in known]

    return listed


def _context(entry: places.Context) -> start.Context:
    def connect() -> link.Core:
        if entry.wrong:
            raise errors.SettingsError(entry.wrong)
        return connector(entry.place, entry.place.token)()

    return start.Context(entry.name, entry.place.address, connect)


def show(control: app.ControlRoom) -> int:
    """Run the app until it is left; signals and crashes restore the terminal."""
    from mrtui.terminal import signals  # textual

    try:
        return signals.run(control, crash_folder=places.crash_folder(), now=control.clock)
    finally:
        control.naming.restore(sys.__stderr__)  # where Textual writes, too
