"""What a deployment is made of, as the settings say it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mrcore import settings
from mrcore.adapters import base, script

COLOUR = "{colour}"


class ColourSettings(BaseModel):
    """One colour: the unit that runs it, and where its health is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: str = Field(default="", description="one of the units")
    health: str = Field(default="", description="URL of its health check")
    preflight: str = Field(default="", description="URL that says what is newer than it is")


def _names_the_colour(pin: SwitchSettings) -> SwitchSettings:
    if COLOUR not in pin.argv[1:]:
        raise ValueError(f"argv does not have {COLOUR} among its arguments")
    return pin


class SwitchSettings(script.Pin):
    """The pinned script that sends the traffic to a colour, and then writes `current`."""

    gate_s: float = Field(
        default=0.0, ge=0, le=30, description="so long the colour must be healthy before"
    )
    starts: bool = Field(
        default=False, description="it starts the colour first, whose health is not asked before"
    )


Switch = Annotated[SwitchSettings, AfterValidator(_names_the_colour)]
ColourName = Annotated[str, Field(pattern=base.NAME)]


class Settings(settings.SourceSettings):
    """Units, colours and the switch between them."""

    kind: Literal["deploy"] = "deploy"
    interval_s: float = Field(default=5.0, gt=0, description="time between samples")
    deadline_s: float = Field(default=6.0, gt=0, description="a sample that takes longer failed")
    current: Path | None = Field(default=None, description="file that names the live colour")
    units: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        max_length=100,
        description="by name: adapter (docker, kubectl, pm2, script, systemd), unit, and its own",
    )
    colours: dict[ColourName, ColourSettings] = Field(
        default_factory=dict, max_length=20, description="by name: unit, health"
    )
    switch: Switch | None = Field(
        default=None, description="pinned script: argv with {colour}, sha256, starts"
    )
    stack: Path | None = Field(
        default=None,
        description="state folder of the stack that runs them: one that is bad or silent is"
        " stopped when the traffic leaves it",
    )
    preflight_s: float = Field(
        default=30.0, ge=0, description="time between preflights of a colour without traffic"
    )

    def scaled(self, time_scale: float) -> Self:
        """The same, so many times as often; no preflight oftener than once a second."""
        quick = super().scaled(time_scale)
        pace_s = max(self.preflight_s / time_scale, min(self.preflight_s, 1.0))
        return quick.model_copy(update={"preflight_s": pace_s})
