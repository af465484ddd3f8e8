"""The app: every route, over one core."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import FastAPI

from mrcore import core, version
from mrcore.api import about, acts, ask, beats, gate, health, live, problem

PREFIX = "/api/v1"


def create(behind: core.Core, clients: gate.Clients, *, hosts: Collection[str] = ()) -> FastAPI:
    """The HTTP API over `behind`; `clients` counts who is using it, `hosts` are its own names."""
    app = FastAPI(title="mrcore", version=version.version(), docs_url=None, redoc_url=None)
    app.state.core = behind
    for router in (live.router, ask.router, acts.router, beats.router, about.router):
        app.include_router(router, prefix=PREFIX)
    app.include_router(health.router)
    app.add_middleware(gate.Gate, clients=clients, hosts=hosts)
    problem.handle(app)
    app.openapi = lambda: problem.declare(app)  # type: ignore[method-assign]
    return app
