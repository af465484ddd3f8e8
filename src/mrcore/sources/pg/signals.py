"""Cancelling statements and terminating sessions: what it would touch, guarded, and what came."""

from __future__ import annotations

import asyncio
import functools
import importlib.resources
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from mrcore import errors, match, redact
from mrcore.model import base, plans, ref
from mrcore.sources import kept
from mrcore.sources.pg import causes, link, rights, rows

ACTIONS = (rights.CANCEL, rights.TERMINATE)
COLLECTION = "sessions"
GONE_S = 2.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.005, 0.1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)

_SIGNAL = importlib.resources.files(__package__).joinpath("signal.sql").read_text()
_BACKENDS = importlib.resources.files(__package__).joinpath("backends.sql").read_text()

Hand = kept.Kept[link.Connection]


def plan(
    source: str, action: base.ActionId, selection: plans.Selection, seen: rows.Look
) -> Iterator[plans.Target | plans.LeftOut | plans.Remark]:
    """Targets with guards, what is left out with the GRANT that is missing, what it causes.

    Raises BadRequest for a filter that is no expression, NotFound for another owner.
    """
    by_ref = {rows.session_ref(source, row): row for row in seen.clients}
    ways = rows.Blocking(seen)
    taken = []
    for each in dict.fromkeys(selection.refs or _matching(source, selection, seen)):
        row = by_ref.get(each)
        if why := _refusal(action, each, row, seen):
            yield plans.LeftOut(why=f"{why[0].upper()}{why[1:]}.", count=1, samples=(each,))
        elif row is not None:
            taken.append(row)
            yield _target(action, each, row, ways)
    yield from causes.of(action, taken, ways)


def _matching(source: str, selection: plans.Selection, seen: rows.Look) -> Iterator[base.Ref]:
    """Sessions of the server's live set by state and text; our own ones are left out later."""
    server = ref.make(source, "postgres", "main")
    if selection.collection == COLLECTION and selection.ref != server:
        raise errors.NotFound(f"There is no {selection.ref}; sessions belong to {server}.")
    if (selection.ref, selection.collection) != (server, COLLECTION):
        yield selection.ref
        return
    query, fits = selection.query, match.of(selection.query.text)
    # By pid: pg_stat_activity has no order, and the same plan again shall be the same plan.
    for row in sorted(seen.clients, key=lambda row: int(row["pid"])):
        if query.state and row["state"] != query.state:
            continue
        # As it is shown: what a person filters by is what stands on the screen.
        words = (_label(row), row["datname"] or "", redact.repeated(row["query"] or ""))
        if fits(" ".join(words)):
            yield rows.session_ref(source, row)


def _refusal(action: base.ActionId, each: base.Ref, row: rows.Row | None, seen: rows.Look) -> str:
    if row is None:
        pid = _pid(each)
        if pid in seen.others:
            return f"it is no client's session but the server's own ({seen.others[pid]})"
        return "it has ended, or there is no such session"
    if row["pid"] in seen.own:
        return "it is the core's own connection"
    if why := seen.rights.refusal(row):
        return why
    if action == rights.CANCEL and row["state"] not in rights.RUNNING:
        return f"it runs no statement: {row['state']}"
    return ""


def _pid(each: base.Ref) -> int:
    """The pid of a session's ref; 0 where there is none."""
    try:
        address = ref.parse(each)
        return int(address.ids[0]) if address.kind == "session" and address.ids else 0
    except ValueError:
        return 0


def _target(
    action: base.ActionId, each: base.Ref, row: rows.Row, ways: rows.Blocking
) -> plans.Target:
    """Pid, backend_start, state and transaction; the statement too, if that is what is ended.

    A session that idles in a transaction must not have run anything since either.
    """
    guard = {
        "pid": row["pid"],
        "backend_start": _us(row["backend_start"]),
        "state": row["state"],
        "xact_start": _us(row["xact_start"]),
    }
    if action == rights.CANCEL:
        guard["query_start"] = _us(row["query_start"])
    elif row["state"] in rows.IDLE_IN_TX:
        guard["state_change"] = _us(row["state_change"])
    blocked = len(ways.blocks.get(row["pid"], ()))
    notes = ("has written" if row["wrote"] else "", f"blocks {blocked}" if blocked else "")
    return plans.Target(
        ref=each,
        label=_label(row),
        guard=guard,
        note=", ".join(filter(None, notes)),
        at=row["query_start"] if action == rights.CANCEL else row["state_change"],
    )


def _label(row: rows.Row) -> str:
    words = (row["usename"], redact.repeated(row["application_name"] or ""), row["state"])
    return " ".join([f"pid {row['pid']}", *(word for word in words if word)])


async def apply(
    hand: Hand,
    own: Callable[[], Sequence[int]],
    action: base.ActionId,
    chunk: Sequence[plans.Target],
) -> list[plans.TargetOutcome]:
    """Signal those whose guard holds, then wait up to 2 s until what was meant has come."""
    sent: dict[int, plans.Target] = {}
    outcomes: list[plans.TargetOutcome] = []
    for target in chunk:
        outcome = await hand.run(functools.partial(_send, own=own(), action=action, target=target))
        if outcome is None:
            sent[int(str(target.guard["pid"]))] = target
        else:
            outcomes.append(outcome)
    until, pause_s = time.monotonic() + GONE_S, _FIRST_PAUSE_S
    while sent:
        now = await hand.run(lambda connection: _backends(connection, sent))
        late = time.monotonic() >= until
        for pid, target in list(sent.items()):
            if outcome := _ended(action, target, now.get(pid), late=late):
                outcomes.append(outcome)
                del sent[pid]
        if sent:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
    return outcomes


async def _send(
    connection: link.Connection, own: Sequence[int], action: base.ActionId, target: plans.Target
) -> plans.TargetOutcome | None:
    """None where the signal was sent."""
    guard = target.guard
    pid = int(str(guard["pid"]))
    other = next((mine for mine in own if mine != connection.get_server_pid()), 0)
    try:
        sent = await connection.fetchval(
            _SIGNAL,
            *(action, pid, _instant(guard["backend_start"]), guard["state"]),
            *(_instant(guard.get(name)) for name in ("xact_start", "query_start", "state_change")),
            other,
        )
    except asyncpg.InsufficientPrivilegeError as error:
        why = await _refused(connection, error)
        return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.FAILED, why=why)
    if sent:
        return None
    now = (await _backends(connection, {pid: target})).get(pid)
    return plans.TargetOutcome(
        ref=target.ref, outcome=plans.Outcome.SKIPPED, why=_moved(guard, now)
    )


async def _refused(connection: link.Connection, error: asyncpg.PostgresError) -> str:
    """Its words, and the GRANT that is missing; none helps against a superuser's session."""
    said = [f"Postgres refused: {error.message}", error.detail or ""]
    if "SUPERUSER" not in said[1]:
        login = await connection.fetchval("SELECT quote_ident(current_user)")
        said.append(f"GRANT pg_signal_backend TO {login}; is missing")
    return ". ".join(part.rstrip(".") for part in said if part)


async def _backends(
    connection: link.Connection, targets: dict[int, plans.Target]
) -> dict[int, rows.Row]:
    found = await connection.fetch(_BACKENDS, " ".join(map(str, targets)))
    return {row["pid"]: row for row in found}


def _ended(
    action: base.ActionId, target: plans.Target, row: rows.Row | None, *, late: bool
) -> plans.TargetOutcome | None:
    """What became of a session that was signalled; None as long as that is not known."""
    guard, done = target.guard, plans.Outcome.DONE
    if row is None or _us(row["backend_start"]) != guard["backend_start"]:
        return plans.TargetOutcome(ref=target.ref, outcome=done, why="gone")
    if action == rights.CANCEL and (
        row["state"] not in rights.RUNNING or _us(row["query_start"]) != guard["query_start"]
    ):
        why = f"the statement has ended: {row['state']}"
        return plans.TargetOutcome(ref=target.ref, outcome=done, why=why)
    if not late:
        return None
    what = "the statement still runs" if action == rights.CANCEL else "it is still there"
    why = f"the signal was sent, and {what} after {GONE_S:g} s"
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.FAILED, why=why)


def _moved(guard: dict[str, Any], row: rows.Row | None) -> str:
    """From what to what a session has moved on."""
    if row is None:
        return "it has ended"
    if _us(row["backend_start"]) != guard["backend_start"]:
        return "it has ended; its pid is another session's now"
    if row["state"] != guard["state"]:
        return f"{guard['state']} → {row['state']}"
    for name, why in (
        ("xact_start", "it is in another transaction now"),
        ("query_start", "it runs another statement now"),
        ("state_change", "it has run another statement in its transaction"),
    ):
        if name in guard and _us(row[name]) != guard[name]:
            return why
    return "it was not as planned for a moment"


def _us(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - _EPOCH) // _US


def _instant(us: Any) -> datetime | None:
    return None if us is None else _EPOCH + us * _US
