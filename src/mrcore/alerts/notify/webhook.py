"""Channel `webhook`: the message as JSON, by POST; `Idempotency-Key` is the same at every try."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from mrcore.alerts.notify import channel, http, message


class Settings(channel.Settings):
    """An address that takes JSON."""

    kind: Literal["webhook"] = "webhook"
    url: Annotated[SecretStr, AfterValidator(http.checked)] = Field(description="where to POST")
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="sent along, for example Authorization"
    )
    password: SecretStr = Field(
        default=SecretStr(""), description="signs the body: X-Mr-Signature is its HMAC-SHA-256"
    )


class Webhook:
    """A POST a message."""

    def __init__(self, own: Settings) -> None:
        self._own = own
        self._secrets = channel.secrets_of(own)

    async def send(self, told: message.Message) -> None:
        """Raises NotSent."""
        body = as_json(told).encode()
        headers = {name: value.get_secret_value() for name, value in self._own.headers.items()}
        headers |= {"Content-Type": "application/json", "Idempotency-Key": told.key}
        if signed_with := self._own.password.get_secret_value():
            made = hmac.new(signed_with.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Mr-Signature"] = f"sha256={made}"
        await http.post(
            self._own.url,
            body,
            headers=headers,
            timeout_s=self._own.timeout_s,
            secrets=self._secrets,
        )


def as_json(told: message.Message) -> str:
    """A message for programs: its fields, with the title and the text as persons are told."""
    said = {"title": told.title, "text": told.text, "severity": told.severity.value}
    return json.dumps({**said, **told.model_dump(mode="json")}, ensure_ascii=False)


def open_channel(own: Settings, now: Callable[[], datetime]) -> channel.Channel:
    """The channel with these settings."""
    return Webhook(own)
