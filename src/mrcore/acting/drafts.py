"""A plan in the making: what a source would touch, and what it leaves out."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Container, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from mrcore import errors
from mrcore.acting import said
from mrcore.model import base, plans
from mrcore.queues import expiry
from mrcore.sources import base as sources
from mrcore.trust import audit

TARGETS_MAX = 100_000
SAMPLES_MAX = 50
WHYS_MAX = 50
OTHER = "for other reasons"
EXPIRED = "expired"
"""Under this one counts all that has expired."""

_BREATH = 500


def quiet(looked: int, total: int | None) -> None:
    """Progress that nobody wants to know."""


@dataclass
class Draft:
    """What a source would touch and what it leaves out; `moves` grows while it is being made.

    Targets are kept as text: 100,000 of them as objects would be walked by the garbage collector
    again and again, for 100 ms each time, and nobody else had a turn meanwhile. `numbers` are
    those of an undo's targets in the plan of what is undone; `undo` is None where the catalogue is
    right about it.
    """

    progress: sources.Progress = quiet
    bodies: dict[base.Ref, str] = field(default_factory=dict)
    samples: list[plans.Target] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    oldest_at: datetime | None = None
    newest_at: datetime | None = None
    left_out: dict[str, plans.LeftOut] = field(default_factory=dict)
    remarks: dict[str, plans.Remark] = field(default_factory=dict)
    numbers: dict[base.Ref, int] = field(default_factory=dict)
    undo: plans.Undo | None = None
    moves: int = 0
    _guarded: list[str] = field(default_factory=list)
    _ago: expiry.Ago | None = None
    _looked: int = 0
    _total: int | None = None

    def look(self, looked: int, total: int | None) -> None:
        """Note how far the source has looked, and tell whoever waits."""
        self.moves += 1
        self._looked, self._total = max(looked, self._looked), total
        self.progress(self._looked, total)

    def leave_out(self, item: plans.LeftOut) -> None:
        """Count what is left out for one reason together; of 50 reasons on, all others too.

        What has expired is one reason, whenever that was.
        """
        why = said.clean(item.why)
        ago = expiry.ago(why)
        key = EXPIRED if ago else why
        if key not in self.left_out and len(self.left_out) >= WHYS_MAX:
            key = why = OTHER
        before = self.left_out.get(key)
        count, samples = (before.count, before.samples) if before else (0, ())
        count += item.count
        if ago and key == EXPIRED:
            self._ago = self._ago.with_(ago) if self._ago else ago
            why = self._ago.why(count)
        samples = (*samples, *item.samples)[:SAMPLES_MAX]
        self.left_out[key] = plans.LeftOut(why=why, count=count, samples=samples)

    def note(self, remark: plans.Remark) -> None:
        """Say once what it causes, or what to know before."""
        text = said.clean(remark.text)
        self.remarks[text] = remark.model_copy(update={"text": text})

    def undone(self, how: plans.Undo) -> None:
        """Note whether and how it is undone; what cannot be outweighs what can."""
        if self.undo is None or not how.possible:
            self.undo = how.model_copy(update={"words": said.clean(how.words)})

    async def take(
        self,
        source: str,
        items: AsyncIterator[sources.Planned],
        *,
        of: Container[base.Ref] | None = None,
    ) -> None:
        """Take what a source plans, letting others have their turn; what comes again is known.

        Raises SourceLied for what is not its own, or not `of` what was asked, and BadRequest for
        over 100,000 targets.
        """
        own, taken = f"{quote(source, safe='')}/", 0
        async with _closing(items):
            async for item in items:
                taken += 1
                self._add(source, own, item, of)
                if taken % _BREATH == 0:
                    self.look(taken if of is None else 0, self._total)
                    await asyncio.sleep(0)
        self.moves += 1

    def content(self, head: object) -> str:
        """The hash of what would be done: `head`, then each target with its guard.

        A target at a time, so that other threads have their turn meanwhile.
        """
        digest = hashlib.sha256(audit.canonical(head).encode())
        for guarded in self._guarded:
            digest.update(b"\n" + guarded.encode())
        return digest.hexdigest()

    def targets(self) -> Iterator[tuple[str, int | None]]:
        """Each target as JSON, with its number in the plan of what is undone."""
        return ((body, self.numbers.get(ref)) for ref, body in self.bodies.items())

    def _add(
        self, source: str, own: str, item: sources.Planned, of: Container[base.Ref] | None
    ) -> None:
        if isinstance(item, plans.LeftOut):
            self.leave_out(item)
        elif isinstance(item, plans.Remark):
            self.note(item)
        elif isinstance(item, plans.Undo):
            self.undone(item)
        elif not item.ref.startswith(own) or (of is not None and item.ref not in of):
            raise errors.SourceLied(f"{source} planned {item.ref!r}, which is not its own.")
        elif item.ref not in self.bodies:
            self._touch(item)

    def _touch(self, planned: plans.Target) -> None:
        if len(self.bodies) == TARGETS_MAX:
            raise errors.BadRequest(
                f"That is more than {TARGETS_MAX:,} targets.", fix="Narrow the selection."
            )
        target = said.target(planned)
        self.bodies[target.ref] = target.model_dump_json()
        self._guarded.append(audit.canonical([target.ref, target.guard]))
        if len(self.samples) < SAMPLES_MAX:
            self.samples.append(target)
        if target.note:
            self.notes[target.note] += 1
        if target.at is not None:
            self.oldest_at = min(self.oldest_at or target.at, target.at)
            self.newest_at = max(self.newest_at or target.at, target.at)


@contextlib.asynccontextmanager
async def _closing(items: AsyncIterator[sources.Planned]) -> AsyncIterator[None]:
    """End a source's generator at once when nobody wants the rest."""
    try:
        yield
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()
