"""Which deleted keys can be put back now: what is in the trash, what a new key stands in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from mrcore.model import plans, ref
from mrcore.sources import base as source_base
from mrcore.sources.redis import facts, link, trash


async def plan(
    client: link.Client, source: str, done: Sequence[plans.Undoable], now: datetime
) -> list[source_base.Planned]:
    """A target or a left-out for each of at most 500."""
    places = [ref.parse(str(one.memento["trash"])).ids[0] for one in done if "trash" in one.memento]
    lying = await facts.look(client, source, places, now)
    names = [ref.parse(one.target.ref).ids[0] for one in done]
    there = await client.ask(*(("EXISTS", name) for name in names)) if names else []
    return list(_sift(done, there, lying, now))


def _sift(
    done: Sequence[plans.Undoable],
    there: Sequence[link.Reply],
    lying: dict[bytes, facts.Facts],
    now: datetime,
) -> Iterator[source_base.Planned]:
    for one, exists in zip(done, there, strict=True):
        why = trash.TAKEN if exists == 1 else _why(one, lying, now)
        if why:
            yield plans.LeftOut(why=why, count=1, samples=(one.target.ref,))
            continue
        memento, target = one.memento, one.target
        guard = {name: memento[name] for name in ("type", "size", "digest")}
        if "trash" in memento:
            guard["trash"] = memento["trash"]
        yield plans.Target(ref=target.ref, label=target.label, guard=guard, note=target.note)


def _why(one: plans.Undoable, lying: dict[bytes, facts.Facts], now: datetime) -> str:
    """Why it cannot be put back; '' where it can."""
    memento = one.memento
    expires = memento["expires_ms"]
    if isinstance(expires, int) and expires <= now.timestamp() * 1000:
        return trash.EXPIRED
    if "dump" in memento:
        return ""
    key = lying.get(ref.parse(str(memento["trash"])).ids[0])
    if key is None:
        return trash.NOT_IN_TRASH
    # The TTL is the trash's.
    compared = {**key.guard(), "expires": True}
    return facts.moved({**memento, "expires": True}, compared)
