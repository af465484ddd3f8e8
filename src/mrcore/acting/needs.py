"""What every operation works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from mrcore import deadline
from mrcore.acting import vault
from mrcore.model import base, core
from mrcore.rights import authority
from mrcore.sources import base as sources
from mrcore.store import database


class Monitor(Protocol):
    """What operations need of the Monitor."""

    def source(self, name: str) -> sources.Source: ...
    def statuses(self) -> list[core.SourceStatus]: ...
    def poke(self, name: str) -> None: ...
    async def sample_now(self, name: str) -> None: ...
    async def until_watching(self, name: str) -> None: ...


class Hub(Protocol):
    """What operations need of the Hub."""

    def touched(self, refs: Iterable[base.Ref]) -> None: ...


@dataclass(frozen=True)
class Means:
    """What every operation works with; `clock` counts seconds, `rest` waits so many."""

    ledger: database.Database
    monitor: Monitor
    hub: Hub
    allows: authority.Authority
    vault: vault.Vault
    caller: deadline.Caller
    now: sources.Now
    show: Callable[[core.Operation], None]
    clock: Callable[[], float]
    rest: Callable[[float], Awaitable[None]]
