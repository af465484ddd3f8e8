"""Alerts with an outbox over them, under a clock and channels that a test moves."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path

from mrcore import errors
from mrcore.alerts import notify, rule
from mrcore.alerts.notify import channel, message, notifier, routing, sealing
from mrcore.model import alert, base
from tests.core.alerts import room
from tests.core.expr import recorded

P1, P2, P3 = alert.Severity.P1, alert.Severity.P2, alert.Severity.P3


class Phone:
    """A channel that keeps what it is told; while it is `away` nothing comes there.

    One that is `mute` takes a message, and says that it did not.
    """

    def __init__(self) -> None:
        self.heard: list[message.Message] = []
        self.tries: list[message.Message] = []
        self.away = False
        self.mute = False

    async def send(self, told: message.Message) -> None:
        self.tries.append(told)
        if not self.away:
            self.heard.append(told)
        if self.away or self.mute:
            raise errors.NotSent("nobody answers.")

    @property
    def said(self) -> list[tuple[str, str, str]]:
        """Everything that it was told: (kind, rule, name)."""
        return [(i.kind.value, i.rule, i.name) for told in self.heard for i in told.items]


class Post:
    """A room whose alerts are told to phones."""

    def __init__(
        self, here: room.Room, phones: Mapping[str, channel.Channel], routes: routing.Routes
    ) -> None:
        self.room = here
        self.sealer = sealing.Sealer(
            "test", here.book, sealing.Diagnoses(here.hub, "core").of, 30.0
        )
        self.touched: list[base.Ref] = []
        channels = {
            name: notify.Opened(phone, channel.Settings(kind="webhook"))
            for name, phone in phones.items()
        }
        self.notifier = notifier.Notifier(
            here.ledger,
            channels,
            routes,
            self.sealer,
            ready=here.book.ready,
            now=here.now,
            jitter=lambda: 0.5,
            touched=self.touched.extend,
        )

    async def look(self, after_s: float = 0) -> list[tuple[str, str]]:
        """Move the clock on, sample, look, and send what is due then; what is shown."""
        shown = await self.room.look(after_s)
        await self.send()
        return shown

    async def send(self) -> None:
        """Send what is due; again while that leads to more."""
        for _ in range(4):
            self.notifier._news.clear()
            await self.notifier.look()
            await self.notifier.settled()


def routes(**severities: tuple[alert.Severity, ...]) -> routing.Routes:
    """Channels by name, without waiting for others."""
    return routing.Routes(severities=severities, group_wait_s=0.0, group_interval_s=0.0)


@contextlib.asynccontextmanager
async def opened(
    state: Path,
    known: Mapping[str, rule.Rule],
    phones: Mapping[str, channel.Channel],
    to: routing.Routes,
    *,
    at: datetime = recorded.T0,
) -> AsyncIterator[Post]:
    """A post over the ledger of a folder, as a core that begins then."""
    async with room.opened(state, known, at=at) as here:
        yield Post(here, phones, to)
