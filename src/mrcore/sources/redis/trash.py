"""Deleting so that it can be undone: by a rename into the trash, or by keeping a small value."""

from __future__ import annotations

import base64
import importlib.resources
from collections.abc import Sequence
from typing import Any

from redis import exceptions

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources.redis import facts, keys, link, own

AT_ONCE = 16
"""Scripts in one packet: at most 64 KiB each are read, so together they take a few ms."""

_DELETE, _UNDELETE = (
    importlib.resources.files(__package__).joinpath(f"{name}.lua").read_text()
    for name in ("delete", "undelete")
)

_LOST = "it may have been done before the core ended"
_MOVED = {
    "gone": facts.GONE,
    "content": facts.CHANGED,
    "taken": "a key of that name is there again",
    "expired": "its own TTL has passed",
}


async def delete(
    client: link.Client, chunk: Sequence[plans.Target], by: plans.By
) -> list[plans.TargetOutcome]:
    """Put at most AT_ONCE keys into the trash, each only if its guard holds."""
    trashed = [target for target in chunk if target.guard["way"] == "trash"]
    places = [_place(by, target) for target in trashed]
    replies = await client.ask(
        *(_delete(client, target, place) for target, place in zip(trashed, places, strict=True))
    )
    outcomes = [
        _deleted(client, target, place, reply)
        for target, place, reply in zip(trashed, places, replies, strict=True)
    ]
    for target in chunk:
        if target.guard["way"] != "trash":
            outcomes.append(await _delete_small(client, target, by))
    return outcomes


async def prepare(
    client: link.Client, chunk: Sequence[plans.Target], by: plans.By
) -> dict[base.Ref, plans.Args]:
    """Mementos of at most AT_ONCE keys as they are now: the place in the trash, or the value."""
    small = [target for target in chunk if target.guard["way"] != "trash"]
    dumps = await client.ask(*(("DUMP", _name(target)) for target in small)) if small else []
    found = {
        target.ref: _dumped(target, dump, target.guard["expires_ms"])
        for target, dump in zip(small, dumps, strict=True)
        if isinstance(dump, bytes) and facts.digest_of(dump) == target.guard["digest"]
    }
    for target in chunk:
        if target.guard["way"] == "trash":
            found[target.ref] = _trashed(target, _place(by, target), target.guard["expires_ms"])
    return found


def _trashed(target: plans.Target, place: bytes, expires_ms: Any) -> plans.Args:
    trash = ref.make(ref.source_of(target.ref), "key", place)
    return {**_compared(target.guard), "trash": trash, "expires_ms": expires_ms}


def _dumped(target: plans.Target, dump: bytes, expires_ms: Any) -> plans.Args:
    value = base64.b64encode(dump).decode()
    return {**_compared(target.guard), "dump": value, "expires_ms": expires_ms}


def _place(by: plans.By, target: plans.Target) -> bytes:
    """`mr:trash:<operation>:<hash>:<name>`: the same when an operation asks for it again."""
    mark = source_base.mark(by, target.ref, target.guard)
    return own.TRASH + f"{mark}:".encode() + _name(target)


def _name(target: plans.Target) -> bytes:
    return ref.parse(target.ref).ids[0]


def _delete(client: link.Client, target: plans.Target, place: bytes) -> link.Command:
    guard = target.guard
    return (
        *("EVAL", _DELETE, 2, _name(target), place),
        *(str(guard["type"]), keys.SIZE[str(guard["type"])], _number(guard["size"])),
        *("1" if guard["expires"] else "0", str(guard["digest"]), own.KEEP_MS, client.expiry),
    )


def _deleted(
    client: link.Client, target: plans.Target, place: bytes, reply: link.Reply
) -> plans.TargetOutcome:
    if isinstance(reply, Exception):
        return _failed(target, reply, "EVAL")
    word = reply[0].decode()
    if word == "again":
        expires_ms = target.guard["expires_ms"]
    elif word == "done":
        expires_ms = _instant(client, *reply[1:])
    else:
        return _skipped(target, _why(target.guard, word, reply[1:]))
    memento = _trashed(target, place, expires_ms)
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE, memento=memento)


def _compared(guard: dict[str, Any]) -> dict[str, Any]:
    return {name: guard[name] for name in ("type", "size", "digest")}


def _instant(client: link.Client, expires: int, now_ms: int) -> int | None:
    """When a key would have expired, in ms since the epoch."""
    if expires < 0:
        return None
    return expires if client.expiry == "PEXPIRETIME" else now_ms + expires


def _why(guard: dict[str, Any], word: str, rest: list[Any]) -> str:
    match word:
        case "type":
            return f"{guard['type']} → {rest[0].decode()}"
        case "size":
            return f"length {guard['size']} → {rest[0]}"
        case "ttl":
            return facts.NOW_EXPIRES if rest[0] >= 0 else facts.NO_EXPIRY
    return _MOVED[word]


async def _delete_small(
    client: link.Client, target: plans.Target, by: plans.By
) -> plans.TargetOutcome:
    """WATCH, compare, UNLINK: what was compared is what is deleted, and is kept by the core."""
    name, guard = _name(target), target.guard
    size = keys.SIZE[str(guard["type"])]
    watching, kind, expires, dump, time, count = await client.ask(
        *(("WATCH", name), ("TYPE", name), (client.expiry, name), ("DUMP", name), ("TIME",)),
        (size, name),
    )
    for reply, command in ((watching, "WATCH"), (kind, "TYPE"), (dump, "DUMP")):
        if isinstance(reply, Exception):
            return await _unwatched(client, _failed(target, reply, command))
    if kind == b"none" or dump is None:
        why = f"{facts.GONE}: {_LOST}" if by.again else facts.GONE
        return await _unwatched(client, _skipped(target, why))
    now = {
        "type": kind.decode(),
        "size": count if isinstance(count, int) else None,
        "expires": isinstance(expires, int) and expires >= 0,
        "digest": facts.digest_of(dump),
    }
    if why := facts.moved(guard, now):
        return await _unwatched(client, _skipped(target, why))
    # MULTI by itself: were it refused, what follows would be done at once and unguarded.
    (begun,) = await client.ask(("MULTI",))
    if isinstance(begun, Exception):
        return await _unwatched(client, _failed(target, begun, "MULTI"))
    queued, done = await client.ask(("UNLINK", name), ("EXEC",))
    if isinstance(queued, Exception) or isinstance(done, Exception):
        reply = queued if isinstance(queued, Exception) else done
        return await _unwatched(client, _failed(target, reply, "UNLINK"))
    if done is None or done[0] != 1:
        return _skipped(target, facts.CHANGED)
    now_ms = int(time[0]) * 1000 + int(time[1]) // 1000 if isinstance(time, list) else 0
    memento = _dumped(target, dump, _instant(client, expires, now_ms))
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE, memento=memento)


async def _unwatched(client: link.Client, outcome: plans.TargetOutcome) -> plans.TargetOutcome:
    await client.ask(("UNWATCH",))
    return outcome


async def undelete(
    client: link.Client, chunk: Sequence[plans.Undoable]
) -> list[plans.TargetOutcome]:
    """Put at most AT_ONCE keys back, each with its own expiry and only where its name is free."""
    (time,) = await client.ask(("TIME",))
    now_ms = int(time[0]) * 1000 + int(time[1]) // 1000 if isinstance(time, list) else 0
    over = [_is_over(one, now_ms) for one in chunk]
    live = [one for one, past in zip(chunk, over, strict=True) if not past]
    replies = iter(await client.ask(*(_undelete(one) for one in live)) if live else [])
    return [
        _skipped(one.target, EXPIRED) if past else _undeleted(one, next(replies))
        for one, past in zip(chunk, over, strict=True)
    ]


def _is_over(one: plans.Undoable, now_ms: int) -> bool:
    """Whether RESTORE would take it for done, and delete it at once; the script sees for itself."""
    expires = one.memento["expires_ms"]
    return "dump" in one.memento and isinstance(expires, int) and expires <= now_ms


def _undelete(one: plans.Undoable) -> link.Command:
    name, memento, guard = _name(one.target), one.memento, one.target.guard
    expires = memento["expires_ms"]
    if "dump" in memento:
        dump = base64.b64decode(str(memento["dump"]))
        return ("RESTORE", name, _number(expires or 0), dump, "ABSTTL")
    place = ref.parse(str(memento["trash"])).ids[0]
    return (
        *("EVAL", _UNDELETE, 2, place, name),
        *(str(guard["type"]), keys.SIZE[str(guard["type"])], _number(guard["size"])),
        *(str(guard["digest"]), "" if expires is None else _number(expires)),
    )


def _undeleted(one: plans.Undoable, reply: link.Reply) -> plans.TargetOutcome:
    target = one.target
    if isinstance(reply, Exception):
        if "BUSYKEY" in str(reply) or "already exists" in str(reply):
            return _skipped(target, _MOVED["taken"])
        return _failed(target, reply, "RESTORE" if "dump" in one.memento else "EVAL")
    if isinstance(reply, list) and reply[0] != b"done":
        word = reply[0].decode()
        return _skipped(target, NOT_IN_TRASH if word == "gone" else _MOVED[word])
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE)


NOT_IN_TRASH = "it is not in the trash any more: put back, emptied after 24 h, or evicted"
TAKEN = _MOVED["taken"]
EXPIRED = _MOVED["expired"]


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise errors.SourceLied(f"A plan holds {value!r} where a number was written.")
    return value


def _skipped(target: plans.Target, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)


def _failed(target: plans.Target, reply: Exception, command: str) -> plans.TargetOutcome:
    """Refused: with what to grant, or in the server's own words."""
    words = str(reply).rstrip(".")
    if isinstance(reply, exceptions.NoPermissionError):
        words = f"{words}: {link.needs(reply, command)}"
    return plans.TargetOutcome(
        ref=target.ref, outcome=plans.Outcome.FAILED, why=f"Redis refused: {words}"
    )
