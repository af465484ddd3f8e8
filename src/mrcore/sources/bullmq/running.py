"""Running scripts on a kept connection: which queue, how many at once, and what they answer."""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from mrcore import errors
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources.bullmq import asking, library, places, rights
from mrcore.sources.engine import naming, running, saying
from mrcore.sources.redis import link

KEEP_MS = 24 * 3_600_000
"""How long what was taken out can be put back."""

DEEP = 100_000
"""How far from an end of a list a waiting job is looked for: two looks of 3 ms."""

GONE = "It is gone: removed, or trimmed by retention."
NO_QUEUE = "There is no such queue (any more)."
NO_SCHEDULE = "There is no such schedule (any more)."
DEEPER = saying.DEEP
_PORTION, _FIRST = 50, 20
"""Jobs of one script, at most and at first: about 100 µs each, while Redis serves nobody else."""

_SLOW_S, _QUICK_S = 0.02, 0.008
"""What takes longer is asked for in halves, what takes less in doubles."""

_STEPS = 100_000
"""Items of lists that one script may step over: about 15 ms."""

Item = Mapping[str, JsonValue]


done, skipped, failed, left = saying.done, saying.skipped, saying.failed, saying.left
ids, job = naming.ids, naming.job


class Runner(running.Runner):
    """Runs scripts for one source; `who` knows what its login may do."""

    def __init__(
        self, source: str, found: places.Found, who: rights.Rights, now: source_base.Now
    ) -> None:
        super().__init__(source, who, now)
        self.found = found

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
        pace = _Pace(most)

        async def run(some: Sequence[Item]) -> Sequence[Any]:
            with pace.timed():
                reply = await self.one(client, place, script, some)
            return reply if isinstance(reply, list) else [reply] * len(some)

        return await self.portions(items, lambda: pace.size, run)

    async def one(
        self, client: link.Client, place: places.Place, script: str, items: Sequence[Item]
    ) -> Any:
        """The raw reply of one script."""
        rest: tuple[str | bytes | int, ...] = (
            *(1, place.base + "meta", place.base, place.ours),
            *(str(self.now_ms()), str(DEEP), str(KEEP_MS)),
            *(json.dumps(item, ensure_ascii=False).encode("utf-8", "replace") for item in items),
        )
        text = functools.partial(library.text, script)
        (reply,) = await self.evaluate(client, library.sha(script), text, [rest])
        return reply

    async def on_schedule(
        self, client: link.Client, of: base.Ref, script: str, item: Item
    ) -> tuple[places.Place, list[str]] | plans.TargetOutcome:
        """Where a schedule is and what a script said of it; an outcome where it said nothing."""
        found = ids(self.source, of, "schedule", 2)
        place, why = await self.place(client, found[0]) if found else (None, "")
        if found is None or place is None or why:
            return skipped(of, why or NO_SCHEDULE)
        whole = {**item, "schedule": found[1], "of": f"repeat:{found[1]}"}
        (reply,) = await self.run(client, place, script, [whole])
        return self.failed(of, place, reply) or (place, words(reply))

    def failed(
        self, of: base.Ref, place: places.Place, reply: object
    ) -> plans.TargetOutcome | None:
        """The outcome of a script that Redis did not run or that did nothing; else None."""
        if (refused := self.unrun(of, reply)) is not None:
            return refused
        if isinstance(reply, list) and reply and reply[0] == b"foreign":
            version = asking.text(reply[1]).removeprefix("layout ").partition(" ")
            said = places.refusal(place, version[0], paused_list=bool(version[2]))
            return skipped(of, f"It has moved on: {said}")
        return None


class _Pace:
    """How many jobs go into the next script, by how long the last one took."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = min(_FIRST, most)

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        took_s = time.perf_counter() - began
        if took_s > _SLOW_S:
            self.size = max(1, self.size // 2)
        elif took_s < _QUICK_S:
            self.size = min(self._most, self.size * 2)


def words(reply: Any) -> list[str]:
    """A script's answer as text."""
    return [asking.text(part) for part in reply]


def memento(text: str) -> plans.Args:
    """What a script has left at its mark."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise errors.SourceLied(f"A script left {text[:80]!r} at its mark.")
    return found
