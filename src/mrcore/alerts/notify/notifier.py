"""Sorts notices into messages, and sends these until they are taken: over failures and restarts.

A message is written into the ledger before it is tried, and marked as sent afterwards: it is sent
at least once, and every try has the same key. What a channel does not take is tried again after
5 s, 10 s, … 5 min, for ever; it holds up only what comes after it in the same channel and group.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime

from mrcore import errors
from mrcore.alerts import notify, telling
from mrcore.alerts.notify import message, routing, sealing
from mrcore.model import alert, backend, base
from mrcore.model import ref as refs
from mrcore.store import database
from mrcore.store import outbox as store

SORTED_AT_ONCE = 500
RETRY_S = 5.0
LOOK_S = 1.0
"""How often it is looked whether a diagnosis has ended."""

log = logging.getLogger(__name__)


class Notifier:
    """The outbox of one core; `touched` is told of which alerts something was sent."""

    def __init__(
        self,
        ledger: database.Database,
        channels: Mapping[str, notify.Opened],
        routes: routing.Routes,
        sealer: sealing.Sealer,
        *,
        ready: Callable[[], Awaitable[None]],
        now: Callable[[], datetime],
        jitter: Callable[[], float],
        touched: Callable[[Iterable[base.Ref]], None],
    ) -> None:
        self._ledger = ledger
        self._channels = channels
        self._routes = routes
        self._sealer = sealer
        self._ready = ready
        self._now = now
        self._jitter = jitter
        self._touched = touched
        self._news = asyncio.Event()
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._taken: set[int] = set()
        self._waiting: tuple[store.Message, ...] = ()

    def heard(self) -> None:
        """There are notices."""
        self._news.set()

    async def run(self) -> None:
        """Send what there is to be sent, until cancelled."""
        try:
            while True:
                self._news.clear()
                try:
                    pause_s = await self.look()
                except errors.StoreError as error:
                    log.warning("%s", error)
                    pause_s = RETRY_S
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._news.wait()
        finally:
            for task in self._sending.values():
                task.cancel()
            await asyncio.gather(*self._sending.values(), return_exceptions=True)

    async def look(self) -> float | None:
        """Sort what is new, and begin to send what is due; how long there is nothing to do.

        Raises StoreError.
        """
        await self._ready()
        while await self._sort():
            pass
        heads = await self._ledger.read(store.heads)
        await self._drop([head for head in heads if head.channel not in self._channels])
        heads = [head for head in heads if head.channel in self._channels]
        self._waiting = tuple(heads)
        now, due, pauses = self._now(), dict[str, list[store.Message]](), list[float]()
        for head in heads:
            if head.due_at > now:
                pauses.append((head.due_at - now).total_seconds())
            elif await self._holds(head, now):
                pauses.append(LOOK_S)
            else:
                due.setdefault(head.channel, []).append(head)
        for name, messages in due.items():
            self._begin(name, messages)
        return min(pauses, default=None)

    async def settled(self) -> None:
        """Wait until nothing is being sent."""
        while running := [task for task in self._sending.values() if not task.done()]:
            await asyncio.wait(running)

    # Notices into messages

    async def _sort(self) -> bool:
        """Put the oldest new notices into messages; whether there may be more."""
        found = await self._ledger.read(lambda c: store.unsorted(c, SORTED_AT_ONCE))
        groups = {each.alert: self._sealer.group_of(each.alert) for _, each in found}
        if found:
            now = self._now()
            await self._ledger.run(lambda c: self._place_all(c, found, groups, now))
        return len(found) == SORTED_AT_ONCE

    def _place_all(
        self,
        connection: sqlite3.Connection,
        found: sealing.Noted,
        groups: Mapping[base.Ref, str],
        now: datetime,
    ) -> None:
        """What was told already stays in its group, so that its end comes after it."""
        for seq, notice in found:
            kind, at = telling.Kind(notice.kind), datetime.fromisoformat(notice.at)
            told = store.told_of(connection, notice.alert, seq)
            before = {each.channel: each.group for each in told}
            places = []
            for name in self._routes.channels(kind, alert.Severity(notice.severity), told):
                group = before.get(name, groups[notice.alert])
                sent = store.last_sent(connection, name, group)
                places.append(store.Place(seq, name, group, self._routes.due(kind, at, sent)))
            store.place(connection, places, seq, now)

    async def _holds(self, head: store.Message, now: datetime) -> bool:
        """Whether it is not sent yet: a diagnosis is under way, or it goes with its cause's."""
        if head.body:
            return False
        noted = await self._ledger.read(lambda c: store.notices(c, head.id))
        group = self._sealer.group(noted)
        if group and group != head.group:
            self._news.set()
            return await self._ledger.run(lambda c: store.move(c, head, group, now, now))
        return self._sealer.waits(head, noted, now)

    async def _drop(self, heads: Sequence[store.Message]) -> None:
        """What was for a channel that the settings do not have any more is told to nobody."""
        for head in heads:
            why = f"There is no channel {head.channel} any more."
            await self._ended(head, store.DROPPED, why)
            self._news.set()

    async def _ended(self, head: store.Message, outcome: str, why: str = "") -> None:
        now = self._now()
        await self._ledger.run(lambda c: store.end(c, head.id, outcome, now, why))

    # Messages to channels

    def _begin(self, name: str, messages: Sequence[store.Message]) -> None:
        """Send these in a task of the channel's own, so that no other waits for it."""
        running = self._sending.get(name)
        if running is None or running.done():
            self._sending[name] = asyncio.create_task(
                self._send_all(name, messages), name=f"tell {name}"
            )

    async def _send_all(self, name: str, messages: Sequence[store.Message]) -> None:
        for head in messages:
            try:
                await self._send(name, head)
            except errors.StoreError as error:
                log.warning("%s", error)
                await asyncio.sleep(RETRY_S)
        self._news.set()

    async def _send(self, name: str, head: store.Message) -> None:
        """Write it, try it, and note how that went; not if that was done since it was looked.

        Raises StoreError.
        """
        found = await self._ledger.read(lambda c: store.find(c, head.id))
        if found is None or found.due_at > self._now():
            return
        head = found
        noted = await self._ledger.read(lambda c: store.notices(c, head.id))
        told = await self._written(head, noted)
        if told is None:
            return
        error = None if head.id in self._taken else await self._try(name, told)
        if error is None:
            self._taken.add(head.id)
            await self._ended(head, store.SENT)
            self._taken.discard(head.id)
        else:
            pause = routing.back_off(head.tries, self._jitter(), error.after_s)
            due_at = self._now() + pause
            await self._ledger.run(lambda c: store.failed(c, head.id, error.sentence, due_at))
        self._touched(sealing.refs(noted))

    async def _written(self, head: store.Message, noted: sealing.Noted) -> message.Message | None:
        """The message as it is tried from now on; None when it has just become another."""
        if head.body:
            return message.Message.model_validate_json(head.body)
        made = self._sealer.made(head, noted, self._routes)
        body, seen = made.model_dump_json(), [seq for seq, _ in noted]
        written = await self._ledger.run(lambda c: store.write(c, head.id, body, seen))
        return made if written else None

    async def _try(self, name: str, told: message.Message) -> errors.NotSent | None:
        """Send it; why that failed."""
        try:
            await self._channels[name].channel.send(told)
        except errors.NotSent as error:
            return error
        except Exception as error:  # a defect of a channel: what it should tell is kept
            log.exception("The channel %s broke.", name)
            return errors.NotSent(f"{type(error).__name__}, a defect; the core's log has it.")
        return None

    # What is shown

    def checks(self) -> list[backend.Check]:
        """How each channel is: what waits for another try is trouble."""
        return [self._check(name) for name in self._channels]

    def _check(self, name: str) -> backend.Check:
        tried = [each for each in self._waiting if each.channel == name and each.tries]
        verdict = base.OK
        if tried:
            oldest = min(tried, key=lambda each: each.made_at)
            why = f"{name} was not told since {oldest.made_at:%Y-%m-%d %H:%M} UTC: {oldest.error}"
            verdict = base.Verdict(level=base.Level.BAD, code="not_told", why=why)
        return backend.Check(
            ref=refs.make("core", "check", f"channel {name}"),
            verdict=verdict,
            name=f"channel {name}",
            target=self._channels[name].settings.kind,
        )
