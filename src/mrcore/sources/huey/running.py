"""Running the journal's scripts on a kept connection, and reading what they answer."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from redis import exceptions

from mrcore.journal import keys, scripts
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources.engine import asking, naming, running, saying
from mrcore.sources.huey import discover, rights
from mrcore.sources.redis import link

_PORTION = 50
"""Scripts in one round trip: Redis serves nobody else before it has run them all, 60 µs each."""
STEPS = 60_000
"""Items of lists that the scripts of one round trip may step over: 8 to 25 ms, by their size."""

GONE = "It is gone: removed, or trimmed by retention."
STRANGER = "It is not in the journal: its producer is not watched."
UNKNOWN = "The journal does not have it: it is gone, or its producer is not watched."
Reply = list[str]


done, skipped, failed, left = saying.done, saying.skipped, saying.failed, saying.left
ids, job = naming.ids, naming.job


class Runner(running.Runner):
    """Runs scripts for one source; `who` knows what its login may do."""

    def __init__(
        self,
        source: str,
        root: keys.Root,
        found: discover.Found,
        who: rights.Rights,
        now: source_base.Now,
    ) -> None:
        super().__init__(source, who, now)
        self.root = root
        self.found = found

    async def place(self, client: link.Client, queue: str) -> scripts.Place | None:
        """A queue as scripts see it; None where there is none with a journal."""
        at = await discover.place(client, self.root, self.found, queue)
        if at is None or not at.journalled:
            return None
        return scripts.Place(self.root.queue(queue), at.list, at.schedule)

    def call(self, at: scripts.Place, job_id: str, *rest: scripts.Value) -> link.Command:
        """A script's keys and arguments."""
        arguments = at.arguments(job_id, self.now().timestamp(), *rest)
        words = (a if isinstance(a, bytes) else str(a) for a in arguments)
        return len(at.keys), *words

    async def run(
        self, client: link.Client, script: str, calls: Sequence[link.Command], *, steps: int = 1
    ) -> list[Any]:
        """Each call's raw reply; `steps` is how many items of a list one steps over at most.

        Where the connection breaks after the first round trip, the replies end with Broken.
        """
        size = max(1, min(_PORTION, STEPS // max(steps, 1)))
        return await self.portions(
            calls, lambda: size, lambda some: self._evaluate(client, script, some)
        )

    async def _evaluate(
        self, client: link.Client, script: str, calls: Sequence[link.Command], suffix: str = ""
    ) -> list[Any]:
        text = functools.partial(scripts.text, script)
        return await self.evaluate(client, scripts.sha(script), text, calls, suffix)

    async def one(self, client: link.Client, script: str, call: link.Command) -> Any:
        """The raw reply of one call."""
        (reply,) = await self.run(client, script, [call])
        return reply

    async def look(self, client: link.Client, call: link.Command) -> Any:
        """The raw reply of the script that only reads, which answers while writes are held up.

        Where the server (before 7.0) or the login has no such way it is run as the others are.
        """
        (reply,) = await self._evaluate(client, "look", [call], "_RO")
        if isinstance(reply, exceptions.ResponseError):
            return await self.one(client, "look", call)
        return reply

    def failed(self, of: base.Ref, reply: object) -> plans.TargetOutcome | None:
        """The outcome of a script that Redis did not run; None where it did."""
        return self.unrun(of, reply)


def words(reply: Any) -> Reply:
    """A script's answer as text."""
    return [asking.text(part) for part in reply]
