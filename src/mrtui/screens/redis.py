"""Redis: facts and charts of a node, and a page of its keys."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from mrcore.model import plans, redis
from mrcore.model import ref as refs
from mrtui.columns import fmt
from mrtui.columns import node as node_columns
from mrtui.screens import paged, text
from mrtui.widgets import cells, chart, live_table

CHARTS = (
    ("redis.ops", "commands", fmt.rate),
    ("redis.used_bytes", "memory", fmt.size),
    ("redis.clients", "clients", fmt.short),
)


class Redis(paged.Paged):
    """Two lines of facts, three charts where there is room, then keys as far as was looked."""

    NAME = "redis"
    KIND = "key"
    COLLECTION = "keys"
    SCOPES = ("lists", "redis")
    EMPTY = "no key"
    OF = "Redis"
    REASKS = False

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self.prefix = ""

    def body(self) -> ComposeResult:
        yield Static(classes="headline", markup=False)
        with Horizontal(id="charts"):
            for metric, title, number in CHARTS:
                yield chart.Chart(title, number=number, id=metric.replace(".", "-"))
        yield live_table.LiveTable(placeholder=self.EMPTY)

    def node(self) -> redis.RedisNode | None:
        """The node that this is about, or the first there is."""
        known = self.control.world
        found = known.get(self.ref) or next(iter(known.table("node").values()), None)
        return found if isinstance(found, redis.RedisNode) else None

    def owner(self) -> str:
        found = self.node()
        return found.ref if found is not None else self.ref

    def sources(self) -> Iterable[str]:
        if self.owner():
            return [refs.source_of(self.owner())]
        return sorted(self.control.world.sources_of("node"))

    def wanted(self) -> plans.Query:
        return plans.Query(prefix=self.prefix, text=self.pattern)

    def headline(self) -> list[list[cells.Cell]]:
        """Keys, memory, hits, commands; then what changes rarely."""
        found = self.node()
        if found is None:
            return []
        view = self.view()
        named = cells.Cell(node_columns.name(found), "dim")
        old = node_columns.as_of(found, view)
        first = [old, *node_columns.headline(found, view), named, view.why(found)]
        keys = [cells.Cell(f"keys {self.prefix}*", "accent")] if self.prefix else []
        return [
            [view.mark(found), cells.Cell(" "), *text.spaced(first)],
            [cells.Cell("  "), *text.spaced(node_columns.facts(found, view))],
            [cells.Cell("  "), *text.spaced([*keys, *self.looked()])]
            if keys or self.looked()
            else [],
        ]

    def pull(self) -> None:
        super().pull()
        found = self.node()
        if found is not None:
            if not self.pager.ref:
                self.begin()
            for metric, _, _ in CHARTS:
                values = self.control.world.recent(metric, found.ref)
                self.query_one(f"#{metric.replace('.', '-')}", chart.Chart).show(values)

    async def do_prefix(self, _: str) -> None:
        """Ask for the beginning of the keys' names."""

        def told(typed: str, done: bool) -> str:
            if done and typed != self.prefix:
                self.prefix = typed
                self.begin()
                self.repaint()
            return ""

        self.ask("prefix ", self.prefix, told)

    async def do_back(self, argument: str) -> None:
        """Esc ends the prefix first."""
        if self.prefix and not self.pattern:
            self.prefix = ""
            self.begin()
            self.repaint()
        else:
            await super().do_back(argument)


ROOM = Redis
