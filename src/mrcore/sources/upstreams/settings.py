"""Which services there are and how each is probed, as the settings say it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from mrcore import settings

_CREDENTIAL = "a text with {NAME} of the environment or of the secret in it"


class Probe(BaseModel):
    """One service. `{NAME}` stands for a value of the core's environment or of the secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Literal["http", "smtp", "tcp"] = "http"
    url: str = Field(min_length=1, description="http(s)://…, smtp://host:port, tcp://host:port")
    alternates: tuple[str, ...] = Field(
        default=(), max_length=10, description="other URLs, asked where this one answers 401"
    )
    headers: dict[str, SecretStr] = Field(default_factory=dict, description=_CREDENTIAL)
    user: str = Field(default="", description="of HTTP Basic or SMTP; " + _CREDENTIAL)
    password: SecretStr = Field(default=SecretStr(""), description=_CREDENTIAL)
    expect: int = Field(default=200, description="the HTTP status that is right")
    config: str = Field(
        default="", description="sync config whose stored address {BASE_URL} and key {API_KEY} are"
    )
    schedule: str = Field(default="", description="ref of the schedule whose jobs ask it")
    every_s: float | None = Field(default=None, ge=0, description="else the source's; 0: by hand")


class Settings(settings.SourceSettings):
    """Services outside and what is counted of them."""

    kind: Literal["upstreams"] = "upstreams"
    interval_s: float = Field(default=5.0, gt=0, description="time between samples")
    deadline_s: float = Field(default=6.0, gt=0, description="a sample that takes longer failed")
    every_s: float = Field(default=30.0, ge=0, description="time between probes; 0: by hand only")
    smtp_every_s: float = Field(
        default=600.0, ge=0, description="the same of SMTP, which locks out who tries too often"
    )
    soon_s: float = Field(
        default=60.0, gt=0, description="time between two probes where the backend was refused"
    )
    answer_s: float = Field(default=5.0, gt=0, description="no answer within this is a timeout")
    dsn: SecretStr = Field(default=SecretStr(""), description="DSN of what the backend counts")
    secrets_url: str = Field(default="", description="URL of the secrets manager")
    secrets_token: SecretStr = Field(default=SecretStr(""), description="token for it")
    secret: str = Field(default="", description="name of the secret whose values {NAME} are")
    secrets: tuple[str, ...] = Field(default=(), description="secrets that change together")
    probes: dict[str, Probe] = Field(default_factory=dict, max_length=100, description="by name")

    def scaled(self, time_scale: float) -> Self:
        """The same, sampled and probed so many times as often; no oftener than once a second."""
        quick = super().scaled(time_scale)
        names = ("every_s", "smtp_every_s", "soon_s")
        paces = {name: getattr(self, name) / time_scale for name in names}
        least_s = {name: max(pace, min(pace * time_scale, 1.0)) for name, pace in paces.items()}
        return quick.model_copy(update=least_s)
