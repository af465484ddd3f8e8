"""Channel `ntfy`: a topic of ntfy.sh or of a server of one's own, as JSON at the server's root."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from mrcore.alerts.notify import channel, http, message
from mrcore.model import alert

TEXT_MAX_BYTES = 3_500
"""A message of more than 4,096 bytes becomes a file."""

_PRIORITIES = {
    alert.Severity.P1: 5,
    alert.Severity.P2: 4,
    alert.Severity.P3: 3,
    alert.Severity.INFO: 2,
}
_TAGS = {
    alert.Severity.P1: "rotating_light",
    alert.Severity.P2: "warning",
    alert.Severity.P3: "information_source",
    alert.Severity.INFO: "information_source",
}
_ENDED = 3


class Settings(channel.Settings):
    """A topic; whoever knows the name of a public one can read it."""

    kind: Literal["ntfy"] = "ntfy"
    url: Annotated[SecretStr, AfterValidator(http.checked)] = Field(
        default=SecretStr("https://ntfy.sh"), description="of the server"
    )
    topic: SecretStr = Field(description="its name; of a public one it is the password")
    token: SecretStr = Field(default=SecretStr(""), description="access token")


class Ntfy:
    """A notification a message."""

    def __init__(self, own: Settings) -> None:
        self._own = own
        self._secrets = channel.secrets_of(own)

    async def send(self, told: message.Message) -> None:
        """Raises NotSent."""
        headers = {"Content-Type": "application/json"}
        if token := self._own.token.get_secret_value():
            headers["Authorization"] = f"Bearer {token}"
        await http.post(
            self._own.url,
            json.dumps(_body(told, self._own.topic.get_secret_value())).encode(),
            headers=headers,
            timeout_s=self._own.timeout_s,
            secrets=self._secrets,
        )


def _body(told: message.Message, topic: str) -> dict[str, object]:
    text = told.text.encode()
    cut = text[:TEXT_MAX_BYTES].decode(errors="ignore")
    return {
        "topic": topic,
        "title": told.title,
        "message": cut if len(text) <= TEXT_MAX_BYTES else f"{cut}…",
        "priority": _ENDED if told.ended else _PRIORITIES[told.severity],
        "tags": ["white_check_mark" if told.ended else _TAGS[told.severity]],
    }


def open_channel(own: Settings, now: Callable[[], datetime]) -> channel.Channel:
    """The channel with these settings."""
    return Ntfy(own)
