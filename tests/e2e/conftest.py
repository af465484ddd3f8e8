"""Real stacks for the tests that share them; they end with the last end-to-end test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from mrcore import client
from tests.e2e import hostile_room, running


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Stack]:
    """The demo's stack, with its data and faults: tests may act on it but must leave it healthy."""
    with running.stack(tmp_path_factory.mktemp("stack"), "--seed", "7") as started:
        yield started


@pytest.fixture
async def core(stack: running.Stack) -> AsyncIterator[client.CoreClient]:
    """A client of the shared stack's core, on its socket."""
    async with client.CoreClient.at(state=stack.state) as connected:
        yield connected


@pytest.fixture(scope="package")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Stack]:
    """A stack without data, where all is well until a test breaks it; it must mend it again."""
    with running.stack(tmp_path_factory.mktemp("calm")) as started:
        yield started


@pytest.fixture(scope="module")
def family(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[running.Stack]:
    """The stack of one runbook's scenarios, at the pace of game days; see `families`."""
    folder = tmp_path_factory.mktemp(f"family{request.param}")
    with running.stack(folder, "--time-scale", "20") as started:
        yield started


@pytest.fixture
async def calm_core(calm: running.Stack) -> AsyncIterator[client.CoreClient]:
    """A client of the calm stack's core; it is away after the core was killed."""
    async with client.CoreClient.at(state=calm.state) as connected:
        yield connected


@pytest.fixture(scope="package")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hostile_room.Room]:
    """A core that serves hostile strings, and the screen that all tests of them look at."""
    with hostile_room.opened(tmp_path_factory.mktemp("hostile")) as made:
        yield made
