"""The dead man's switches of a core: what pings them, what they are, and what is remembered."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime

from mrcore import alert_settings, errors
from mrcore import hub as hubs
from mrcore.alerts import beat
from mrcore.model import alert, base, queue
from mrcore.model import ref as refs
from mrcore.store import database
from mrcore.store import heartbeats as store


class Heartbeats:
    """All of the settings; a ping is written before it is answered."""

    def __init__(
        self,
        own: Mapping[str, alert_settings.HeartbeatSettings],
        ledger: database.Database,
        hub: hubs.Hub,
        *,
        now: Callable[[], datetime],
        changed: Callable[[], None],
    ) -> None:
        self._own = own
        self._ledger = ledger
        self._hub = hub
        self._now = now
        self._changed = changed
        self._beats: dict[str, beat.Beat] = {}
        self._loaded = not own
        self._lock = asyncio.Lock()

    async def ready(self) -> None:
        """Read what the last core knew, once. Raises StoreError."""
        async with self._lock:
            if self._loaded:
                return
            bodies = await self._ledger.read(store.remembered)
            self._beats = {
                name: beat.Beat.model_validate_json(body)
                for name, body in bodies.items()
                if name in self._own
            }
            self._loaded = True

    def admits(self, name: str, token: str) -> bool:
        """Whether this token may ping this switch."""
        own = self._own.get(name)
        wanted = own.token.get_secret_value() if own else ""
        return bool(wanted) and hmac.compare_digest(token.encode(), wanted.encode())

    async def ping(
        self, name: str, signal: beat.Signal, run: str, exit_code: int | None = None
    ) -> alert.Heartbeat:
        """Note that it was heard of. Raises NotFound, BadRequest, StoreError."""
        own = self._own.get(name)
        if own is None:
            raise errors.NotFound(f"There is no heartbeat {name[:64]!r} in the settings.")
        if own.schedule:
            raise errors.BadRequest(f"{name} is not pinged: {own.schedule} is asked.")
        await self.ready()
        async with self._lock:
            now = self._now()
            made = beat.pinged(self._beats.get(name, beat.Beat()), signal, run, now, exit_code)
            await self._ledger.run(lambda c: store.remember(c, name, made.model_dump_json()))
            self._beats[name] = made
        self._changed()
        return beat.entity(name, own, made, now)

    def entities(self) -> list[alert.Heartbeat]:
        """Every switch as it is now; none before it is known what the last core knew."""
        if not self._loaded:
            return []
        return [self._entity(name, own) for name, own in self._own.items()]

    def _entity(self, name: str, own: alert_settings.HeartbeatSettings) -> alert.Heartbeat:
        now = self._now()
        if not own.schedule:
            return beat.entity(name, own, self._beats.get(name, beat.Beat()), now)
        found = self._hub.entity(own.schedule, refs.source_of(own.schedule))
        if isinstance(found, queue.Schedule):
            return beat.entity(name, own, beat.Beat(succeeded_at=found.last_succeeded_at), now)
        why = f"There is no schedule {own.schedule} now."
        unknown = base.Verdict(level=base.Level.UNKNOWN, code="no_schedule", why=why)
        return beat.entity(name, own, beat.Beat(), now).model_copy(update={"verdict": unknown})
