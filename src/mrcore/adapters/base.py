"""What every adapter offers: a unit that can be asked how it is, and restarted."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from mrcore import errors
from mrcore.adapters import command

STATE_S = 4.0
RESTART_S = 40.0
NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.@:\\-]*$"
"""Names that no tool can take for an option."""


class UnitSettings(BaseModel):
    """What every unit is told; each adapter adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    adapter: str


@dataclass(frozen=True)
class UnitState:
    """How a unit is: `state` is starting, ready, backoff, stopping, stopped or failed.

    `restarts` is whatever grows at every restart (a counter, a revision); `version` is what runs
    (image, release); `why` is a sentence where there is something to say.
    """

    state: str
    pid: int | None = None
    since: datetime | None = None
    restarts: int = 0
    version: str = ""
    why: str = ""


class Unit(Protocol):
    """One thing that a tool of the production runs and can restart.

    All calls raise NotPermitted with the exact missing rule, NotFound when the tool knows no
    such unit, and Unreachable when the tool cannot be started, fails or does not end in time.
    """

    name: str
    adapter: str

    async def state(self) -> UnitState:
        """How it is now; changes nothing."""
        ...

    async def allowed(self) -> str:
        """By which right a restart is allowed, in a sentence; changes nothing.

        Raises Unsupported, beside the others, where only trying would tell.
        """
        ...

    async def restart(self) -> str:
        """Restart it and say in a sentence what was done."""
        ...


class ToolMissing(errors.SettingsError):
    """The settings name a unit whose tool is not on the PATH."""


def tool(name: str) -> str:
    """The absolute path of a tool.

    Raises ToolMissing when it is not on PATH.
    """
    found = shutil.which(name)
    if found is None:
        raise ToolMissing(
            f"The tool {name} is not on the PATH of the core.",
            fix="Install it, or leave the units that need it out of the settings.",
        )
    return found


def failed(what: str, said: command.Said) -> errors.SourceError:
    """The error of a tool that ended with a code for which there is no better sentence."""
    return errors.Unreachable(f"{what} ended with {said.code}: {said.last_words()}")


def parse(what: str, said: command.Said, text: str | None = None) -> Any:
    """The JSON that a tool printed.

    Raises Unreachable when it is none, or was longer than is kept.
    """
    if said.cut:
        raise errors.Unreachable(f"{what} said more than {said.cap_bytes >> 10} KiB.")
    try:
        return json.loads(said.out if text is None else text)
    except (ValueError, RecursionError):
        raise errors.Unreachable(f"{what} did not answer with JSON: {said.last_words()}") from None


def instant(text: object) -> datetime | None:
    """An RFC 3339 time of docker or Kubernetes (also with nanoseconds); None for its zero."""
    if not isinstance(text, str) or text.startswith("0001-"):
        return None
    head, dot, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :] if dot else ""
    try:
        at = datetime.fromisoformat(f"{head}.{digits[:6]:0<6}{zone}" if dot else head)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def number(value: object) -> int:
    """A count of a tool's answer; 0 where it is none."""
    try:
        return int(str(value))
    except ValueError:
        return 0
