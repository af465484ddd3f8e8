"""Channel `slack`: an incoming webhook, whose whole address is a secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from mrcore.alerts.notify import channel, http, message

TEXT_MAX = 2_900
"""Slack refuses a block of more than 3,000 characters."""

TITLE_MAX = 150


class Settings(channel.Settings):
    """An incoming webhook of Slack, or of what speaks its form (Mattermost, Rocket.Chat)."""

    kind: Literal["slack"] = "slack"
    url: Annotated[SecretStr, AfterValidator(http.checked)] = Field(
        description="of the incoming webhook; whoever has it can post"
    )


class Slack:
    """A post a message."""

    def __init__(self, own: Settings) -> None:
        self._own = own
        self._secrets = channel.secrets_of(own)

    async def send(self, told: message.Message) -> None:
        """Raises NotSent."""
        await http.post(
            self._own.url,
            json.dumps(_body(told)).encode(),
            headers={"Content-Type": "application/json"},
            timeout_s=self._own.timeout_s,
            secrets=self._secrets,
        )


def _body(told: message.Message) -> dict[str, object]:
    """The title as a header, the rest as plain text: nothing of it is markup or a mention."""
    text = told.text
    text = text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
    return {
        "text": _escaped(told.title),
        "blocks": [
            {"type": "header", "text": _plain(told.title[:TITLE_MAX])},
            {"type": "section", "text": _plain(text)},
            {"type": "context", "elements": [_plain(f"mr {told.key}")]},
        ],
    }


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    """Slack reads `<!channel>` in a text; these three signs are all that it asks to escape."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def open_channel(own: Settings, now: Callable[[], datetime]) -> channel.Channel:
    """The channel with these settings."""
    return Slack(own)
