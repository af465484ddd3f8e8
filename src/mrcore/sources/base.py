"""The one seam between the core and what it watches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol, Self

from pydantic import JsonValue

from mrcore import errors
from mrcore.model import backend, base, plans, wire

Now = Callable[[], datetime]
"""A clock: aware UTC instants. Injected everywhere below the command line."""

Progress = Callable[[int, int | None], None]
"""Called with (looked at so far, total or None) while a plan is made."""


Planned = plans.Target | plans.LeftOut | plans.Remark | plans.Undo
"""What a source says while it plans."""


def parse_json(raw: str | bytes) -> JsonValue:
    """JSON of somebody else; its lone surrogates, which nobody can write again, become U+FFFD.

    Raises ValueError and RecursionError as `json.loads` does.
    """
    text = json.dumps(json.loads(raw), ensure_ascii=False)
    parsed: JsonValue = json.loads(text.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    return parsed


def mark(by: plans.By, *what: JsonValue) -> str:
    """What an operation leaves at what it did to one thing, so that it knows it again.

    An operation's number alone is not enough: another core counts for itself.
    """
    words = json.dumps([by.operation, by.login, by.reason, *what], sort_keys=True)
    return f"{by.operation}:{hashlib.sha256(words.encode()).hexdigest()[:16]}"


def utc_now() -> datetime:
    """The wall clock, for the edges."""
    return datetime.now(UTC)


class Source(Protocol):
    """One watched thing. Refs in what it reports begin with `name`.

    Every method may raise the SourceError family, and `page` BadRequest for what is no filter;
    nothing else. Deadlines are the caller's
    (`asyncio.timeout`), so every await must be cancellable and no call may block the loop.
    """

    name: str

    async def __aenter__(self) -> Self:
        """Start followers and keep connections; must return although the watched thing is away."""
        ...

    async def __aexit__(self, *exc: object) -> None: ...

    def describe(self) -> wire.Description:
        """Kinds, collections, actions and capabilities, as far as they are known now."""
        ...

    async def probe(self) -> Sequence[backend.Check]:
        """Health of the watched thing; may write only `mr:canary:*`."""
        ...

    async def sample(self) -> wire.Sample:
        """The whole live set now: bounded, read-only."""
        ...

    async def page(
        self, ref: base.Ref, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        """Rows of a collection.

        `wait_s` > 0 follows, oldest row first: without a cursor the page has the newest rows at
        once, and its cursor leads to what comes after them; with that cursor the page waits for
        new rows, at most `wait_s`. Without `wait_s` the cursor leads on in the query's order.
        """
        ...

    async def detail(self, ref: base.Ref) -> wire.Detail:
        """One entity in full."""
        ...

    def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: Progress,
    ) -> AsyncIterator[Planned]:
        """Targets with the facts that must still hold then, what is left out, what it causes.

        An `Undo` says whether and how it is undone, where that is not as the catalogue says.
        """
        ...

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        """Act on at most 500 targets, each only if its guard still holds.

        What was done and can be undone comes with a memento. A core that ends before it has
        written that down asks again, with the same `by.operation` and `by.again`: what this very
        operation has done is then DONE, not done twice, with the same memento. What cannot know
        that of itself says that it may have been done and cannot be undone.
        """
        ...

    async def fared(
        self, action: base.ActionId, chunk: Sequence[plans.Target]
    ) -> Sequence[plans.Fared]:
        """How what `action` was applied to fares since: a canary is watched with it."""
        ...

    async def prepare(
        self, action: base.ActionId, chunk: Sequence[plans.Target], by: plans.By
    ) -> Mapping[base.Ref, plans.Args]:
        """The mementos that are known before `apply`, whose connection may break in the middle.

        Nothing is changed. They are kept first, and stay where it is in doubt what was done.
        """
        ...

    def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[Planned]:
        """Which of at most 500 things done by `action` can be undone now: targets with guards."""
        ...

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        """Undo what `action` did to each, only if the guard of the target still holds."""
        ...

    async def reveal(self, ref: base.Ref) -> wire.Detail:
        """`detail` without redaction: only the door asks, after it has written the audit."""
        ...


class SourceBase:
    """Answers for what a source does not have; sources override what they do."""

    def __init__(self, name: str, *, now: Now = utc_now) -> None:
        self.name = name
        self.now = now

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    def describe(self) -> wire.Description:
        return wire.Description()

    async def probe(self) -> Sequence[backend.Check]:
        return ()

    async def page(
        self, ref: base.Ref, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        raise self._unsupported(f"collection {collection!r}")

    async def detail(self, ref: base.Ref) -> wire.Detail:
        raise self._unsupported(f"detail of {ref}")

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: Progress,
    ) -> AsyncIterator[Planned]:
        raise self._unsupported(f"action {action!r}")
        yield  # an async generator that ends before it begins

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        raise self._unsupported(f"action {action!r}")

    async def fared(
        self, action: base.ActionId, chunk: Sequence[plans.Target]
    ) -> Sequence[plans.Fared]:
        raise self._unsupported(f"watch over {action!r}")

    async def prepare(
        self, action: base.ActionId, chunk: Sequence[plans.Target], by: plans.By
    ) -> Mapping[base.Ref, plans.Args]:
        return {}

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[Planned]:
        raise self._unsupported(f"undo of {action!r}")
        yield

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        raise self._unsupported(f"undo of {action!r}")

    async def reveal(self, ref: base.Ref) -> wire.Detail:
        raise self._unsupported(f"hidden part of {ref}")

    def _unsupported(self, what: str) -> errors.Unsupported:
        return errors.Unsupported(f"Source {self.name!r} has no {what}.")
