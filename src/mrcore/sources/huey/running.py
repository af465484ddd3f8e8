"""Running the journal's scripts on a kept connection, and reading what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis import exceptions

from mrcore import errors
from mrcore.journal import keys, scripts
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
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


class Broken(NamedTuple):
    """In place of a reply that did not come; `doubtful` where the script may have run."""

    why: str
    doubtful: bool


class Runner:
    """Runs scripts for one source; `who` knows what its login may do."""

    def __init__(
        self,
        source: str,
        root: keys.Root,
        found: discover.Found,
        who: rights.Rights,
        now: source_base.Now,
    ) -> None:
        self.source = source
        self.root = root
        self.found = found
        self.now = now
        self._who = who

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
        replies: list[Any] = []
        for start in range(0, len(calls), size):
            portion = calls[start : start + size]
            try:
                replies += await self._portion(client, script, portion)
            except link.Link.failures as error:
                if not replies:
                    raise
                behind = range(start, len(calls))
                return replies + [Broken(str(error), n < start + len(portion)) for n in behind]
        return replies

    async def _portion(
        self, client: link.Client, script: str, portion: Sequence[link.Command]
    ) -> list[Any]:
        known = ("EVALSHA", scripts.sha(script))
        said = await client.ask(*((*known, *call) for call in portion))
        for index, reply in enumerate(said):
            if isinstance(reply, exceptions.NoScriptError):
                text = ("EVAL", scripts.text(script), *portion[index])
                (said[index],) = await client.ask(text)
        return said

    async def one(self, client: link.Client, script: str, call: link.Command) -> Any:
        """The raw reply of one call."""
        (reply,) = await self.run(client, script, [call])
        return reply

    async def look(self, client: link.Client, call: link.Command) -> Any:
        """The raw reply of the script that only reads, which answers while writes are held up.

        Where the server (before 7.0) or the login has no such way it is run as the others are.
        """
        (reply,) = await client.ask(("EVALSHA_RO", scripts.sha("look"), *call))
        if isinstance(reply, exceptions.NoScriptError):
            (reply,) = await client.ask(("EVAL_RO", scripts.text("look"), *call))
        if isinstance(reply, exceptions.ResponseError):
            return await self.one(client, "look", call)
        return reply

    def refused(self, reply: object) -> str:
        """Why Redis did not run a script, or '' where it did."""
        if isinstance(reply, exceptions.NoPermissionError) or "NOPERM" in str(reply)[:200]:
            self._who.doubt()
            return f"Redis refused: needs {self._who.line or '+evalsha and what scripts do'}."
        if isinstance(reply, Exception):
            return f"Redis answered with an error: {str(reply).rstrip('.')}."
        return ""

    def failed(self, of: base.Ref, reply: object) -> plans.TargetOutcome | None:
        """The outcome of a script that Redis did not run; None where it did."""
        if isinstance(reply, Broken):
            done = "may have been" if reply.doubtful else "was not"
            why = f"Redis went away: {reply.why.rstrip('.')}. It {done} done."
            return failed(of, why).model_copy(update={"doubtful": reply.doubtful})
        why = self.refused(reply)
        return failed(of, why) if why else None


def words(reply: Any) -> Reply:
    """A script's answer as text."""
    return [part.decode("utf-8", "replace") for part in reply]


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
