"""Adapter `kubectl`: a deployment by `kubectl get` and `kubectl rollout restart`."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field

from mrcore import errors
from mrcore.adapters import base, command

_REVISION = "deployment.kubernetes.io/revision"
_WHO = re.compile(r'User "([^"]+)" cannot (\w+)')
_VERBS = "get,list,watch,patch"


class Settings(base.UnitSettings):
    """A deployment of a namespace."""

    adapter: Literal["kubectl"] = "kubectl"
    unit: str = Field(pattern=base.NAME, description="name of the deployment")
    namespace: str = Field(default="default", pattern=base.NAME, description="of the deployment")
    context: str = Field(
        default="", pattern=r"^$|" + base.NAME, description="of the kubeconfig; else its current"
    )


class Deployment:
    """A deployment; what the kubeconfig's login may do decides."""

    adapter = "kubectl"

    def __init__(self, settings: Settings) -> None:
        self.name = settings.unit
        self._namespace = settings.namespace
        self._kubectl = base.tool("kubectl")
        context = ("--context", settings.context) if settings.context else ()
        self._where = (*context, "--namespace", settings.namespace)

    async def state(self) -> base.UnitState:
        """Its replicas; `restarts` is the revision, which grows at every rollout."""
        said = await self._run("get", "deployment", self.name, "--output=json", s=base.STATE_S)
        found = base.parse("kubectl get", said)
        if not isinstance(found, dict) or not isinstance(found.get("status"), dict):
            raise errors.Unreachable("kubectl get answered with something else than a deployment.")
        return _state(found)

    async def allowed(self) -> str:
        """What `kubectl auth can-i patch` says of this deployment."""
        asked = ("auth", "can-i", "patch", f"deployments.apps/{self.name}")
        argv, env = (self._kubectl, *self._where, *asked), command.environment(("KUBECONFIG",))
        said = await command.run(argv, deadline_s=base.STATE_S, env=env)
        answer = said.out.strip().partition(" ")[0]
        if answer == "yes":
            return f"Kubernetes lets the kubeconfig's user patch {self.name}."
        raise self._refused("") if answer == "no" else self._why("auth can-i", said)

    async def restart(self) -> str:
        """A new rollout, and waiting until it is done."""
        half_s = base.RESTART_S / 4
        named = f"deployment/{self.name}"
        await self._run("rollout", "restart", named, s=half_s)
        left_s = base.RESTART_S - half_s
        timeout = f"--timeout={left_s - 2:g}s"
        await self._run("rollout", "status", named, timeout, s=left_s)
        return f"kubectl rolled {self.name} out anew."

    async def _run(self, *words: str, s: float) -> command.Said:
        env = command.environment(("KUBECONFIG",))
        said = await command.run((self._kubectl, *self._where, *words), deadline_s=s, env=env)
        if said.code:
            raise self._why(" ".join(words[:2]), said)
        return said

    def _why(self, verb: str, said: command.Said) -> errors.SourceError:
        words = said.err.lower()
        if "(notfound)" in words:
            return errors.NotFound(f"Namespace {self._namespace} has no deployment {self.name}.")
        if "forbidden" in words:
            return self._refused(said.err)
        return base.failed(f"kubectl {verb} {self.name}", said)

    def _refused(self, text: str) -> errors.NotPermitted:
        found = _WHO.search(text)
        user, may_not = found.groups() if found else ("the kubeconfig's user", "restart")
        subject = found[1] if found else "USER"
        role = f"kubectl -n {self._namespace} create role mrcore --verb={_VERBS}"
        binding = f"kubectl -n {self._namespace} create rolebinding mrcore --role=mrcore"
        return errors.NotPermitted(
            f"Kubernetes does not let {user} {may_not} deployments in {self._namespace}.",
            fix=f"Needs: {role} --resource=deployments.apps && {binding} --user={subject}",
        )


def _state(found: dict[str, Any]) -> base.UnitState:
    about, spec, status = found.get("metadata") or {}, found.get("spec") or {}, found["status"]
    wanted = base.number(spec.get("replicas"))
    ready = base.number(status.get("readyReplicas"))
    updated = base.number(status.get("updatedReplicas"))
    conditions = {c.get("type"): c for c in status.get("conditions") or [] if isinstance(c, dict)}
    progress = conditions.get("Progressing") or {}
    if not wanted:
        state = "stopped"
    elif progress.get("status") == "False":
        state = "failed"
    else:
        state = "ready" if min(ready, updated) >= wanted else "starting"
    told = f"{ready} of {wanted} pods are ready"
    why = str(progress.get("message") or told) if state == "failed" else told
    pods = (spec.get("template") or {}).get("spec") or {}
    return base.UnitState(
        state,
        since=base.instant(progress.get("lastUpdateTime")),
        restarts=base.number((about.get("annotations") or {}).get(_REVISION)),
        version=", ".join(str(c.get("image", "")) for c in pods.get("containers") or []),
        why="" if state == "ready" else why,
    )


def open_unit(settings: Settings) -> base.Unit:
    """The deployment; raises SettingsError when kubectl is not there."""
    return Deployment(settings)
