"""The app: every route, over one core."""

from __future__ import annotations

from fastapi import FastAPI

from mrcore import core, settings, version
from mrcore.api import about, acts, ask, gate, health, live, problem, server

PREFIX = "/api/v1"


def create(behind: core.Core, clients: gate.Clients) -> FastAPI:
    """The HTTP API over `behind`; `clients` counts who is using it."""
    app = FastAPI(title="mrcore", version=version.version(), docs_url=None, redoc_url=None)
    app.state.core = behind
    for router in (live.router, ask.router, acts.router, about.router):
        app.include_router(router, prefix=PREFIX)
    app.include_router(health.router)
    app.add_middleware(gate.Gate, clients=clients, hosts=_hosts(behind.settings))
    problem.handle(app)
    app.openapi = lambda: problem.declare(app)  # type: ignore[method-assign]
    return app


def _hosts(own: settings.Settings) -> set[str]:
    """What this core is called beside localhost: its names, and the address that it listens on."""
    address = server.address_of(own.listen.rpartition(":")[0])
    return {*own.hosts, *([str(address)] if address and not address.is_unspecified else [])}
