"""Whether a screen is still one of the app's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from textual.screen import Screen

    from mrtui import app


def lives(screen: Screen[Any]) -> bool:
    """Whether it was not left: by itself, or by the app, which ends with screens on its stack.

    Textual may call a screen's handlers then, when a part of its widgets is gone already.
    """
    control = cast("app.ControlRoom", screen.app)
    return control.is_running and not control._exit and screen in control.screen_stack
