"""How an alert is silenced, alone or with others, now or later, and how a silence ends."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from mrcore import errors
from mrcore.alerts import answers, book, finding, hiding
from mrcore.model import alert, base, plans, ref
from mrcore.sources import base as sources
from mrcore.store import alerts as store
from mrcore.store import database

MINUTES, MINUTES_MAX = 60, 43_200
LONG = timedelta(days=1)
"""A silence that lasts longer is of high risk."""

SCOPES = ("this", "rule", "all")


@dataclasses.dataclass(frozen=True)
class Silence:
    """The act `alert.silence` on core/alert/…: nobody is told of it, or of more, for a while."""

    book: book.Book
    ledger: database.Database
    now: sources.Now

    async def plan(self, where: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The alert, as long as it is shown."""
        await self.book.ready()
        found = self.book.find(where)
        if found is None:
            return answers.left_out(where, "There is no such alert now.")
        silence = self._made(found.key, args, plans.By(login=""), self.now())
        if (other := self._other(silence)) is not None:
            return answers.left_out(where, f"{other.login} has silenced it already.")
        target = answers.target(found)
        label = {"*": "every alert", found.rule: target.label}[silence.rule]
        if silence.rule == found.rule and not silence.subject:
            label = f"{found.rule} on everything"
        return target.model_copy(update={"label": label, "guard": {"rule": found.rule}})

    async def remarks(
        self, targets: Sequence[plans.Target], args: plans.Args
    ) -> Sequence[plans.Remark]:
        """Until when it lasts, what it hides, and how much of that fires now."""
        now, nobody = self.now(), plans.By(login="")
        made = [self._made(finding.Key.of(each.ref), args, nobody, now) for each in targets]
        scopes = frozenset(hiding.of(one) for one in made)
        firing = self.book.firing(scopes)
        begins, ends, everything = made[0].starts_at, made[0].expires_at, made[0].rule == "*"
        return (
            answers.grave(f"silenced {answers.span(begins, ends, now)}", ends - begins > LONG),
            answers.grave(
                f"hides {_said(scopes)}; firing now: {firing:,}", everything or firing > 1
            ),
        )

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Begin it, once an operation."""
        now = self.now()
        await self.book.ready()
        async with self.book.lock:
            found = self.book.find(target.ref)
            if found is None:
                return answers.skipped(target, "It has resolved, and is not shown any more.")
            new = self._made(found.key, args, by, now)
            other = self._other(new)
            if other is not None and not by.again:
                return answers.skipped(target, await self._silenced(other, by))
            made = await self.ledger.run(lambda c: store.silence(c, new, by.operation))
            self.book.hush(made, now)
        memento: plans.Args = {"silence": made.id, "expires_at": made.expires_at.isoformat()}
        return answers.done(target, memento, f"until {made.expires_at:%Y-%m-%d %H:%M} UTC")

    def _other(self, new: alert.Silence) -> alert.Silence | None:
        """A silence of the same that lasts while this one would."""
        for each in self.book.silences.values():
            same = (each.rule, each.subject) == (new.rule, new.subject)
            if same and each.starts_at < new.expires_at and new.starts_at < each.expires_at:
                return each
        return None

    async def _silenced(self, other: alert.Silence, by: plans.By) -> str:
        """By whom it is silenced: one silence of a rule, or of all, is for each of its targets."""
        if await self.ledger.read(lambda c: store.began(c, other.id)) == by.operation:
            return "The silence that this has just begun is for it too."
        return f"{other.login} has silenced it meanwhile."

    def _made(
        self, key: finding.Key, args: plans.Args, by: plans.By, now: datetime
    ) -> alert.Silence:
        """Raises BadRequest."""
        minutes = answers.number(args, "minutes", MINUTES, MINUTES_MAX)
        later = answers.number(args, "in_minutes", 0, MINUTES_MAX, least=0)
        scope = str(args.get("scope") or SCOPES[0])
        if scope not in SCOPES:
            raise errors.BadRequest(f"scope is {scope[:40]!r}: it is {', '.join(SCOPES)}.")
        starts_at = now + timedelta(minutes=later)
        return alert.Silence(
            ref=ref.make("core", "silence", 0),
            id=0,
            rule="*" if scope == "all" else key.rule,
            subject=key.subject if scope == "this" else "",
            login=by.login,
            reason=by.reason,
            starts_at=starts_at,
            expires_at=starts_at + timedelta(minutes=minutes),
        )

    async def plan_undo(self, done: plans.Undoable) -> plans.Target | plans.LeftOut:
        """The silence, while it lasts."""
        if (found := await _lasting(self.ledger, done, self.now())) is None:
            return answers.left_out(done.target.ref, "That silence has ended.")
        guard = {"expires_at": found.expires_at.isoformat()}
        return done.target.model_copy(update={"guard": guard})

    async def undo(self, done: plans.Undoable, by: plans.By) -> plans.TargetOutcome:
        """Let it end now."""
        return await _end(self.book, self.ledger, done.target, _id_of(done), self.now())


@dataclasses.dataclass(frozen=True)
class Expire:
    """The act `silence.expire` on core/silence/<number>."""

    book: book.Book
    ledger: database.Database
    now: sources.Now

    async def plan(self, where: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The silence, while it lasts."""
        await self.book.ready()
        found = next((s for s in self.book.silences.values() if s.ref == where), None)
        if found is None or found.expires_at <= self.now():
            return answers.left_out(where, "There is no such silence, or it has ended.")
        return plans.Target(
            ref=where,
            label=f"silence of {found.rule} by {found.login}",
            guard={"expires_at": found.expires_at.isoformat()},
            note=found.reason,
            at=found.starts_at,
        )

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Let it end now."""
        number = int(ref.parse(target.ref).id)
        done = await _end(self.book, self.ledger, target, number, self.now(), again=by.again)
        memento: plans.Args = {"silence": number, "expires_at": target.guard["expires_at"]}
        return done.model_copy(update={"memento": memento}) if done.outcome == "done" else done

    async def plan_undo(self, done: plans.Undoable) -> plans.Target | plans.LeftOut:
        """The silence, where its time has not passed."""
        if datetime.fromisoformat(str(done.memento["expires_at"])) <= self.now():
            return answers.left_out(done.target.ref, "It would have expired by now.")
        return done.target

    async def undo(self, done: plans.Undoable, by: plans.By) -> plans.TargetOutcome:
        """Let it last as long as before."""
        until, now = datetime.fromisoformat(str(done.memento["expires_at"])), self.now()
        if until <= now:
            return answers.skipped(done.target, "It would have expired by now.")
        await self.book.ready()
        async with self.book.lock:
            before = await self.ledger.read(lambda c: store.find(c, _id_of(done)))
            if before is None or (before.expires_at > now and not by.again):
                return answers.skipped(done.target, "It lasts already.")
            found = await _until(self.ledger, _id_of(done), until)
            if found is not None:
                self.book.hush(found, now)
        return answers.done(done.target)


def _said(scopes: frozenset[hiding.Scope]) -> str:
    """What silences of one breadth hide, in words."""
    (rule, subject), *others = scopes
    if rule == "*":
        return "every alert"
    if subject:
        return f"these {len(scopes):,} alerts" if others else "this alert"
    return f"every alert of {len(scopes):,} rules" if others else f"every alert of {rule}"


async def _end(
    kept: book.Book,
    ledger: database.Database,
    target: plans.Target,
    number: int,
    now: datetime,
    *,
    again: bool = False,
) -> plans.TargetOutcome:
    """Let a silence end now, if it is as it was."""
    await kept.ready()
    async with kept.lock:
        found = await ledger.read(lambda c: store.find(c, number))
        if found is None or found.expires_at.isoformat() != target.guard["expires_at"]:
            if found is not None and again and found.expires_at <= now:
                return answers.done(target)
            return answers.skipped(target, "It has ended, or lasts for another time, meanwhile.")
        ended = await _until(ledger, number, now)
        if ended is not None:
            kept.hush(ended, now)
    return answers.done(target)


async def _until(
    ledger: database.Database, number: int, expires_at: datetime
) -> alert.Silence | None:
    """Let a silence end then, and read it again."""

    def write(connection: sqlite3.Connection) -> alert.Silence | None:
        store.until(connection, number, expires_at)
        return store.find(connection, number)

    return await ledger.run(write)


async def _lasting(
    ledger: database.Database, done: plans.Undoable, now: datetime
) -> alert.Silence | None:
    found = await ledger.read(lambda c: store.find(c, _id_of(done)))
    return found if found and found.expires_at > now else None


def _id_of(done: plans.Undoable) -> int:
    return int(str(done.memento["silence"]))
