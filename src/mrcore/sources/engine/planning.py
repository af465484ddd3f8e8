"""What every family of actions does while it plans: asks of each, and says what is left out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources.engine import acts, saying

F = TypeVar("F")

EXPIRED = "It is not kept any more: the trash is emptied after 24 h."
AGAIN = "There is another job of this id now."


async def over(
    selection: plans.Selection,
    progress: source_base.Progress,
    ask: Callable[[base.Ref], Awaitable[F | str]],
    parts: Callable[[base.Ref, F], Iterable[source_base.Planned]],
) -> AsyncIterator[source_base.Planned]:
    """`parts` of the facts that `ask` knows of each; the sentence where it knows why not."""
    for number, of in enumerate(selection.refs):
        facts = await ask(of)
        progress(number + 1, len(selection.refs))
        if isinstance(facts, str):
            yield saying.left(of, facts)
            continue
        for part in parts(of, facts):
            yield part


async def undone(
    done: Sequence[plans.Undoable],
    ask: Callable[[base.Ref], Awaitable[F | str]],
    part: Callable[[plans.Undoable, F], plans.Target | str],
) -> AsyncIterator[source_base.Planned]:
    """The target of each that can be undone; a sentence where it cannot."""
    for one in done:
        facts = await ask(one.target.ref)
        planned = facts if isinstance(facts, str) else part(one, facts)
        yield saying.left(one.target.ref, planned) if isinstance(planned, str) else planned


class Checked(NamedTuple):
    """The undo of what was done to a job, or why there is none; whether it will wait again."""

    target: plans.Target
    why: str = ""
    waits: bool = False


def told(checked: Iterable[Checked], waiting: str = "") -> Iterator[source_base.Planned]:
    """Targets, what is left out by its reason, and `waiting` where one will wait again."""
    left, waits = acts.LeftOuts(), False
    for one in checked:
        if one.why:
            left.add(one.target.ref, one.why)
            continue
        waits = waits or one.waits
        yield one.target
    yield from left.told()
    if waits and waiting:
        yield plans.Remark(text=waiting)
