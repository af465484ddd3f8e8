"""Running scripts on a kept connection: how many at once, and what it means when one did not."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from redis import exceptions

from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources.engine import rights, saying
from mrcore.sources.redis import link

T = TypeVar("T")


class Broken(NamedTuple):
    """In place of a reply that did not come; `doubtful` where the script may have run."""

    why: str
    doubtful: bool


def sha(text: str) -> str:
    """What EVALSHA calls a script."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Runner:
    """Runs scripts for one source; `who` knows what its login may do."""

    def __init__(self, source: str, who: rights.Rights, now: source_base.Now) -> None:
        self.source = source
        self.now = now
        self.who = who

    async def portions(
        self,
        calls: Sequence[T],
        next_size: Callable[[], int],
        run: Callable[[Sequence[T]], Awaitable[Sequence[Any]]],
    ) -> list[Any]:
        """Each call's reply, in their order; `next_size` says how many `run` gets at once.

        Where the connection breaks after the first round trip, the replies end with Broken.
        """
        replies: list[Any] = []
        while len(replies) < len(calls):
            start = len(replies)
            portion = calls[start : start + next_size()]
            try:
                replies += await run(portion)
            except link.Link.failures as error:
                if not replies:
                    raise
                behind = range(start, len(calls))
                broken = (Broken(str(error), n < start + len(portion)) for n in behind)
                return [*replies, *broken]
        return replies

    async def evaluate(
        self,
        client: link.Client,
        sha: str,
        text: Callable[[], str],
        calls: Sequence[link.Command],
        suffix: str = "",
    ) -> list[Any]:
        """The raw replies of one round trip; a script that Redis does not know is told to it."""
        replies = await client.ask(*((f"EVALSHA{suffix}", sha, *call) for call in calls))
        for index, reply in enumerate(replies):
            if isinstance(reply, exceptions.NoScriptError):
                (replies[index],) = await client.ask((f"EVAL{suffix}", text(), *calls[index]))
        return replies

    def refused(self, reply: object) -> str:
        """Why Redis did not run a script, or '' where it did."""
        if isinstance(reply, exceptions.NoPermissionError) or "NOPERM" in str(reply)[:200]:
            self.who.doubt()
            return f"Redis refused: needs {self.who.line or '+evalsha and what scripts do'}."
        if isinstance(reply, Exception):
            return f"Redis answered with an error: {str(reply).rstrip('.')}."
        return ""

    def unrun(self, of: base.Ref, reply: object) -> plans.TargetOutcome | None:
        """The outcome of a script that Redis did not run; None where it did."""
        if isinstance(reply, Broken):
            did = "may have been" if reply.doubtful else "was not"
            why = f"Redis went away: {reply.why.rstrip('.')}. It {did} done."
            return saying.failed(of, why).model_copy(update={"doubtful": reply.doubtful})
        why = self.refused(reply)
        return saying.failed(of, why) if why else None
