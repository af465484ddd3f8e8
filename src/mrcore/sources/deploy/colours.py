"""Colours: which one is live, and what the health of each says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from mrcore import authorities, errors
from mrcore.model import base, deploy, plans, ref
from mrcore.sources import backend, current
from mrcore.sources import base as sources
from mrcore.sources import live_meetings as meetings
from mrcore.sources.deploy import preflight, settings, units

ACTION = "deploy.switch"
ANSWER_S = 2.0

_STATES = {
    base.Level.OK: "healthy",
    base.Level.WARN: "degraded",
    base.Level.BAD: "unhealthy",
    base.Level.UNKNOWN: "unknown",
}


@dataclass(frozen=True)
class Health:
    """What a colour's health said; `up_since` is when it began, to the second or two."""

    verdict: base.Verdict
    release: str = ""
    up_since: datetime | None = None
    meetings: int = 0
    peers: int = 0


NOT_ASKED = Health(
    base.Verdict(level=base.Level.UNKNOWN, code="not_asked", why="its health has no URL here")
)


class Colours:
    """The colours of one deployment, by name."""

    def __init__(
        self,
        source: str,
        colours: Mapping[str, settings.ColourSettings],
        current: Path | None,
        now: sources.Now,
        preflight_s: float = 0.0,
    ) -> None:
        self.colours = colours
        self.current = current
        self._source = source
        self._now = now
        self._since: dict[str, datetime] = {}
        self._client: httpx.AsyncClient | None = None
        self._preflights = preflight.Preflights(preflight_s)

    def open(self) -> None:
        """Begin to ask."""
        # No connection is kept: it would be among those that a switch cuts off. No proxy of the
        # environment: it would answer for a colour that is down.
        limits = httpx.Limits(max_keepalive_connections=0)
        known = authorities.known()
        self._client = httpx.AsyncClient(timeout=None, trust_env=False, limits=limits, verify=known)  # noqa: S113

    async def close(self) -> None:
        """Ask no more."""
        if self._client is not None:
            await self._client.aclose()

    def ref(self, name: str) -> base.Ref:
        """A colour's address."""
        return ref.make(self._source, deploy.Colour.KIND, name)

    def find(self, address: base.Ref) -> str | None:
        """The name in a colour's ref, if there is such a colour."""
        return next((name for name in self.colours if self.ref(name) == address), None)

    async def live(self) -> str:
        """The colour that the file names now.

        Raises Unreachable when it cannot be read, or names none of the settings.
        """
        if self.current is None:
            raise errors.Unreachable("The settings have no file that names the live colour.")
        try:
            said = await asyncio.to_thread(current.named, self.current)
        except (OSError, UnicodeDecodeError) as error:
            raise errors.Unreachable(f"{self.current} cannot be read: {error}.") from error
        if said not in self.colours:
            raise errors.Unreachable(f"{self.current} names {said!r}, which is no colour here.")
        return said

    async def healths(self) -> dict[str, Health]:
        """What every colour's health says, all asked at once."""
        said = await asyncio.gather(*(self.health(name) for name in self.colours))
        return dict(zip(self.colours, said, strict=True))

    async def health(self, name: str) -> Health:
        """What a colour's health says within 2 s."""
        url = self.colours[name].health
        if not url:
            return NOT_ASKED
        assert self._client is not None
        raw = b""
        try:
            async with asyncio.timeout(ANSWER_S), self._client.stream("GET", url) as response:
                async for part in response.aiter_bytes():
                    raw += part
                    if len(raw) > backend.MOST_BYTES:
                        break
        except TimeoutError:
            why = f"no answer within {ANSWER_S:g} s"
            return Health(base.Verdict(level=base.Level.UNKNOWN, code="no_answer", why=why))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self._since.pop(name, None)
            return Health(backend.unheard(error))
        return self._heard(name, response.status_code, raw)

    async def preflight(self, name: str) -> list[plans.Remark]:
        """What is newer than a colour's release, as it says itself within 2 s."""
        url = self.colours[name].preflight
        if not url:
            return []
        assert self._client is not None
        return preflight.remarks(await preflight.ask(self._client, url, name))

    async def preflights(
        self, live: str | errors.SourceError, healths: Mapping[str, Health]
    ) -> dict[str, base.Verdict]:
        """What each colour without traffic that is asked says, all asked at once.

        One that is not well is left alone: as it begins it would answer 503, and its log would say
        that a release fails.
        """
        if isinstance(live, str):
            self._preflights.forget(live)
        asked = [n for n, told in self.colours.items() if told.preflight and n != live]
        said = await asyncio.gather(*(self._newer(name, healths[name]) for name in asked))
        return dict(zip(asked, said, strict=True))

    async def _newer(self, name: str, health: Health) -> base.Verdict:
        assert self._client is not None
        if health is NOT_ASKED or health.verdict.level in (base.Level.OK, base.Level.WARN):
            return await self._preflights.of(self._client, self.colours[name].preflight, name)
        self._preflights.forget(name)
        return preflight.unknown(name, health.verdict.why).verdict

    def _heard(self, name: str, code: int, raw: bytes) -> Health:
        try:
            body = sources.parse_json(raw)
        except (ValueError, RecursionError):
            body = None
        said = body if isinstance(body, dict) else {}
        since, uptime_s = self._since.get(name), said.get("uptime")
        if isinstance(uptime_s, int | float) and 0 <= uptime_s < 1e10:
            began = self._now() - timedelta(seconds=uptime_s)
            if since is None or abs(since - began) > backend.SAME_START:
                since = self._since[name] = began
        release = said.get("release")
        named = release if isinstance(release, str) else ""
        return Health(backend.judge(code, body), named, since, *meetings.of(said))

    def port(self, name: str) -> int | None:
        """The port of a colour on this machine, by the URL of its health."""
        parts = urlsplit(self.colours[name].health)
        return parts.port if parts.hostname in ("127.0.0.1", "localhost", "::1") else None

    def entity(
        self,
        name: str,
        live: str | errors.SourceError,
        health: Health,
        look: units.Look | None,
        *,
        switches: bool,
    ) -> deploy.Colour:
        """A colour as a row; the one that has no traffic may be stopped."""
        verdict, state = health.verdict, _STATES[health.verdict.level]
        since = health.up_since
        if not isinstance(look, errors.SourceError) and look is not None:
            since = look.since
            if look.state == "stopped":
                state = "stopped"
        if isinstance(live, errors.SourceError):
            verdict = base.Verdict(level=base.Level.UNKNOWN, code=live.code, why=str(live))
        elif live != name and verdict.level is base.Level.BAD:
            # What has no traffic hurts nobody; it matters to who wants to switch to it.
            state = "stopped" if verdict.code == "refused" else state
            level = base.Level.OK if state == "stopped" else base.Level.WARN
            verdict = base.Verdict(level=level, code="idle", why=f"no traffic; {verdict.why}")
        elif health is NOT_ASKED and state != "stopped":
            verdict = base.OK
        return deploy.Colour(
            ref=self.ref(name),
            name=name,
            live=live == name,
            release=health.release,
            state=state,
            since=since,
            why=health.verdict.why,
            verdict=verdict,
            actions=(ACTION,) if switches and isinstance(live, str) and live != name else (),
        )
