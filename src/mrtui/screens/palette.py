"""Everything that can be done here, for the palette (ctrl+p)."""

from __future__ import annotations

import functools
from typing import cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from mrtui.screens import room


class Commands(Provider):
    """What the table of keys offers on this screen."""

    def _offers(self) -> list[tuple[str, str, functools.partial[object]]]:
        here = self.screen
        if not isinstance(here, room.Room):
            return []
        found = []
        for entry in here.control.keymap.active(here.SCOPES, here.offered()):
            if not entry.takes.isupper() and not entry.takes.endswith("…"):
                key = f":{entry.command}" if entry.command else " ".join(entry.keys)
                run = functools.partial(here.do, entry.does)
                found.append((entry.label, key, cast("functools.partial[object]", run)))
        return found

    async def discover(self) -> Hits:
        for label, key, run in self._offers():
            yield DiscoveryHit(label, run, help=key)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for label, key, run in self._offers():
            if (score := matcher.match(f"{label} {key}")) > 0:
                yield Hit(score, matcher.highlight(label), run, help=key)
