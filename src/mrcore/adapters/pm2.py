"""Adapter `pm2`: an app by `pm2 jlist` and `pm2 restart`."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from mrcore import errors
from mrcore.adapters import base, command

_LIST_BYTES = 4 << 20  # jlist prints the whole environment of every app
_STATES = {
    "online": "ready",
    "launching": "starting",
    "waiting restart": "backoff",
    "stopping": "stopping",
    "stopped": "stopped",
    "errored": "failed",
}
_WORST = ("failed", "backoff", "stopped", "stopping", "starting", "ready")


class Settings(base.UnitSettings):
    """An app of pm2 by its name; all its instances together are the unit."""

    adapter: Literal["pm2"] = "pm2"
    unit: str = Field(pattern=base.NAME, description="name of the app")
    home: Path | None = Field(default=None, description="PM2_HOME; ~/.pm2 if not said")


class App:
    """All instances of one app, under the daemon that lives in PM2_HOME."""

    adapter = "pm2"

    def __init__(self, settings: Settings) -> None:
        self.name = settings.unit
        self._home = settings.home or Path(os.environ.get("PM2_HOME") or Path.home() / ".pm2")
        self._pm2 = base.tool("pm2")

    async def state(self) -> base.UnitState:
        """The worst of its instances; restarts and pids are those of all of them."""
        said = await self._run("jlist", s=base.STATE_S)
        # pm2 may say other things before its list, for example that it is out of date.
        line = next((each for each in said.out.splitlines() if each.startswith("[{")), "[]")
        apps = base.parse("pm2 jlist", said, line)
        mine = [app for app in apps if isinstance(app, dict) and app.get("name") == self.name]
        if not mine:
            raise errors.NotFound(f"pm2 has no app {self.name}.")
        return _state(mine)

    async def allowed(self) -> str:
        """A daemon obeys whom it answers."""
        await self.state()
        return f"The pm2 daemon obeys {getpass.getuser()}."

    async def restart(self) -> str:
        """`pm2 restart`: every instance, one after the other."""
        await self._run("restart", self.name, s=base.RESTART_S)
        return f"pm2 restarted {self.name}."

    async def _run(self, *words: str, s: float) -> command.Said:
        self._look_for_daemon()
        env = {**command.environment(), "PM2_HOME": str(self._home)}
        argv = (self._pm2, *words)
        said = await command.run(argv, deadline_s=s, env=env, cap_bytes=_LIST_BYTES)
        if said.code:
            raise self._why(words[0], said)
        return said

    def _look_for_daemon(self) -> None:
        """Without a daemon every pm2 command would start one."""
        try:
            (self._home / "rpc.sock").stat()
        except PermissionError:
            raise self._refused() from None
        except OSError:
            raise errors.Unreachable(
                f"No pm2 daemon lives in {self._home}.",
                fix="Name its PM2_HOME in the unit's settings: home = …",
            ) from None

    def _why(self, verb: str, said: command.Said) -> errors.SourceError:
        words = (said.err + said.out).lower()
        if "not found" in words:
            return errors.NotFound(f"pm2 has no app {self.name}.")
        if "eacces" in words or "permission denied" in words:
            return self._refused()
        return base.failed(f"pm2 {verb} {self.name}", said)

    def _refused(self) -> errors.NotPermitted:
        return errors.NotPermitted(
            f"{getpass.getuser()} may not use the pm2 daemon in {self._home}.",
            fix="A pm2 daemon obeys only the user that started it: run the core as that user.",
        )


def _state(instances: list[dict[str, Any]]) -> base.UnitState:
    about = [app.get("pm2_env") or {} for app in instances]
    states = [_STATES.get(str(env.get("status")), "failed") for env in about]
    worst = min(states, key=_WORST.index)
    pids = [base.number(app.get("pid")) for app in instances]
    ups_ms = [base.number(env.get("pm_uptime")) for env in about]
    count = len(instances)
    why = f"{states.count('ready')} of {count} instances are online" if count > 1 else ""
    return base.UnitState(
        worst,
        pid=next((pid for pid in pids if pid), None),
        since=datetime.fromtimestamp(max(ups_ms) / 1000, UTC) if max(ups_ms) else None,
        restarts=sum(base.number(env.get("restart_time")) for env in about),
        version=str(about[0].get("version") or ""),
        why=why if worst != "ready" else "",
    )


def open_unit(settings: Settings) -> base.Unit:
    """The app; raises SettingsError when pm2 is not there."""
    return App(settings)
