"""One rig a kind, for all topics of that kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract import factories, rig


@pytest.fixture(scope="module", params=factories.KINDS)
def here(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[rig.Rig]:
    """The real thing behind one kind of source, with known content."""
    folder = tmp_path_factory.mktemp(request.param)
    made = factories.RIGS[request.param].made(folder, request.getfixturevalue)
    yield made
    made.close()
