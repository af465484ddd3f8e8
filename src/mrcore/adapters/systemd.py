"""Adapter `systemd`: a unit by `systemctl show` and `systemctl restart`."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from mrcore import errors
from mrcore.adapters import base, command

_PROPERTIES = (
    "LoadState,ActiveState,SubState,Result,MainPID,ExecMainStartTimestamp,NRestarts,StatusText"
)
_STATES = {
    "active": "ready",
    "reloading": "ready",
    "activating": "starting",
    "deactivating": "stopping",
    "inactive": "stopped",
    "failed": "failed",
}
_REFUSED = (
    "interactive authentication required",
    "access denied",
    "permission denied",
    "a password is required",
    "a terminal is required",
    "is not allowed to execute",
    "is not in the sudoers file",
)


class Settings(base.UnitSettings):
    """A systemd unit, for example `mr-worker.service`."""

    adapter: Literal["systemd"] = "systemd"
    unit: str = Field(pattern=base.NAME, description="name with its suffix")
    sudo: bool = Field(default=False, description="restart it by sudo -n")


class SystemdUnit:
    """A unit of the system's manager; only its restart needs rights."""

    adapter = "systemd"

    def __init__(self, settings: Settings) -> None:
        self.name = settings.unit
        self._systemctl = base.tool("systemctl")
        self._sudo = (base.tool("sudo"), "-n") if settings.sudo else ()

    async def state(self) -> base.UnitState:
        """The unit's properties; NRestarts counts systemd's own restarts only."""
        argv = (self._systemctl, "show", f"--property={_PROPERTIES}", "--", self.name)
        said = await command.run(argv, deadline_s=base.STATE_S)
        if said.code:
            raise base.failed("systemctl show", said)
        has = dict(line.split("=", 1) for line in said.out.splitlines() if "=" in line)
        if has.get("LoadState") == "not-found":
            raise errors.NotFound(f"systemd has no unit {self.name}.")
        return _state(has)

    async def allowed(self) -> str:
        """What `sudo -l` says of exactly this restart; without sudo polkit does not tell."""
        user = getpass.getuser()
        if not self._sudo:
            if os.geteuid() == 0:
                return "root may restart every unit."
            raise errors.Unsupported(
                f"Whether polkit lets {user} restart {self.name} is known only when it is tried.",
                fix=self._rule(),
            )
        argv = (*self._sudo, "-l", self._systemctl, "restart", self.name)
        said = await command.run(argv, deadline_s=base.STATE_S)
        if said.code:
            raise self._refused()
        return f"sudo lets {user} restart {self.name}."

    async def restart(self) -> str:
        """`systemctl restart`, which returns once the unit has started."""
        argv = (*self._sudo, self._systemctl, "restart", self.name)
        said = await command.run(argv, deadline_s=base.RESTART_S)
        if said.code:
            raise self._why(said)
        return f"systemctl restarted {self.name}."

    def _why(self, said: command.Said) -> errors.SourceError:
        words = said.err.lower()
        if not any(refused in words for refused in _REFUSED):
            return base.failed(f"systemctl restart {self.name}", said)
        return self._refused()

    def _refused(self) -> errors.NotPermitted:
        return errors.NotPermitted(
            f"systemd does not let {getpass.getuser()} restart {self.name}.", fix=self._rule()
        )

    def _rule(self) -> str:
        rule = f"{getpass.getuser()} ALL=(root) NOPASSWD: {self._systemctl} restart {self.name}"
        also = "" if self._sudo else ", and sudo = true in the unit's settings"
        return f"Needs this line in /etc/sudoers.d/mrcore{also}: {rule}"


def _state(has: dict[str, str]) -> base.UnitState:
    state = _STATES.get(has.get("ActiveState", ""), "failed")
    if has.get("SubState") == "auto-restart":
        state = "backoff"
    result = has.get("Result", "success")
    why = has.get("StatusText", "")
    if state in ("failed", "backoff") or result != "success":
        why = f"{has.get('SubState', '')}: {result}"
    return base.UnitState(
        state,
        pid=base.number(has.get("MainPID")) or None,
        since=_instant(has.get("ExecMainStartTimestamp", "")),
        restarts=base.number(has.get("NRestarts")),
        why=why,
    )


def _instant(text: str) -> datetime | None:
    """`Sat 2026-03-01 12:00:00 UTC`: systemctl writes in the zone TZ, which we set."""
    try:
        return datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    except ValueError:
        return None


def open_unit(settings: Settings) -> base.Unit:
    """The unit; raises SettingsError when systemctl or sudo is not there."""
    return SystemdUnit(settings)
