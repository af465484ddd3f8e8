"""One rig a kind, for all topics of that kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract import factories, rig


@pytest.fixture(scope="module", params=sorted(factories.RIGS))
def here(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[rig.Rig]:
    """The real thing behind one kind of source, with known content."""
    made = factories.RIGS[request.param](tmp_path_factory.mktemp(request.param))
    yield made
    made.close()
