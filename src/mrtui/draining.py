"""When a queue will be empty as it goes on now, in words. Pure."""

from __future__ import annotations

from mrcore.model import queue
from mrtui import world
from mrtui.columns import fmt


def said(found: queue.Queue, known: world.World) -> str:
    """`in 3m12s`, `never, no worker`; empty where nothing waits or no rate is known yet."""
    waiting = found.counts.waiting + found.counts.prioritized
    if not waiting:
        return ""
    if found.paused_since is not None:
        return "never, paused"
    if found.workers == 0:
        return "never, no worker"
    in_per_s = known.latest("queue.in_rate", found.ref)
    out_per_s = known.latest("queue.out_rate", found.ref)
    if in_per_s is None or out_per_s is None:
        return ""
    out_per_s += known.latest("queue.fail_rate", found.ref) or 0.0
    if out_per_s <= 0:
        # What is worked on may be about to end: nobody knows when.
        return "" if found.counts.active else "never, nothing goes out"
    if out_per_s <= in_per_s:
        return "never, more comes in"
    return f"in {fmt.seconds(int(waiting / (out_per_s - in_per_s)))}"


def brief(found: queue.Queue, known: world.World) -> str:
    """The same in one word: `3m12s`, `never`, `-` where nothing waits."""
    words = said(found, known)
    return words.removeprefix("in ").partition(",")[0] or fmt.NONE
