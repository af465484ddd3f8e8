"""Settings of alerts: whose rules, who is told, and what else has to say that it lives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from mrcore import redact, ticks

_SECRET_MIN = 6
TOKEN_MIN = 20
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_SECRETS = ("url", "urls", "headers", "topic")
"""Settings of channels that are secrets beside those whose names say so."""


class WindowSettings(BaseModel):
    """A maintenance window that comes again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cron: str = Field(description="when it begins, as a cron line of five fields")
    tz: str = Field(default="UTC", description="in which time zone, for example Asia/Kolkata")
    minutes: float = Field(gt=0, le=43_200, description="how long it lasts")
    rule: str = Field(default="*", description="of which rule nobody is told; *: of none")
    subject: str = Field(default="", description="only of this ref")
    reason: str = Field(default="", description="what is shown beside it")

    @model_validator(mode="after")
    def _is_due(self) -> Self:
        ticks.check(self.cron, self.tz)
        return self


class HeartbeatSettings(BaseModel):
    """A dead man's switch: something outside that has to say in time that it was done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every_s: float | None = Field(
        default=None, gt=0, description="it is due so often; or else cron"
    )
    cron: str = Field(default="", description="when it is due, as a cron line of five fields")
    tz: str = Field(default="UTC", description="in which time zone, for example Asia/Kolkata")
    grace_s: float = Field(
        default=300.0, ge=0, description="how late it may be, or how long it runs"
    )
    token: SecretStr = Field(
        default=SecretStr(""), description="bearer token that may only ping this one; 20 or more"
    )
    schedule: str = Field(
        default="", description="ref of a source's schedule that is asked instead of being pinged"
    )

    @model_validator(mode="after")
    def _is_due(self) -> Self:
        if (self.every_s is None) == (not self.cron):
            raise ValueError("it needs either every_s or cron")
        if self.cron:
            ticks.check(self.cron, self.tz)
        if 0 < len(self.token.get_secret_value()) < TOKEN_MIN:
            raise ValueError(f"its token has to have {TOKEN_MIN} characters at least")
        return self


class AlertSettings(BaseModel):
    """Which rules there are, and who is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: Path | None = Field(
        default=None,
        description="TOML file with rules of your own, which replace shipped ones of the same id",
    )
    channels: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="who is told, by name"
    )
    escalate_to: tuple[str, ...] = Field(
        default=(), description="channels for what nobody acknowledges; else those of its severity"
    )
    group_wait_s: float = Field(
        default=10.0, ge=0, le=600, description="how long others of a group are waited for"
    )
    group_interval_s: float = Field(
        default=60.0, ge=0, description="least time between two messages of one group"
    )
    diagnosis_wait_s: float = Field(
        default=30.0, ge=0, le=600, description="how long a diagnosis under way is waited for"
    )
    windows: dict[str, WindowSettings] = Field(
        default_factory=dict, description="maintenance windows that come again, by name"
    )
    heartbeats: dict[Annotated[str, Field(pattern=_NAME)], HeartbeatSettings] = Field(
        default_factory=dict, description="dead man's switches, by name"
    )
    ping_url: SecretStr = Field(
        default=SecretStr(""), description="asked after complete evaluations, so that it is missed"
    )
    ping_every_s: float = Field(default=60.0, ge=1, description="so often at most")

    def scaled(self, time_scale: float) -> Self:
        """The same, with groups that are waited for and told so many times as soon.

        What is outside keeps its pace: pings, heartbeats, windows, and a diagnosis, which asks
        real servers.
        """
        names = ("group_wait_s", "group_interval_s")
        return self.model_copy(update={name: getattr(self, name) / time_scale for name in names})

    @field_validator("channels")
    @classmethod
    def _hide(cls, channels: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """What is or may be a secret is one from here on, before its channel is known."""
        return {name: _hidden(table) for name, table in channels.items()}


def _hidden(table: dict[str, Any]) -> dict[str, Any]:
    """A channel's table with its secrets as SecretStr."""
    return {
        name: _as_secret(value) if name in _SECRETS or redact.is_secret(name) else value
        for name, value in table.items()
    }


def _as_secret(value: Any) -> Any:
    if isinstance(value, str):
        return SecretStr(value)
    if isinstance(value, dict):
        return {key: _as_secret(each) for key, each in value.items()}
    return [_as_secret(each) for each in value] if isinstance(value, list | tuple) else value


def secrets_in(values: Any) -> list[str]:
    """The secrets at any depth, the longest first; also the parts of secret URLs."""
    found = {part for value in _secrets(values) for part in _parts(value)}
    return sorted((each for each in found if len(each) >= _SECRET_MIN), key=len, reverse=True)


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, dict):
        for each in value.values():
            yield from _secrets(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _secrets(each)


def _parts(value: str) -> Iterator[str]:
    yield from (value, unquote(value))
    if "://" in value:
        try:
            split = urlsplit(value)
        except ValueError:
            return
        for part in (split.path, split.query, split.username, split.password):
            yield from (part or "", unquote(part or ""))
        yield from split.path.split("/")
