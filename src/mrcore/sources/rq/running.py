"""Running scripts on a kept connection, and reading what they answer."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from mrcore.model import base, plans
from mrcore.sources.engine import naming, running, saying
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, record, scripts

PORTION = 100
"""Jobs in one script: Redis serves nobody else before it has done them all, some 20 µs each."""

STEPS = 200_000
"""Items of the list that one script may step over: some 20 ms."""

GONE = "It is gone: removed, or forgotten by RQ as its time to live was over."
Reply = list[str]
Call = tuple[scripts.Value, ...]
"""The mark of the operation, '' for none, and a script's own arguments."""


Broken = running.Broken
Answer = Reply | Broken | Exception


done, skipped, failed, left = saying.done, saying.skipped, saying.failed, saying.left
ids, job = naming.ids, naming.job


class Runner(running.Runner):
    """Runs scripts for one source; `who` knows what its login may do."""

    async def run(
        self,
        client: link.Client,
        script: str,
        queue: str,
        calls: Sequence[Call],
        *,
        size: int = PORTION,
    ) -> list[Answer]:
        """Each call's answer, in their order.

        Where the connection breaks after the first round trip, the answers end with Broken.
        """
        return await self.portions(
            calls, lambda: size, lambda some: self._portion(client, script, queue, some)
        )

    async def _portion(
        self, client: link.Client, script: str, queue: str, portion: Sequence[Call]
    ) -> list[Answer]:
        width = len(portion[0])
        words: list[scripts.Value] = [queue, record.stamp(self.now()), width]
        words += [word for call in portion for word in call]
        rest = (0, *(word if isinstance(word, bytes) else str(word) for word in words))
        text = functools.partial(scripts.text, script)
        (reply,) = await self.evaluate(client, scripts.sha(script), text, [rest])
        if isinstance(reply, list):
            return [[asking.text(word) for word in answer] for answer in reply]
        return [reply] * len(portion)

    async def one(
        self, client: link.Client, script: str, queue: str, *call: scripts.Value
    ) -> Answer:
        """The answer to one call."""
        (answer,) = await self.run(client, script, queue, [call])
        return answer

    async def size(self, client: link.Client, queue: str) -> int:
        """How many jobs one script may take out of a list of that length."""
        (length,) = await asking.ask(client, ("LLEN", f"rq:queue:{queue}"))
        return max(1, min(PORTION, STEPS // max(1, asking.whole(length))))

    def failed(self, of: base.Ref, answer: object) -> plans.TargetOutcome | None:
        """The outcome of a script that Redis did not run; None where it did."""
        return self.unrun(of, answer)
