"""The value of one key, of every type, bounded: what is shown never costs more than a moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from redis import exceptions

from mrcore import errors, redact
from mrcore.model import redis, ref, wire
from mrcore.sources.redis import decode, keys, link, scan

STRING_BYTES = 16 * 1024
MOST_MEMBERS = 100
MOST_BYTES = 256 * 1024
LARGE_MEMBER = 1024 * 1024

_Pairs = list[tuple[str, bytes]]


async def detail(
    client: link.Client,
    source: str,
    name: bytes,
    now: datetime,
    clean: redact.Redactor = redact.ALL,
) -> wire.Detail:
    """A key with its value, as `clean` leaves it: 16 KB, or the first members of a collection.

    Raises NotFound when there is no such key, NotPermitted when this login may not read it.
    """
    rows = await keys.rows(client, source, [name], now)
    if not rows:
        raise errors.NotFound(f"There is no key {redact.label(scan.readable(name))!r} (any more).")
    row = rows[0]
    if row.verdict.code == "not_permitted":
        raise errors.NotPermitted(f"Key {row.name!r}: {row.verdict.why}.")
    return wire.Detail(
        at=now,
        entity=row,
        sections=(_about(row, name, clean), await _value(client, row, name, clean)),
        links=(wire.Link(label="its server", ref=ref.make(source, "node", "main")),),
    )


def _about(row: redis.Key, name: bytes, clean: redact.Redactor) -> wire.Section:
    fields = (
        wire.Field(name="type", value=row.type),
        wire.Field(name="encoding", value=row.encoding),
        wire.Field(name="size", value=row.size),
        wire.Field(name="memory (bytes)", value=row.memory_bytes),
        wire.Field(name="expires", at=row.expires_at, value=None if row.expires_at else "never"),
        wire.Field(name="name (bytes)", value=clean.label(repr(name)[2:-1])),
    )
    return wire.Section(id="key", title="Key", fields=fields)


async def _value(
    client: link.Client, row: redis.Key, name: bytes, clean: redact.Redactor
) -> wire.Section:
    if clean.is_secret(row.name):
        return _said("Value (masked)", f"{redact.MASK} — the key's name says that it is a secret")
    if row.type == "string":
        return await _string(client, row, name, clean)
    if row.type not in _MEMBERS:
        return _said("Value", f"values of type {row.type} are not shown")
    mean = (row.memory_bytes or 0) // max(row.size or 1, 1)
    if mean > LARGE_MEMBER:
        return _said("Value", f"its members are too large to show (about {mean:,} bytes each)")
    most = max(1, min(MOST_MEMBERS, MOST_BYTES // max(mean, 1)))
    command, pairs_of = _MEMBERS[row.type]
    reply = await _ask(client, command(name, most))
    pairs = pairs_of(reply, clean)[:most]
    shown = f"first {len(pairs)} of {row.size}" if row.size != len(pairs) else f"all {len(pairs)}"
    return wire.Section(
        id="value",
        title=f"{row.type} ({shown})",
        fields=tuple(
            wire.Field(name=label, value=_member(label, raw, clean)) for label, raw in pairs
        ),
    )


async def _string(
    client: link.Client, row: redis.Key, name: bytes, clean: redact.Redactor
) -> wire.Section:
    raw = await _ask(client, ("GETRANGE", name, 0, STRING_BYTES - 1))
    found = decode.decode(raw, clean)
    size = row.size or len(raw)
    cut = f", first {len(raw):,} of {size:,} bytes" if size > len(raw) else f", {size:,} bytes"
    form = "json" if found.data is not None else "text"
    return wire.Section(
        id="value",
        title=f"Value ({found.how}{cut})",
        form=form,
        data=found.data,
        text=found.text,
    )


async def _ask(client: link.Client, command: link.Command) -> link.Reply:
    reply = (await client.ask(command))[0]
    if isinstance(reply, exceptions.NoPermissionError):
        raise errors.NotPermitted(f"The value: {link.needs(reply, str(command[0]))}.")
    if isinstance(reply, Exception):
        raise errors.NotFound(f"The key changed while it was read: {reply}.")
    return reply


def _said(title: str, words: str) -> wire.Section:
    return wire.Section(id="value", title=title, form="text", text=words)


def _member(label: str, raw: bytes, clean: redact.Redactor) -> str:
    return clean.under(label, decode.short(raw, clean))


def _twos(flat: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _hash(reply: link.Reply, _: redact.Redactor) -> _Pairs:
    return [(scan.readable(field), raw) for field, raw in _twos(reply[1])]


def _set(reply: link.Reply, _: redact.Redactor) -> _Pairs:
    return [(str(i), raw) for i, raw in enumerate(reply[1])]


def _list(reply: link.Reply, _: redact.Redactor) -> _Pairs:
    return [(str(i), raw) for i, raw in enumerate(reply)]


def _zset(reply: link.Reply, _: redact.Redactor) -> _Pairs:
    return [(score.decode(), raw) for raw, score in _twos(reply)]


def _stream(reply: link.Reply, clean: redact.Redactor) -> _Pairs:
    """Newest first; an entry as `field=value`, each masked by its own name."""
    return [
        (
            entry.decode(),
            " ".join(
                f"{scan.readable(field)}={_member(scan.readable(field), raw, clean)}"
                for field, raw in _twos(flat)
            ).encode(),
        )
        for entry, flat in reply
    ]


_Ask = Callable[[bytes, int], link.Command]

_MEMBERS: dict[str, tuple[_Ask, Callable[[link.Reply, redact.Redactor], _Pairs]]] = {
    "hash": (lambda name, most: ("HSCAN", name, 0, "COUNT", most), _hash),
    "set": (lambda name, most: ("SSCAN", name, 0, "COUNT", most), _set),
    "list": (lambda name, most: ("LRANGE", name, 0, most - 1), _list),
    "zset": (lambda name, most: ("ZRANGE", name, 0, most - 1, "WITHSCORES"), _zset),
    "stream": (lambda name, most: ("XREVRANGE", name, "+", "-", "COUNT", most), _stream),
}
"""How the first members of each type are asked for, and what the reply means."""
