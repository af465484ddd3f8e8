"""The probes of a source: when each is due, its names filled in, and what it last came to."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import httpx

from mrcore import errors, redact
from mrcore.model import base, ref, upstream, wire
from mrcore.sources import base as sources
from mrcore.sources.upstreams import counted, manager, probes, settings

StoredOf = Callable[[str], Awaitable[Mapping[str, str]]]
"""What is stored with a sync config, under the names that a probe has for it."""

_SALT = os.urandom(16)
_UNHEARD_S = 5.0
LATENCY = "upstream.latency_ms"


@dataclass
class Probed:
    """One service: its probe, the last answer, and the question under way."""

    name: str
    probe: settings.Probe
    entity: upstream.Upstream
    every_s: float
    due_at: float = 0.0
    asked_at: float = 0.0
    asking: asyncio.Task[None] | None = None
    by_hand: int = 0
    credential: str = ""
    point: wire.Point | None = None


class Asking:
    """Asks what is due, one question a service at a time."""

    def __init__(
        self,
        name: str,
        wanted: settings.Settings,
        kept: manager.Manager,
        client: httpx.AsyncClient,
        stored_of: StoredOf,
        now: sources.Now,
    ) -> None:
        self._wanted = wanted
        self._manager = kept
        self._client = client
        self._stored_of = stored_of
        self._now = now
        self.all = {
            each: _unasked(name, each, probe, wanted) for each, probe in wanted.probes.items()
        }

    def start_due(self) -> None:
        """Begin to ask every service whose time has come."""
        for one in self.all.values():
            if one.every_s and time.monotonic() >= one.due_at and not _busy(one):
                self._start(one)

    def hurry(self, one: Probed, last_at: datetime) -> None:
        """The backend was refused at `last_at`: ask soon, but not at once again."""
        probed = one.entity.probed_at
        if one.every_s and probed is not None and last_at > probed:
            one.due_at = min(one.due_at, one.asked_at + self._wanted.soon_s)

    async def now_ask(self, one: Probed) -> None:
        """Ask one now, and wait for what it says."""
        if not _busy(one):
            self._start(one)
        assert one.asking is not None
        one.by_hand += 1
        await asyncio.shield(one.asking)

    async def close(self) -> None:
        """End the questions under way."""
        tasks = [one.asking for one in self.all.values() if one.asking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def credential(self, one: Probed) -> str:
        """What tells this probe's credential from another without showing it."""
        try:
            return _print(probes.filled(one.probe, await self._values(one.probe)))
        except (probes.NotSet, errors.SourceError):
            return ""

    def _start(self, one: Probed) -> None:
        one.asked_at = time.monotonic()
        one.due_at = one.asked_at + one.every_s
        one.asking = asyncio.create_task(self._ask(one))

    async def _values(self, probe: settings.Probe) -> dict[str, str]:
        values = {**os.environ, **await self._manager.values()}
        if probe.config:
            values |= await self._stored_of(probe.config)
        return values

    async def _ask(self, one: Probed) -> None:
        started = time.monotonic()
        shown, credential = one.entity.target, ""
        try:
            asked = probes.filled(one.probe, await self._values(one.probe))
            shown, credential = redact.text(asked.url), _print(asked)
            started = time.monotonic()
            answer = await probes.ask(asked, self._client, self._wanted.answer_s)
        except probes.NotSet as missing:
            answer = _not_set(one.probe, str(missing))
        except errors.SourceError as error:
            answer = _unknown("no_credential", error.sentence)
        except Exception as error:  # whatever it is, an ok from before must not stay
            answer = _unknown("defect", f"asking it broke with {type(error).__name__}")
        at = self._now()
        if answer.status_code is not None:
            took_ms = 1000 * (time.monotonic() - started)
            one.point = wire.Point(metric=LATENCY, ref=one.entity.ref, at=at, value=took_ms)
        elif one.every_s:  # no credential was tried: nobody is locked out by asking again
            one.due_at = min(one.due_at, time.monotonic() + _UNHEARD_S)
        one.entity = _heard(one, answer, shown, credential, at)
        one.credential = credential


def _heard(
    one: Probed, answer: probes.Answer, shown: str, credential: str, at: datetime
) -> upstream.Upstream:
    since = one.entity.credential_since
    if credential != one.credential or since is None:
        since = at if credential else None
    return one.entity.model_copy(
        update={
            "target": shown,
            "status_code": answer.status_code,
            "auth_ok": answer.auth_ok,
            "verdict": answer.verdict,
            "probed_at": at,
            "credential_since": since,
        }
    )


def _busy(one: Probed) -> bool:
    return one.asking is not None and not one.asking.done()


def _print(asked: probes.Asked) -> str:
    said = repr(replace(asked, alternates=())).encode()
    return hmac.digest(_SALT, said, hashlib.sha256).hex()[:16]


def _not_set(probe: settings.Probe, name: str) -> probes.Answer:
    """What its sync config would hold: without that nobody uses the service, and all is well.

    Without a name of the environment a service that is wanted cannot be asked.
    """
    if probe.config and name in counted.STORED:
        why = f"not used: no config of {probe.config} has {counted.STORED[name]}"
        return probes.Answer(None, None, base.Verdict(level=base.Level.OK, code="not_set", why=why))
    return _unknown("not_set", f"{name} is not set")


def _unknown(code: str, why: str) -> probes.Answer:
    verdict = base.Verdict(level=base.Level.UNKNOWN, code=code, why=why)
    return probes.Answer(None, None, verdict)


def _unasked(source: str, name: str, probe: settings.Probe, wanted: settings.Settings) -> Probed:
    every = probe.every_s
    if every is None:
        every = wanted.smtp_every_s if probe.form == "smtp" else wanted.every_s
    entity = upstream.Upstream(
        ref=ref.make(source, "upstream", name),
        name=name,
        form=probe.form,
        target=redact.text(probe.url),
        schedule=probe.schedule,
        verdict=_unknown("not_asked", "not asked yet").verdict,
        actions=("check.run",),
    )
    return Probed(name, probe, entity, every)
