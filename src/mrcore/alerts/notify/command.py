"""Channel `command`: a program of one's own, told through its environment; never through a shell.

`MR_TITLE` and `MR_TEXT` are for persons, `MR_MESSAGE` is the whole message as JSON, `MR_KEY` is the
same at every try. Nothing is added to its arguments, and its stdin is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mrcore import errors
from mrcore.adapters import command
from mrcore.alerts.notify import channel, message, webhook


def _absolute(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not Path(argv[0]).is_absolute():
        raise ValueError(f"its first word {argv[0]!r} is not an absolute path")
    return argv


class Settings(channel.Settings):
    """A program and its arguments."""

    kind: Literal["command"] = "command"
    argv: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_absolute)] = Field(
        description="absolute path and arguments; never through a shell: the message is in"
        " MR_TITLE, MR_TEXT, MR_KEY and MR_MESSAGE of its environment, stdin is empty"
    )


class Command:
    """A run a message; it was told when the program ends with 0."""

    def __init__(self, own: Settings) -> None:
        self._own = own

    async def send(self, told: message.Message) -> None:
        """Raises NotSent."""
        name = self._own.argv[0]
        env = command.environment() | {
            "MR_KEY": told.key,
            "MR_TITLE": _text(told.title),
            "MR_TEXT": _text(told.text),
            "MR_MESSAGE": _text(webhook.as_json(told)),
        }
        try:
            said = await command.run(self._own.argv, deadline_s=self._own.timeout_s, env=env)
        except errors.Unreachable as error:
            raise errors.NotSent(error.sentence) from None
        if said.code:
            raise errors.NotSent(f"{name} ended with {said.code}: {said.last_words()}")


def _text(words: str) -> str:
    """What an environment can hold."""
    return words.replace("\0", "")


def open_channel(own: Settings, now: Callable[[], datetime]) -> channel.Channel:
    """The channel with these settings."""
    return Command(own)
