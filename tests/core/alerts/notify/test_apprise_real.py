"""The library Apprise, an extra of ours, tells what we hand it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mrcore import errors
from tests.core.alerts.notify import hooks, test_channels

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what it imports


@pytest.fixture
def hook() -> Iterator[hooks.Server]:
    with hooks.serving() as server:
        yield server


async def test_apprise_tells_title_text_and_how_bad_it_is(hook: hooks.Server) -> None:
    ops = test_channels.opened("apprise", urls=[hook.url.replace("http://", "json://")])
    await ops.send(test_channels.told())
    await ops.send(test_channels.told(test_channels.item("resolved")))
    fired, ended = (got.json for got in hook.got)
    assert fired["title"] == "[test] P1 firing: redis_wedged on main"
    assert "memory is full" in fired["message"]
    assert (fired["type"], ended["type"]) == ("failure", "success")


async def test_apprise_that_is_not_taken_is_tried_again(hook: hooks.Server) -> None:
    hook.answer = lambda got: (500, "no", {})
    with pytest.raises(errors.NotSent, match="could not tell all"):
        await test_channels.opened("apprise", urls=[hook.url.replace("http://", "json://")]).send(
            test_channels.told()
        )
    with pytest.raises(errors.NotSent, match="does not know what urls 1 is"):
        await test_channels.opened("apprise", urls=["nothing-at-all"]).send(test_channels.told())
