"""Running scripts on a kept connection: which queue, how many at once, and what they answer."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import JsonValue
from redis import exceptions

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources.bullmq import asking, library, places, rights
from mrcore.sources.redis import link

KEEP_MS = 24 * 3_600_000
"""How long what was taken out can be put back."""

DEEP = 100_000
"""How far from an end of a list a waiting job is looked for: two looks of 3 ms."""

GONE = "It is gone: removed, or trimmed by retention."
NO_QUEUE = "There is no such queue (any more)."
DEEPER = "It lies over 100,000 deep in the queue: Redis would stand still while it is looked for."
_PORTION, _FIRST = 50, 20
"""Jobs of one script, at most and at first: about 100 µs each, while Redis serves nobody else."""

_SLOW_S, _QUICK_S = 0.02, 0.008
"""What takes longer is asked for in halves, what takes less in doubles."""

_STEPS = 100_000
"""Items of lists that one script may step over: about 15 ms."""

Item = Mapping[str, JsonValue]


class Broken(NamedTuple):
    """In place of a reply that did not come; `doubtful` where the script may have run."""

    why: str
    doubtful: bool


class Runner:
    """Runs scripts for one source; `who` knows what its login may do."""

    def __init__(
        self, source: str, found: places.Found, who: rights.Rights, now: source_base.Now
    ) -> None:
        self.source = source
        self.found = found
        self.now = now
        self.who = who

    def now_ms(self) -> int:
        return round(self.now().timestamp() * 1000)

    async def place(self, client: link.Client, shown: str) -> tuple[places.Place | None, str]:
        """A queue and why it is not written to, '' where it is; asked anew each time."""
        place = await self.found.place(client, shown)
        if place is None:
            return None, NO_QUEUE
        version, paused_list = await asking.ask(
            client, ("HGET", place.base + "meta", "version"), ("EXISTS", place.base + "paused")
        )
        if why := library.missing():
            return place, f"{why[0].upper()}{why[1:]}."
        return place, places.refusal(place, asking.text(version), paused_list=paused_list == 1)

    async def run(
        self,
        client: link.Client,
        place: places.Place,
        script: str,
        items: Sequence[Item],
        *,
        lists: bool = False,
    ) -> list[Any]:
        """Each item's raw reply, or Broken; `lists` is whether they are looked for in lists.

        Every script is a round trip of its own, so that Redis serves others in between.
        """
        most = _PORTION
        if lists:
            (length,) = await asking.ask(client, ("LLEN", place.base + "wait"))
            most = max(1, min(_PORTION, _STEPS // max(asking.whole(length), 1)))
        size = min(_FIRST, most)
        replies: list[Any] = []
        while len(replies) < len(items):
            start, began = len(replies), time.perf_counter()
            portion = items[start : start + size]
            try:
                reply = await self.one(client, place, script, portion)
            except link.Link.failures as error:
                if not replies:
                    raise
                behind = range(start, len(items))
                return replies + [Broken(str(error), n < start + len(portion)) for n in behind]
            replies += reply if isinstance(reply, list) else [reply] * len(portion)
            took_s = time.perf_counter() - began
            if took_s > _SLOW_S:
                size = max(1, size // 2)
            elif took_s < _QUICK_S:
                size = min(most, size * 2)
        return replies

    async def one(
        self, client: link.Client, place: places.Place, script: str, items: Sequence[Item]
    ) -> Any:
        """The raw reply of one script."""
        rest: tuple[str | bytes | int, ...] = (
            *(1, place.base + "meta", place.base, place.ours),
            *(str(self.now_ms()), str(DEEP), str(KEEP_MS)),
            *(json.dumps(item, ensure_ascii=False).encode("utf-8", "replace") for item in items),
        )
        (reply,) = await client.ask(("EVALSHA", library.sha(script), *rest))
        if isinstance(reply, exceptions.NoScriptError):
            (reply,) = await client.ask(("EVAL", library.text(script), *rest))
        return reply

    def refused(self, reply: object) -> str:
        """Why Redis did not run a script, or '' where it did."""
        if isinstance(reply, exceptions.NoPermissionError) or "NOPERM" in str(reply)[:200]:
            self.who.doubt()
            return f"Redis refused: needs {self.who.line or '+evalsha and what scripts do'}."
        if isinstance(reply, Exception):
            return f"Redis answered with an error: {str(reply).rstrip('.')}."
        return ""

    def failed(
        self, of: base.Ref, place: places.Place, reply: object
    ) -> plans.TargetOutcome | None:
        """The outcome of a script that Redis did not run or that did nothing; else None."""
        if isinstance(reply, Broken):
            done_ = "may have been" if reply.doubtful else "was not"
            why = f"Redis went away: {reply.why.rstrip('.')}. It {done_} done."
            return failed(of, why).model_copy(update={"doubtful": reply.doubtful})
        if why := self.refused(reply):
            return failed(of, why)
        if isinstance(reply, list) and reply and reply[0] == b"foreign":
            version = asking.text(reply[1]).removeprefix("layout ").partition(" ")
            said = places.refusal(place, version[0], paused_list=bool(version[2]))
            return skipped(of, f"It has moved on: {said}")
        return None


def words(reply: Any) -> list[str]:
    """A script's answer as text."""
    return [asking.text(part) for part in reply]


def memento(text: str) -> plans.Args:
    """What a script has left at its mark."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise errors.SourceLied(f"A script left {text[:80]!r} at its mark.")
    return found


def done(of: base.Ref, why: str, kept: plans.Args | None = None) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=of, outcome=plans.Outcome.DONE, why=why, memento=kept)


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
