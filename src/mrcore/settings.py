"""Settings of one core: a file (TOML or JSON) under `MRCORE_*` names from the environment.

```toml
environment = "prod-blue"
protected = true

[sources.pg]                 # the name is the first part of its refs
kind = "pg"
dsn = "postgresql://watcher@db.internal/app"

[sources.cache]
kind = "redis"
url = "redis://cache.internal:6379/0"
```
A source's own settings are a model in its own file; they are checked when the core builds it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as Unparsed

from mrcore import alert_settings, errors, redact

_SECRET_MIN = 6

QUICKEST_S = 0.25
"""No time scale makes a source be sampled oftener than this."""

_IN_URL = re.compile(r"://[^\s:/@]*:([^\s/]+)@")

Role = Literal["viewer", "operator", "admin", "auditor"]


class SourceSettings(BaseModel):
    """What every source can be told; each kind adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(
        description="pg, redis, huey, rq, bullmq, bullboard, logs, backend, slots, meetings,"
        " deploy, upstreams, stack, host; else its name"
    )
    interval_s: float = Field(default=1.0, gt=0, description="time between samples")
    deadline_s: float = Field(default=2.0, gt=0, description="a sample that takes longer failed")

    def scaled(self, time_scale: float) -> Self:
        """The same, looked at so many times as often, but not oftener than four times a second.

        A deadline stays: it is of what is asked, which is no quicker.
        """
        quick_s = max(self.interval_s / time_scale, min(self.interval_s, QUICKEST_S))
        return self.model_copy(update={"interval_s": quick_s})


class StackSettings(BaseModel):
    """What `mrcore up` uses instead of starting its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    postgres: SecretStr = Field(default=SecretStr(""), description="DSN of a Postgres to use")
    redis: SecretStr = Field(default=SecretStr(""), description="URL of a Redis to use")


class LimitSettings(BaseModel):
    """How often something may be done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dangerous_per_minute: int = Field(
        default=30, ge=1, description="operations of high risk that one login may start a minute"
    )


class RunbookSettings(BaseModel):
    """Which runbooks there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path | None = Field(
        default=None,
        description="folder with runbooks of your own, which replace shipped ones of the same id",
    )


class Settings(BaseSettings):
    """Settings of the core; every field can be set as `MRCORE_<FIELD>`."""

    model_config = SettingsConfigDict(
        env_prefix="MRCORE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    environment: str = Field(default="local", description="what this core watches, in one word")
    protected: bool = Field(default=False, description="changes need arming and confirmation")
    read_only: bool = Field(default=False, description="watches only; refuses every change")
    listen: str = Field(
        default="", description="address:port for TCP; not loopback needs TLS; empty: none"
    )
    tls_certificate: Path | None = Field(
        default=None, description="PEM file of the certificate, with those that lead to its root"
    )
    tls_key: Path | None = Field(
        default=None, description="PEM file of its key, which others may not read"
    )
    hosts: tuple[str, ...] = Field(
        default=(), description="names by which this core is asked over TLS, beside its address"
    )
    socket: Path | None = Field(default=None, description="the unix socket; else a private one")
    socket_group: str = Field(
        default="", description="a group of this host whose users may open the socket"
    )
    logins: dict[str, Annotated[tuple[Role, ...], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="users of this host who need no token on the socket, and their roles",
    )
    idle_exit_s: float = Field(
        default=600.0, description="a core started by mrtui ends after this long without a client"
    )
    keep_runs_days: float = Field(
        default=14.0, ge=0, description="how long it is known that a job ran, and when"
    )
    keep_failures_days: float = Field(
        default=90.0, ge=0, description="the same of runs that failed, with their traces"
    )
    audit_anchor: Path | None = Field(
        default=None, description="file that holds the audit's end; else in the user's data folder"
    )
    time_scale: float = Field(
        default=1.0,
        ge=1,
        le=1_000,
        description="what is waited for and looked at is so many times as quick: for game days",
    )
    limits: LimitSettings = LimitSettings()
    alerts: alert_settings.AlertSettings = alert_settings.AlertSettings()
    runbooks: RunbookSettings = RunbookSettings()
    stack: StackSettings = StackSettings()
    sources: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="what to watch, by name"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which arrives as init values."""
        return env_settings, init_settings


def load(path: Path | None) -> Settings:
    """Read settings from `path` (or only the environment).

    Raises SettingsError that names the file, the setting and what is wrong with it.
    """
    try:
        return Settings(**(_read(path) if path else {}))
    except ValidationError as error:
        raise errors.SettingsError(explain(error, str(path or "the environment"))) from None
    except Unparsed as error:  # its cause holds the value, which may be secret
        raise errors.SettingsError(
            f"A setting in the environment is no JSON: {error}.",
            fix="MRCORE_SOURCES and MRCORE_STACK are JSON objects.",
        ) from None


def find(state: Path) -> Path | None:
    """The settings file when none is named: the state folder's, else the user's, else none."""
    user = platformdirs.user_config_path("mr") / "settings.toml"
    return next((path for path in (state / "settings.json", user) if path.exists()), None)


def explain(error: ValidationError, where: str) -> str:
    """A validation error as sentences: the setting and what is wrong, never its value."""
    parts = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return f"Settings in {where} are wrong: {'; '.join(parts)}."


def secrets_of(own: Settings) -> set[str]:
    """The passwords and the like that settings hold: in secret fields, under secret names, in URLs.

    What has less than 6 characters is left out, because it would stand in innocent words too.
    """
    found = {*_secrets("", own.model_dump()), *alert_settings.secrets_in(own.alerts.model_dump())}
    return {each for value in found for each in (value, unquote(value)) if len(each) >= _SECRET_MIN}


def _secrets(name: str, value: Any) -> Iterator[str]:
    """The secrets in one value that stands under `name`."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _secrets(str(key), each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _secrets(name, each)
    elif isinstance(value, str):
        if redact.is_secret(name):
            yield value
        yield from _IN_URL.findall(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text()
    except OSError as error:
        raise errors.SettingsError(
            f"The settings file {path} cannot be read: {error.strerror}."
        ) from error
    try:
        value = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise errors.SettingsError(f"The settings file {path} does not parse: {error}.") from error
    if not isinstance(value, dict):
        raise errors.SettingsError(f"The settings file {path} is not a table of settings.")
    return value
