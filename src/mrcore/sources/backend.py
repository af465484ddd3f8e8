"""Backends: what `/api/health` of each colour says, and whether it says anything at all."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import httpx
from pydantic import Field, JsonValue

from mrcore import authorities, errors, redact
from mrcore import settings as core_settings
from mrcore.model import backend, base, ref, wire
from mrcore.sources import backend_body, backend_caches, current
from mrcore.sources import base as source_base

PATH = "/api/health"
WAIT_S = 0.1
MOST_BYTES = 64 * 1024
SAME_START = timedelta(seconds=2)


class Settings(core_settings.SourceSettings):
    """The backend's colours."""

    kind: str = "backend"
    urls: dict[str, str] = Field(min_length=1, description="base URL by colour, for example blue")
    answer_s: float = Field(default=1.0, gt=0, description="no answer within this is unknown")
    current: Path | None = Field(
        default=None, description="file that names the live colour: another that refuses is stopped"
    )
    caches: str = Field(default="", description="URL that says how old the dashboards' caches are")
    caches_s: float = Field(default=15.0, ge=0, description="time between questions for these")

    def scaled(self, time_scale: float) -> Self:
        """The same, asked so many times as often; for caches no oftener than once a second."""
        quick = super().scaled(time_scale)
        pace_s = max(self.caches_s / time_scale, min(self.caches_s, 1.0))
        return quick.model_copy(update={"caches_s": pace_s})


def open_source(name: str, settings: Settings, *, now: source_base.Now) -> source_base.Source:
    """The source for every colour of one backend."""
    return Backend(name, settings, now=now)


@dataclass
class _Colour:
    """One colour: the question under way, and what the last one led to."""

    url: str
    check: backend.Check
    asking: asyncio.Task[None] | None = None
    body: JsonValue = None
    points: tuple[wire.Point, ...] = ()


class Backend(source_base.SourceBase):
    """Asks every colour at once; one that hangs is heard later, never waited for."""

    def __init__(self, name: str, settings: Settings, *, now: source_base.Now) -> None:
        super().__init__(name, now=now)
        self._answer_s = settings.answer_s
        self._current = settings.current
        self._client: httpx.AsyncClient | None = None
        self._caches = backend_caches.Caches(
            name, settings.caches, settings.caches_s, settings.answer_s, now=now
        )
        self._colours = [
            _Colour(url.rstrip("/") + PATH, _unasked(name, colour, url.rstrip("/") + PATH))
            for colour, url in settings.urls.items()
        ]

    async def __aenter__(self) -> Self:
        # No timeout of the library: each question has one deadline for everything. No proxy of
        # the environment: it would answer for a backend that is down.
        known = authorities.known()
        self._client = httpx.AsyncClient(timeout=None, trust_env=False, verify=known)  # noqa: S113
        return self

    async def __aexit__(self, *exc: object) -> None:
        asking = (*(colour.asking for colour in self._colours), self._caches.asking)
        tasks = [task for task in asking if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def describe(self) -> wire.Description:
        return wire.Description(kinds=("check", "cache") if self._caches.url else ("check",))

    async def probe(self) -> Sequence[backend.Check]:
        await asyncio.wait(self._ask())
        return tuple(colour.check for colour in self._colours)

    async def sample(self) -> wire.Sample:
        assert self._client is not None
        asking = self._caches.ask(self._client)
        await asyncio.wait([*self._ask(), *((asking,) if asking else ())], timeout=WAIT_S)
        points = tuple(point for colour in self._colours for point in colour.points)
        for colour in self._colours:
            colour.points = ()
        checks = tuple(colour.check for colour in self._colours)
        return wire.Sample(at=self.now(), entities=(*checks, *self._caches.rows()), points=points)

    async def detail(self, ref: base.Ref) -> wire.Detail:
        colour = next((c for c in self._colours if c.check.ref == ref), None)
        if colour is None and (found := self._caches.detail(ref)):
            return found
        if colour is None:
            raise errors.NotFound(f"There is no {ref}.")
        body = wire.Section(id="body", title="Body", form="json", data=colour.body)
        about = wire.Section(id="check", title="Check", fields=_fields(colour.check))
        sections = (about, body) if colour.body is not None else (about,)
        return wire.Detail(at=self.now(), entity=colour.check, sections=sections)

    def _ask(self) -> list[asyncio.Task[None]]:
        """The question to every colour; one that is still open is not put again."""
        asking = []
        for colour in self._colours:
            if colour.asking is None or colour.asking.done():
                colour.asking = asyncio.create_task(self._hear(colour))
            asking.append(colour.asking)
        return asking

    async def _hear(self, colour: _Colour) -> None:
        """Ask once, and keep what was heard."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._answer_s):
                code, raw = await self._get(colour.url)
            took_ms, at = (time.perf_counter() - started) * 1000, self.now()
            colour.body = body = _body(raw)
            colour.check = heard(colour.check, code, body, at)
        except TimeoutError:
            why = f"no answer within {self._answer_s:g} s"
            self._silent(colour, _verdict(base.Level.UNKNOWN, "no_answer", why))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            verdict = unheard(error)
            idle = verdict.code == "refused" and await self._has_no_traffic(colour)
            self._silent(colour, _STOPPED if idle else verdict)
        except Exception as error:  # whatever it is, an ok from before must not stay
            why = f"asking it broke with {type(error).__name__}"
            self._silent(colour, _verdict(base.Level.UNKNOWN, "defect", why))
        else:
            values = {
                "check.latency_ms": took_ms,
                "check.acquire_ms": backend_body.acquire_ms(body),
            }
            colour.points = tuple(
                wire.Point(metric=metric, ref=colour.check.ref, at=at, value=value)
                for metric, value in values.items()
                if value is not None
            )

    async def _has_no_traffic(self, colour: _Colour) -> bool:
        """Whether the file names another of the colours; False where nobody knows."""
        if self._current is None:
            return False
        try:
            live = await asyncio.to_thread(current.named, self._current)
        except (OSError, UnicodeDecodeError):
            return False
        return live != colour.check.name and live in {each.check.name for each in self._colours}

    def _silent(self, colour: _Colour, verdict: base.Verdict) -> None:
        colour.body = None
        colour.check = _unasked(self.name, colour.check.name, colour.url, verdict)

    async def _get(self, url: str) -> tuple[int, bytes]:
        assert self._client is not None
        raw = b""
        async with self._client.stream("GET", url) as response:
            async for part in response.aiter_bytes():
                raw += part
                if len(raw) > MOST_BYTES:
                    break
            return response.status_code, raw


def heard(before: backend.Check, code: int, body: JsonValue, at: datetime) -> backend.Check:
    """The check after an answer; facts that differ at every answer (latencies) are left out."""
    said = backend_body.table(body)
    return backend.Check(
        ref=before.ref,
        name=before.name,
        target=before.target,
        status_code=code,
        says=str(said.get("message", ""))[:200],
        facts=backend_body.facts(said),
        up_since=_up_since(before.up_since, said.get("uptime"), at),
        verdict=judge(code, body),
    )


def judge(code: int, body: JsonValue) -> base.Verdict:
    """The playbook's contract: the code is the signal, the body says what is down or degraded."""
    said = backend_body.table(body)
    down = backend_body.down(said)
    if code == 200 and said.get("success") is True:
        health = said.get("health", "ok")
        named = (
            ", ".join(map(str, backend_body.rows(said.get("degraded")))) or "it does not say what"
        )
        if health == "warn":
            return _verdict(base.Level.WARN, "degraded", f"degraded: {named}")
        if health not in ("ok", "pass"):
            return _verdict(base.Level.BAD, "unhealthy", f"answers 200, health {health}: {named}")
        return base.OK
    if code == 200:
        return _verdict(base.Level.BAD, "unhealthy", "answers 200 without success")
    if code == 503:
        return _verdict(base.Level.BAD, "down", f"503: {', '.join(down) or 'service unavailable'}")
    if code >= 500:
        return _verdict(base.Level.BAD, "error", f"answers {code}")
    return _verdict(base.Level.BAD, "no_health", f"answers {code}: no health endpoint there")


def unheard(error: Exception) -> base.Verdict:
    """What a failed question means: refused is bad, no way there is unknown."""
    if _refused(error):
        return _verdict(base.Level.BAD, "refused", "refused: nobody listens there")
    if isinstance(error, httpx.ConnectError):
        return _verdict(base.Level.UNKNOWN, "no_route", redact.text(f"cannot be reached: {error}"))
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return _verdict(
            base.Level.UNKNOWN, "no_route", redact.text(f"its URL cannot be used: {error}")
        )
    return _verdict(base.Level.BAD, "broken", "closed the connection in the middle of an answer")


def _verdict(level: base.Level, code: str, why: str) -> base.Verdict:
    return base.Verdict(level=level, code=code, why=why)


_STOPPED = _verdict(base.Level.OK, "stopped", "stopped: it has no traffic")
_NOT_YET = _verdict(base.Level.UNKNOWN, "no_answer", "no answer yet")


def _unasked(
    source: str, colour: str, target: str, verdict: base.Verdict = _NOT_YET
) -> backend.Check:
    address = ref.make(source, "check", colour)
    return backend.Check(ref=address, name=colour, target=redact.text(target), verdict=verdict)


def _body(raw: bytes) -> JsonValue:
    """The body as JSON with secrets masked; None where it is something else."""
    try:
        return redact.value(source_base.parse_json(raw))
    except (ValueError, RecursionError):
        return None


def _up_since(before: datetime | None, uptime_s: JsonValue, at: datetime) -> datetime | None:
    """When it began; kept while it agrees with what was reckoned before, to the second or two."""
    if not isinstance(uptime_s, int | float) or not 0 <= uptime_s < 1e10:
        return None
    since = at - timedelta(seconds=uptime_s)
    return before if before and abs(since - before) < SAME_START else since


def _fields(check: backend.Check) -> tuple[wire.Field, ...]:
    return (
        wire.Field(name="asked", value=check.target),
        wire.Field(name="answered", value=check.status_code),
        wire.Field(name="up since", at=check.up_since),
    )


def _refused(error: BaseException | None) -> bool:
    """Whether a refused connection is among an error's causes; a group of them counts too."""
    if error is None:
        return False
    if isinstance(error, BaseExceptionGroup):
        return any(map(_refused, error.exceptions))
    if isinstance(error, OSError) and error.errno == errno.ECONNREFUSED:
        return True
    return _refused(error.__cause__ or error.__context__)
