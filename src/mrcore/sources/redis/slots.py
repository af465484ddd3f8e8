"""Which server of a Cluster a command goes to, and how the answers of all become one. Pure.

https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec
"""

from __future__ import annotations

import bisect
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import crc, exceptions

from mrcore.sources.redis import address, connection, info

COUNT = 16_384

_AT_THIRD = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"})
_AT_SECOND = frozenset({"MEMORY", "OBJECT", "XINFO"})
_KEYLESS = frozenset(
    {"PING", "TIME", "INFO", "DBSIZE", "SCAN", "CLIENT", "CONFIG", "ACL", "SCRIPT", "COMMAND",
     "CLUSTER", "SLOWLOG", "LATENCY", "WAIT", "ROLE"}
)  # fmt: skip
TRANSACTION = frozenset({"MULTI", "EXEC", "DISCARD", "UNWATCH"})
"""Commands that belong to the server where a key is watched."""

_CURSOR_BITS, _INDEX_BITS = 64, 16

_SUMS = frozenset(
    {"used_memory", "used_memory_peak", "maxmemory", "mem_fragmentation_bytes", "connected_clients",
     "blocked_clients", "maxclients", "rejected_connections", "total_commands_processed",
     "instantaneous_ops_per_sec", "keyspace_hits", "keyspace_misses", "expired_keys",
     "evicted_keys", "rdb_saves", "rdb_changes_since_last_save", "connected_slaves"}
)  # fmt: skip
_LEAST = frozenset({"uptime_in_seconds"})
_WORST = ("rdb_last_bgsave_status", "aof_last_write_status")
_MEMORY = ("used_memory", "used_memory_peak", "maxmemory")


@dataclass(frozen=True)
class Map:
    """The primaries in the order of their slots, and from which slot on each range is whose."""

    primaries: tuple[address.Node, ...]
    starts: tuple[int, ...]
    owners: tuple[address.Node | None, ...]

    @property
    def mark(self) -> int:
        """Changes with the primaries: a SCAN that goes on among others would miss keys."""
        return zlib.crc32(repr(self.primaries).encode()) & 0xFFFF

    def owner(self, slot: int) -> address.Node:
        """Whose a slot is. Raises ClusterDownError where it is nobody's."""
        found = self.owners[bisect.bisect_right(self.starts, slot) - 1] if self.starts else None
        if found is None:
            raise exceptions.ClusterDownError(f"slot {slot} is served by nobody")
        return found

    def count(self, node: address.Node) -> int:
        """How many slots a primary serves."""
        ends = (*self.starts[1:], COUNT)
        ranges = zip(self.starts, ends, self.owners, strict=True)
        return sum(end - start for start, end, owner in ranges if owner == node)

    def tags(self) -> dict[address.Node, str]:
        """For each primary a hash tag whose slot it serves."""
        found: dict[address.Node, str] = {}
        for number in range(COUNT):
            if len(found) == len(self.primaries):
                break
            slot = crc.key_slot(str(number).encode())
            at = bisect.bisect_right(self.starts, slot) - 1
            if at >= 0 and (owner := self.owners[at]) is not None:
                found.setdefault(owner, str(number))
        return found


def read(reply: Any, asked: address.Node) -> Map:
    """CLUSTER SLOTS; a node that does not know its own name is `asked`."""
    ranges = sorted((one[0], one[1], one[2]) for one in reply)
    starts: list[int] = [0]
    owners: list[address.Node | None] = [None]
    for first, last, (host, port, *_) in ranges:
        starts += [first, last + 1]
        owners += [address.Node(host.decode() if host else asked.host, port), None]
    primaries = tuple(dict.fromkeys(owner for owner in owners if owner is not None))
    return Map(primaries, tuple(starts), tuple(owners))


def slot(command: connection.Command) -> int | None:
    """The slot of a command's (first) key; None where it has none."""
    name = name_of(command)
    if name in _KEYLESS or name in TRANSACTION:
        return None
    at = 1
    if name in _AT_THIRD:
        if not int(command[2]):
            return None
        at = 3
    elif name in _AT_SECOND:
        at = 2
    elif name in ("XREAD", "XREADGROUP"):
        words = [word.upper() if isinstance(word, str) else word for word in command]
        at = words.index("STREAMS") + 1
    if at >= len(command):
        return None
    key = command[at]
    return crc.key_slot(key if isinstance(key, bytes) else str(key).encode())


def everywhere(command: connection.Command) -> bool:
    """Whether every primary is asked."""
    name = name_of(command)
    return name in ("INFO", "DBSIZE") or (name == "CLIENT" and str(command[1]).upper() == "LIST")


def merged(command: connection.Command, replies: Mapping[address.Node, Any]) -> Any:
    """One answer out of those of all primaries; an error of one is the answer."""
    said = list(replies.values())
    if wrong := next((reply for reply in said if isinstance(reply, Exception)), None):
        return wrong
    match name_of(command):
        case "DBSIZE":
            return sum(said)
        case "INFO":
            return _infos([info.parse(text) for text in said])
    return b"".join(said)


def _infos(nodes: Sequence[Mapping[str, str]]) -> bytes:
    """INFO of the whole: sums, the youngest uptime, what went wrong anywhere; else the first's."""
    whole = dict(nodes[0])
    for name in whole.keys() & _SUMS:
        whole[name] = f"{sum(info.number(one, name) for one in nodes):.0f}"
    for name in whole.keys() & _LEAST:
        whole[name] = f"{min(info.number(one, name) for one in nodes):.0f}"
    for name in _WORST:
        bad = [one[name] for one in nodes if one.get(name, "ok") != "ok"]
        whole |= {name: bad[0]} if bad else {}
    for name in _MEMORY:
        if name in whole:
            whole[f"{name}_human"] = f"{info.number(whole, name) / 1024**2:.2f}M"
    whole["run_id"] = ",".join(one.get("run_id", "") for one in nodes)
    return "\r\n".join(f"{name}:{value}" for name, value in whole.items()).encode()


def scan_at(command: connection.Command, known: Map) -> tuple[address.Node, connection.Command]:
    """Which primary a SCAN goes on at, and the cursor that is its own.

    Our cursor is one number: a mark of the primaries, which of them, and its cursor.
    Raises ResponseError when the primaries are others than when it began.
    """
    cursor = int(command[1])
    index = (cursor >> _CURSOR_BITS) & (2**_INDEX_BITS - 1)
    mark = cursor >> (_CURSOR_BITS + _INDEX_BITS)
    if cursor and (mark != known.mark or index >= len(known.primaries)):
        raise exceptions.ResponseError(
            "the Cluster has other primaries than when this began: start at the beginning"
        )
    own = str(cursor & (2**_CURSOR_BITS - 1))
    return known.primaries[index], (command[0], own, *command[2:])


def scanned(reply: Any, node: address.Node, known: Map) -> Any:
    """A SCAN's answer with the cursor that leads on over all primaries; 0 after the last one's."""
    if not isinstance(reply, list):
        return reply
    index, own = known.primaries.index(node), int(reply[0])
    if not own:
        index += 1
        if index == len(known.primaries):
            return [b"0", reply[1]]
    whole = ((known.mark << _INDEX_BITS | index) << _CURSOR_BITS) | own
    return [str(whole).encode(), reply[1]]


def name_of(command: connection.Command) -> str:
    name = command[0]
    return (name.decode() if isinstance(name, bytes) else str(name)).upper()
