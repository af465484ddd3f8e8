"""One real stack for the tests that share it; tests that break things start their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from mrcore import client
from tests.e2e import running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Stack]:
    """A seeded stack, shared: tests here may act on it but must leave it healthy."""
    with running.stack(tmp_path_factory.mktemp("stack"), "--seed", "7") as started:
        yield started


@pytest.fixture
async def core(stack: running.Stack) -> AsyncIterator[client.CoreClient]:
    """A client of the shared stack's core, on its socket."""
    async with client.CoreClient.at(state=stack.state) as connected:
        yield connected
