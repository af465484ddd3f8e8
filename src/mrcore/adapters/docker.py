"""Adapter `docker`: a container by `docker inspect` and `docker restart`."""

from __future__ import annotations

import getpass
from typing import Any, Literal

from pydantic import Field

from mrcore import errors
from mrcore.adapters import base, command

_KEEP = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG")
_STATES = {
    "created": "stopped",
    "running": "ready",
    "paused": "stopped",
    "restarting": "backoff",
    "removing": "stopping",
    "exited": "stopped",
    "dead": "failed",
}


class Settings(base.UnitSettings):
    """A container by its name."""

    adapter: Literal["docker"] = "docker"
    unit: str = Field(pattern=base.NAME, description="name of the container")


class Container:
    """A container of the docker daemon that DOCKER_HOST or the context names."""

    adapter = "docker"

    def __init__(self, settings: Settings) -> None:
        self.name = settings.unit
        self._docker = base.tool("docker")

    async def state(self) -> base.UnitState:
        """What `docker inspect` says; of its answer, which has secrets, only the state is kept."""
        said = await self._run("inspect", "--type", "container", self.name, s=base.STATE_S)
        found = base.parse("docker inspect", said)
        if not isinstance(found, list) or not found or not isinstance(found[0], dict):
            raise errors.Unreachable(
                "docker inspect answered with something else than a container."
            )
        return _state(found[0])

    async def allowed(self) -> str:
        """Who may ask the daemon may do everything."""
        await self.state()
        return f"docker lets {getpass.getuser()} restart it, and do everything else too."

    async def restart(self) -> str:
        """`docker restart`: SIGTERM, and SIGKILL after the container's own stop timeout."""
        await self._run("restart", self.name, s=base.RESTART_S)
        return f"docker restarted {self.name}."

    async def _run(self, *words: str, s: float) -> command.Said:
        env = command.environment(_KEEP)
        said = await command.run((self._docker, *words), deadline_s=s, env=env)
        if said.code:
            raise self._why(words[0], said)
        return said

    def _why(self, verb: str, said: command.Said) -> errors.SourceError:
        words = said.err.lower()
        if "no such" in words:
            return errors.NotFound(f"docker has no container {self.name}.")
        if "permission denied" in words:
            user = getpass.getuser()
            return errors.NotPermitted(
                f"docker does not let {user} talk to its daemon.",
                fix=f"Needs the group docker, and the core started anew: usermod -aG docker {user}",
            )
        if "cannot connect to the docker daemon" in words:
            return errors.Unreachable("The docker daemon does not answer.")
        return base.failed(f"docker {verb} {self.name}", said)


def _state(found: dict[str, Any]) -> base.UnitState:
    now, config = found.get("State") or {}, found.get("Config") or {}
    state = _STATES.get(str(now.get("Status")), "failed")
    code = base.number(now.get("ExitCode"))
    health = (now.get("Health") or {}).get("Status", "")
    why = str(now.get("Error") or "")
    if state == "stopped" and code:
        state, why = "failed", why or f"exited with {code}"
    if now.get("OOMKilled"):
        why = "killed for want of memory"
    if state == "ready" and health == "starting":
        state = "starting"
    if state == "ready" and health == "unhealthy":
        why = "its health check says unhealthy"
    if now.get("Status") == "paused":
        why = "paused"
    return base.UnitState(
        state,
        pid=base.number(now.get("Pid")) or None,
        since=base.instant(now.get("StartedAt")),
        restarts=base.number(found.get("RestartCount")),
        version=str(config.get("Image", "")),
        why=why,
    )


def open_unit(settings: Settings) -> base.Unit:
    """The container; raises SettingsError when docker is not there."""
    return Container(settings)
