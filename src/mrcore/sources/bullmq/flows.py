"""The flow that a job is part of: its parent, and what it waits or waited for, three deep.

A parent keeps its pending children in a set `<id>:dependencies`, those that ended in the hash
`<id>:processed`, those that failed in the sorted set `<id>:unsuccessful` or the hash `<id>:failed`.
"""

from __future__ import annotations

from typing import NamedTuple

from mrcore.model import base, queue
from mrcore.sources.bullmq import asking, looking, places, reading, rows
from mrcore.sources.redis import link

DEPTH = 3
CHILDREN = 20
"""Children of one job that are shown, of each kind."""

NODES = 100


class Node(NamedTuple):
    """A job of a flow: `role` is `parent`, `this`, `child`, or `child of child`."""

    role: str
    name: str
    state: str
    ref: base.Ref


async def tree(
    client: link.Client, maker: rows.Maker, place: places.Place, row: queue.Job, key: str
) -> list[Node]:
    """The flow, its own job among it; only that one where it is in none. Raises NotPermitted."""
    found: list[Node] = []
    if row.parent:
        (parent,) = await asking.ask(client, ("HGET", key, "parentKey"))
        found += await _nodes(client, maker, [asking.text(parent)], "parent")
    found.append(Node("this", row.name, row.state.value.replace("_", " "), row.ref))
    level, role = [key], "child"
    for _ in range(DEPTH):
        below = [child for one in level for child in await _children(client, one)]
        below = below[: NODES - len(found)]
        if not below:
            break
        found += await _nodes(client, maker, below, role)
        level, role = below, f"child of {role}"
    return found


async def _children(client: link.Client, key: str) -> list[str]:
    """Keys of a job's children: a few of each kind, without reading all of a large flow."""
    pending, processed, unsuccessful, failed = await asking.ask(
        client,
        ("SSCAN", f"{key}:dependencies", 0, "COUNT", CHILDREN),
        ("HSCAN", f"{key}:processed", 0, "COUNT", CHILDREN),
        ("ZRANGE", f"{key}:unsuccessful", 0, CHILDREN - 1),
        ("HSCAN", f"{key}:failed", 0, "COUNT", CHILDREN),
    )
    members = [*(asking.items(pending) or [0, []])[1], *asking.items(unsuccessful)]
    for scanned in (processed, failed):
        members += (asking.items(scanned) or [0, []])[1][::2]
    return list(dict.fromkeys(asking.text(member) for member in members))[: 4 * CHILDREN]


async def _nodes(client: link.Client, maker: rows.Maker, keys: list[str], role: str) -> list[Node]:
    found = []
    for key in keys:
        split = rows.split(key, maker.prefixes)
        if split is None:
            continue
        place, job_id = split
        spots = await looking.find(client, place, [job_id])
        read = await reading.read(client, maker, place, spots)
        if job_id in read:
            job = read[job_id].job
            found.append(Node(role, job.name, job.state.value.replace("_", " "), job.ref))
        else:
            found.append(Node(role, job_id, "gone", maker.owner(key)))
    return found
