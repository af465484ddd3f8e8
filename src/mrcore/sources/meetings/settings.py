"""Where the meetings of a backend are told of, and what their browsers need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from mrcore import settings
from mrcore.sources.meetings import relay


def _is_place(url: str) -> str:
    relay.place(url)
    return url


class TurnSettings(BaseModel):
    """A STUN server, or a TURN server with the login that browsers are given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_is_place)] = Field(
        description="stun:host:port or turn:host:port, over UDP"
    )
    user: str = Field(default="", description="login of a TURN server")
    password: SecretStr = Field(default=SecretStr(""), description="its password")


class Settings(settings.SourceSettings):
    """Logs of backends, a handshake with an origin, STUN and TURN servers."""

    kind: Literal["meetings"] = "meetings"
    interval_s: float = Field(default=2.0, gt=0, description="time between samples")
    logs: dict[str, Path] = Field(
        default_factory=dict, max_length=20, description="log file by backend"
    )
    url: str = Field(default="", description="base URL by which browsers reach Socket.IO")
    origins: tuple[str, ...] = Field(
        default=(), max_length=20, description="origins of pages that must get a socket"
    )
    turn: dict[str, TurnSettings] = Field(
        default_factory=dict, max_length=20, description="by name: url, user, password"
    )
    stuck_s: float = Field(
        default=30.0, gt=0, description="a room without a pair or candidates for so long is bad"
    )
    probe_s: float = Field(default=15.0, gt=0, description="time between two handshakes")

    def scaled(self, time_scale: float) -> Self:
        """The same, sampled and asked so many times as often; no oftener than once a second."""
        probe_s = max(self.probe_s / time_scale, min(self.probe_s, 1.0))
        times = {"stuck_s": self.stuck_s / time_scale, "probe_s": probe_s}
        return super().scaled(time_scale).model_copy(update=times)
