"""One rig a kind, for all topics of that kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import servers
from tests.contract import factories, rig, rig_slots


@pytest.fixture(scope="session")
def mentor_rig(
    tmp_path_factory: pytest.TempPathFactory, postgres: servers.Postgres, valkey: servers.Valkey
) -> Iterator[rig_slots.Slots]:
    """Mr. Mentor's application over the servers of this test process."""
    name = servers.new_name("slots")
    postgres.execute(f"CREATE DATABASE {name}")
    made = rig_slots.Slots(tmp_path_factory.mktemp("mentor"), postgres.dsn(name), valkey.url(4_001))
    yield made
    made.server.close()


@pytest.fixture(scope="module", params=factories.KINDS)
def here(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[rig.Rig]:
    """The real thing behind one kind of source, with known content."""
    folder = tmp_path_factory.mktemp(request.param)
    made = factories.RIGS[request.param].made(folder, request.getfixturevalue)
    yield made
    made.close()
