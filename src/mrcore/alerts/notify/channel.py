"""What every channel is: its settings, how it is told something, how it says that it failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from mrcore import alert_settings, redact
from mrcore.alerts.notify import message
from mrcore.model import alert

SAID_MAX = 200


class Settings(BaseModel):
    """What every channel can be told; each kind adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(
        description="alertmanager, apprise, command, email, ntfy, slack, webhook; else its name"
    )
    severities: tuple[alert.Severity, ...] = Field(
        default=(alert.Severity.P1, alert.Severity.P2, alert.Severity.P3),
        description="what it is told of; none: only of escalations",
    )
    timeout_s: float = Field(
        default=10.0, gt=0, le=60, description="a try that takes longer failed"
    )


class Channel(Protocol):
    """One way of telling somebody."""

    async def send(self, told: message.Message) -> None:
        """Send it, once or, when it is not known whether it came there, again.

        Raises NotSent.
        """
        ...


@runtime_checkable
class Resending(Channel, Protocol):
    """A channel that wants to hear of what fires time and again."""

    resend_s: float

    async def resend(self, items: Sequence[message.Item]) -> None:
        """Say that these fire, or have resolved a short time ago. Raises NotSent."""
        ...


def secrets_of(own: BaseModel) -> list[str]:
    """The secrets in a channel's settings, the longest first; also the parts of secret URLs."""
    return alert_settings.secrets_in(own.model_dump())


def without(secrets: Sequence[str], words: str) -> str:
    """What may be said of what the other side said: bounded, in one line, without secrets."""
    for secret in secrets:
        words = words.replace(secret, redact.MASK)
    return redact.text(" ".join(words.split()))[:SAID_MAX]
