"""Channel `alertmanager`: `POST /api/v2/alerts` of Alertmanager, which has a pager of its own.

It takes an alert that is not named again for resolved. What fires is therefore sent again every
`resend_s` with an `endsAt` three times as far ahead, so that one lost request resolves nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from mrcore.alerts.notify import channel, http, message
from mrcore.model import ref

PATH = "/api/v2/alerts"
AHEAD = 3
"""So many times `resend_s` an alert lasts there without being named again."""

Posted = dict[str, object]


class Settings(channel.Settings):
    """An Alertmanager."""

    kind: Literal["alertmanager"] = "alertmanager"
    url: Annotated[SecretStr, AfterValidator(http.checked)] = Field(
        description="of Alertmanager, without /api/v2/alerts"
    )
    user: str = Field(default="", description="for Basic Auth")
    password: SecretStr = Field(default=SecretStr(""), description="for Basic Auth")
    token: SecretStr = Field(default=SecretStr(""), description="bearer token, instead")
    resend_s: float = Field(default=60.0, ge=1, description="what fires is sent again so often")
    labels: dict[Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")], str] = Field(
        default_factory=dict, description="added to every alert"
    )


class Alertmanager:
    """One POST a message, and one every `resend_s` with all that fires."""

    def __init__(self, own: Settings, now: Callable[[], datetime]) -> None:
        self._own = own
        self._now = now
        self._secrets = channel.secrets_of(own)
        self.resend_s = own.resend_s

    async def send(self, told: message.Message) -> None:
        """Say what has begun before what has ended: an end of what it never knew is nothing to it.

        Raises NotSent.
        """
        newest = {item.alert: item for item in sorted(told.items, key=lambda item: item.at)}
        began = {item.alert: item for item in told.items if not item.ended}
        ended = [item for item in newest.values() if item.ended]
        await self._post([self._made(item, None) for item in began.values()])
        await self._post([self._made(item, item.at) for item in ended])

    async def resend(self, items: Sequence[message.Item]) -> None:
        """Raises NotSent."""
        await self._post([self._made(item, item.at if item.ended else None) for item in items])

    async def _post(self, alerts: Sequence[Posted]) -> None:
        if not alerts:
            return
        own, headers = self._own, {"Content-Type": "application/json"}
        url = SecretStr(own.url.get_secret_value().rstrip("/") + PATH)
        if token := own.token.get_secret_value():
            headers["Authorization"] = f"Bearer {token}"
        elif own.user:
            headers["Authorization"] = _basic(own.user, own.password.get_secret_value())
        await http.post(
            url,
            json.dumps(alerts).encode(),
            headers=headers,
            timeout_s=own.timeout_s,
            secrets=self._secrets,
        )

    def _made(self, item: message.Item, ends: datetime | None) -> Posted:
        """One of its `postableAlert`.

        Labels are the same however it is told, or it were two; so is what it says of it, as
        Alertmanager keeps only what was said last.
        """
        labels = {
            "alertname": item.rule,
            "severity": item.severity.value,
            "instance": item.subject,
            "job": ref.source_of(item.subject),
            "mr_alert": item.alert,
            **self._own.labels,
        }
        notes = {
            "summary": item.summary,
            "why": item.why,
            "diagnosis": item.diagnosis,
            "runbook": item.runbook,
        }
        lasts = timedelta(seconds=AHEAD * self._own.resend_s)
        return {
            "labels": _said(labels.items()),
            "annotations": _said(notes.items()),
            "startsAt": _instant(item.fired_at or item.at),
            "endsAt": _instant(ends or self._now() + lasts),
        }


def _said(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Without what is empty, which is no label to Alertmanager."""
    return {name: value for name, value in pairs if value}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def open_channel(own: Settings, now: Callable[[], datetime]) -> channel.Channel:
    """The channel with these settings."""
    return Alertmanager(own, now)
