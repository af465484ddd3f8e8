"""Channel `apprise`: whatever the library Apprise can reach, by its URLs; an extra of its own."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from mrcore import errors
from mrcore.alerts.notify import channel, message


class Settings(channel.Settings):
    """Addresses as Apprise writes them."""

    kind: Literal["apprise"] = "apprise"
    urls: Annotated[tuple[SecretStr, ...], Field(min_length=1)] = Field(
        description="of Apprise, with their secrets"
    )


class Apprise:
    """A notification a message. Apprise says whether all were told, and not why one was not."""

    def __init__(self, own: Settings, library: Any) -> None:
        self._own = own
        self._library = library

    async def send(self, told: message.Message) -> None:
        """Raises NotSent."""
        library = self._library
        kind = library.NotifyType.SUCCESS if told.ended else library.NotifyType.WARNING
        if told.severity == "P1" and not told.ended:
            kind = library.NotifyType.FAILURE
        all_, known = await asyncio.to_thread(self._addressed)
        if not all(known):
            number = known.index(False) + 1
            raise errors.NotSent(f"Apprise does not know what urls {number} is.")
        try:
            async with asyncio.timeout(self._own.timeout_s):
                done = await all_.async_notify(
                    body=told.text, title=told.title, notify_type=kind, body_format="text"
                )
        except TimeoutError:
            raise errors.NotSent(
                f"Apprise was not done within {self._own.timeout_s:g} s."
            ) from None
        if not done:
            raise errors.NotSent("Apprise could not tell all of its urls; it does not say why.")

    def _addressed(self) -> tuple[Any, list[bool]]:
        """Who is told; the first time it imports more than a hundred modules, off the loop."""
        all_ = self._library.Apprise()
        return all_, [all_.add(url.get_secret_value()) for url in self._own.urls]


def open_channel(own: Settings, now: Callable[[], datetime]) -> channel.Channel:
    """The channel with these settings. Raises ValueError where Apprise is not installed."""
    try:
        library = importlib.import_module("apprise")
    except ImportError:
        raise ValueError(
            "kind: Apprise is not installed: pip install 'mr-control-room[apprise]'"
        ) from None
    return Apprise(own, library)
