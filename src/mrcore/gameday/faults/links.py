"""Ways to services outside: a proxy stands in one, and makes it bad."""

from __future__ import annotations

import httpx

from mrcore import errors
from mrcore.gameday import proxy
from mrcore.gameday.faults import accounts, base

_LINK = "link"
_ADDRESS = "SELECT base_url FROM sync_configs WHERE id = $1"
_MOVE = "UPDATE sync_configs SET base_url = $2 WHERE id = $1"


class Bad(base.Fault):
    """The way to the service of a sync leads through a proxy with one toxic.

    Whoever syncs and whoever probes goes that way: both ask where the sync's config says.
    """

    config: str = "mrtest-main"
    toxic: proxy.Name
    attributes: dict[str, float] = {}

    async def before(self, stage: base.Stage) -> base.Memo:
        address = await accounts.sql(stage, _ADDRESS, self.config)
        if not address:
            raise errors.StackError(f"The sync {self.config!r} has no address to go to.")
        return {"address": address}

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        url = httpx.URL(memo["address"])
        between = proxy.Proxy(url.host, url.port or 80, dice=stage.dice)
        between.toxics.append(proxy.Toxic.of(self.toxic, self.attributes))
        await stage.held.enter_async_context(between)
        stage.parts[_LINK] = between
        await accounts.sql(stage, _MOVE, self.config, str(url.copy_with(port=between.port)))

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        await accounts.sql(stage, _MOVE, self.config, memo["address"])


class Mended(base.Fault):
    """For an operator: who runs the network has mended that way; the proxy stands in it still."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        stage.parts[_LINK].toxics.clear()
