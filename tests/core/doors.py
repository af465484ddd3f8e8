"""A core that answers on its socket and on TCP, and the bearers that a test may send it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from mrcore import core
from mrcore.api import app, gate, server
from mrcore.sources import base
from mrcore.store import tokens
from mrcore.trust import auth
from tests import waiting
from tests.core import harness


@dataclass(frozen=True)
class Open:
    """A core behind a unix socket and a TCP port of this machine."""

    core: core.Core
    socket: Path
    url: str
    serving: uvicorn.Config

    def by_socket(self, bearer: str = "") -> httpx.AsyncClient:
        """A plain HTTP client over the socket."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket), verify=False)
        return httpx.AsyncClient(
            transport=transport,
            base_url="http://mrcore",
            headers=_headers(bearer),
            timeout=waiting.LONG_S,
        )

    def by_tcp(self, bearer: str = "") -> httpx.AsyncClient:
        """A plain HTTP client over TCP."""
        return httpx.AsyncClient(
            base_url=self.url,
            headers=_headers(bearer),
            trust_env=False,
            timeout=waiting.LONG_S,
            verify=False,
        )

    async def token(self, login: str, *roles: str, days: float = 1) -> str:
        """A new token; with `days` below 0 it has expired."""
        secret, digest = auth.mint()
        now = self.core.now()
        number = await self.core.ledger.run(
            lambda connection: tokens.add(
                connection,
                login=login,
                roles=roles,
                digest=digest,
                now=now,
                expires_at=now + timedelta(days=days),
            )
        )
        return auth.spell(number, secret)

    async def revoke(self, bearer: str) -> None:
        """Revoke a token."""
        number = int(bearer.split("_")[1])
        await self.core.ledger.run(
            lambda connection: tokens.revoke(connection, number, self.core.now())
        )


def _headers(bearer: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {bearer}"} if bearer else {}


@contextlib.asynccontextmanager
async def opened(state: Path, *sources: base.Source, **options: Any) -> AsyncIterator[Open]:
    """A core that watches `sources`, over settings given as `options`."""
    async with harness.unserved(state, *sources, **options) as behind:
        path = state / "s"
        listeners = [server.bind_unix(path), server.bind_tcp("127.0.0.1:0")]
        serving = server.Server(
            app.create(behind, gate.Clients()), listening=lambda: None, quiet=behind.quiet
        )
        task = asyncio.create_task(serving.serve(sockets=listeners))
        try:
            await waiting.until(lambda: serving.started and behind.monitor.tried)
            yield Open(behind, path, server.url_of(listeners[1]), serving.config)
        finally:
            serving.should_exit = True
            await task
            path.unlink(missing_ok=True)
