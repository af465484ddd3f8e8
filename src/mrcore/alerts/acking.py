"""How an alert is acknowledged, for a while, and how that is taken back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

from mrcore.alerts import answers, book
from mrcore.alerts import state as states
from mrcore.model import base, plans
from mrcore.sources import base as sources

MINUTES, MINUTES_MAX = 30, 1_440

_GONE = "It does not fire any more."


@dataclasses.dataclass(frozen=True)
class Ack:
    """The act `alert.ack` on core/alert/…: whoever applies it is at it for a while."""

    book: book.Book
    now: sources.Now

    async def plan(self, where: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The alert, while it fires and nobody has acknowledged it."""
        answers.number(args, "minutes", MINUTES, MINUTES_MAX)
        await self.book.ready()
        found = self.book.find(where)
        if found is None or not found.state.open:
            return answers.left_out(where, "It does not fire.")
        if found.state.ack:
            return answers.left_out(where, f"{found.state.ack.login} has acknowledged it already.")
        return answers.target(found)

    async def remarks(
        self, targets: Sequence[plans.Target], args: plans.Args
    ) -> Sequence[plans.Remark]:
        """Until when it is acknowledged."""
        now = self.now()
        minutes = answers.number(args, "minutes", MINUTES, MINUTES_MAX)
        until = now + timedelta(minutes=minutes)
        return [plans.Remark(text=f"acknowledged {answers.span(now, until, now)}")]

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Note who is at it until when."""
        now = self.now()
        minutes = answers.number(args, "minutes", MINUTES, MINUTES_MAX)
        until = now + timedelta(minutes=minutes)
        ack = states.Ack(
            login=by.login, note=by.reason, at=now, until=until, operation=by.operation
        )
        await self.book.ready()
        async with self.book.lock:
            found = answers.same(self.book, target)
            if found is None:
                return answers.skipped(target, _GONE)
            if found.state.ack and found.state.ack.operation != by.operation:
                return answers.skipped(
                    target, f"{found.state.ack.login} has acknowledged it meanwhile."
                )
            if found.state.ack is None:
                await self.book.turn(found, found.state.but(ack=ack, lapsed=""))
            memento: plans.Args = {"operation": by.operation}
            why = f"{by.login} is at it until {until:%H:%M} UTC"
            return answers.done(target, memento, why)

    async def plan_undo(self, done: plans.Undoable) -> plans.Target | plans.LeftOut:
        """The alert, while that acknowledgement stands."""
        await self.book.ready()
        found = self.book.find(done.target.ref)
        ack = found.state.ack if found else None
        if found is None or ack is None or ack.operation != done.memento["operation"]:
            return answers.left_out(
                done.target.ref, "That acknowledgement does not stand any more."
            )
        return answers.target(found)

    async def undo(self, done: plans.Undoable, by: plans.By) -> plans.TargetOutcome:
        """Take it back."""
        await self.book.ready()
        async with self.book.lock:
            found = answers.same(self.book, done.target)
            ack = found.state.ack if found else None
            if found is None or ack is None or ack.operation != done.memento["operation"]:
                return answers.skipped(done.target, "It does not stand any more.")
            await self.book.turn(found, _nobodys(found.state, self.now()))
            return answers.done(done.target)


@dataclasses.dataclass(frozen=True)
class Unack:
    """The act `alert.unack` on core/alert/…: nobody is at it."""

    book: book.Book
    now: sources.Now

    async def plan(self, where: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The alert, while it fires and somebody has acknowledged it."""
        await self.book.ready()
        found = self.book.find(where)
        if found is None or not found.state.open:
            return answers.left_out(where, "It does not fire.")
        if found.state.ack is None:
            return answers.left_out(where, "Nobody has acknowledged it.")
        target = answers.target(found)
        ack = found.state.ack.model_dump(mode="json")
        return target.model_copy(update={"guard": {**target.guard, "ack": ack}})

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Take away the acknowledgement that was planned, no later one."""
        known = states.Ack.model_validate(target.guard["ack"])
        memento: plans.Args = {"ack": target.guard["ack"]}
        await self.book.ready()
        async with self.book.lock:
            found = answers.same(self.book, target)
            if found is None:
                return answers.skipped(target, _GONE)
            if found.state.ack is None and by.again:
                return answers.done(target, memento)
            if found.state.ack != known:
                return answers.skipped(target, "It was acknowledged anew, or is nobody's.")
            await self.book.turn(found, _nobodys(found.state, self.now()))
            return answers.done(target, memento)

    async def plan_undo(self, done: plans.Undoable) -> plans.Target | plans.LeftOut:
        """The alert, while nobody is at it and that time has not passed."""
        await self.book.ready()
        found = answers.same(self.book, done.target)
        if found is None:
            return answers.left_out(done.target.ref, _GONE)
        if found.state.ack or _ack_of(done).until <= self.now():
            return answers.left_out(
                done.target.ref, "It was acknowledged anew, or its time has passed."
            )
        return answers.target(found)

    async def undo(self, done: plans.Undoable, by: plans.By) -> plans.TargetOutcome:
        """Give it again, to whom and until when it was."""
        await self.book.ready()
        async with self.book.lock:
            found = answers.same(self.book, done.target)
            if found is None:
                return answers.skipped(done.target, _GONE)
            if found.state.ack and not (by.again and found.state.ack == _ack_of(done)):
                return answers.skipped(done.target, "It was acknowledged anew.")
            await self.book.turn(found, found.state.but(ack=_ack_of(done)))
            return answers.done(done.target)


def _ack_of(done: plans.Undoable) -> states.Ack:
    return states.Ack.model_validate(done.memento["ack"])


def _nobodys(state: states.State, now: datetime) -> states.State:
    """Without an acknowledgement: the time until it escalates begins anew."""
    return state.but(ack=None, asked_at=now, escalated_at=None)
