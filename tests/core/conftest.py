"""What every test of the core shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from mrcore.api import problem
from tests import servers
from tests.node import engines


@pytest.fixture(scope="session", autouse=True)
def declared_once() -> Iterator[None]:
    """All cores have the same routes: their OpenAPI is made once, as one core makes it once."""
    known: dict[tuple[str, ...], dict[str, Any]] = {}
    declare = problem.declare

    def declared(app: FastAPI) -> dict[str, Any]:
        routes = (app.version, *(getattr(each, "path", type(each).__name__) for each in app.routes))
        if routes not in known:
            known[routes] = declare(app)
        return known[routes]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problem, "declare", declared)
        yield


@pytest.fixture
def engine(
    valkey: servers.Valkey, redis_url: str, node_modules: object
) -> Iterator[engines.Engine]:
    """The newest BullMQ over this test's Redis database."""
    made = engines.Engine(valkey.port, db=int(redis_url.rpartition("/")[2]))
    yield made
    made.close()
