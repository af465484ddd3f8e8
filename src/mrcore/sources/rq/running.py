"""Running scripts on a kept connection, and reading what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from redis import exceptions

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, record, rights, scripts

PORTION = 100
"""Jobs in one script: Redis serves nobody else before it has done them all, some 20 µs each."""

STEPS = 200_000
"""Items of the list that one script may step over: some 20 ms."""

GONE = "It is gone: removed, or forgotten by RQ as its time to live was over."
Reply = list[str]
Call = tuple[scripts.Value, ...]
"""The mark of the operation, '' for none, and a script's own arguments."""


class Broken(NamedTuple):
    """In place of an answer that did not come; `doubtful` where the script may have run."""

    why: str
    doubtful: bool


Answer = Reply | Broken | Exception


class Runner:
    """Runs scripts for one source; `who` knows what its login may do."""

    def __init__(self, source: str, who: rights.Rights, now: source_base.Now) -> None:
        self.source = source
        self.now = now
        self._who = who

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
        answers: list[Answer] = []
        for start in range(0, len(calls), size):
            portion = calls[start : start + size]
            try:
                answers += await self._portion(client, script, queue, portion)
            except link.Link.failures as error:
                if not answers:
                    raise
                behind = range(start, len(calls))
                broken = (Broken(str(error), n < start + len(portion)) for n in behind)
                return [*answers, *broken]
        return answers

    async def _portion(
        self, client: link.Client, script: str, queue: str, portion: Sequence[Call]
    ) -> list[Answer]:
        width = len(portion[0])
        words: list[scripts.Value] = [queue, record.stamp(self.now()), width]
        words += [word for call in portion for word in call]
        rest = (0, *(word if isinstance(word, bytes) else str(word) for word in words))
        (reply,) = await client.ask(("EVALSHA", scripts.sha(script), *rest))
        if isinstance(reply, exceptions.NoScriptError):
            (reply,) = await client.ask(("EVAL", scripts.text(script), *rest))
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

    def refused(self, answer: object) -> str:
        """Why Redis did not run a script, or '' where it did."""
        if isinstance(answer, exceptions.NoPermissionError) or "NOPERM" in str(answer)[:200]:
            self._who.doubt()
            return f"Redis refused: needs {self._who.line or '+evalsha and what scripts do'}."
        if isinstance(answer, Exception):
            return f"Redis answered with an error: {str(answer).rstrip('.')}."
        return ""

    def failed(self, of: base.Ref, answer: object) -> plans.TargetOutcome | None:
        """The outcome of a script that Redis did not run; None where it did."""
        if isinstance(answer, Broken):
            did = "may have been" if answer.doubtful else "was not"
            why = f"Redis went away: {answer.why.rstrip('.')}. It {did} done."
            return failed(of, why).model_copy(update={"doubtful": answer.doubtful})
        why = self.refused(answer) if isinstance(answer, Exception) else ""
        return failed(of, why) if why else None


def done(of: base.Ref, why: str, memento: plans.Args | None = None) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=of, outcome=plans.Outcome.DONE, why=why, memento=memento)


def skipped(of: base.Ref, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=of, outcome=plans.Outcome.SKIPPED, why=why)


def failed(of: base.Ref, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=of, outcome=plans.Outcome.FAILED, why=why)


def left(of: base.Ref, why: str) -> plans.LeftOut:
    return plans.LeftOut(why=why, count=1, samples=(of,))


def ids(source: str, of: base.Ref, kind: str, count: int) -> tuple[str, ...] | None:
    """The ids of a ref of that kind; None for any other."""
    try:
        address = ref.parse(of)
        found = tuple(part.decode() for part in address.ids)
    except ValueError:
        return None
    if (address.source, address.kind, len(found)) != (source, kind, count):
        return None
    return found


def job(source: str, of: base.Ref) -> tuple[str, str]:
    """Queue and id of a job's ref. Raises NotFound."""
    found = ids(source, of, "job", 2)
    if found is None:
        raise errors.NotFound(f"{of} is not a job of {source}; it is {source}/job/<queue>/<id>.")
    return found[0], found[1]
