"""Valkey with a key of every type, and keys whose names are no text."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from tests import restartable, servers, waiting
from tests.contract import rig

ODD = (b"a/b%c?d e\xff", b"", b"\x00\n", "ключ".encode())


class Redis(rig.Rig):
    kind = "redis"
    lacks = {"guards": "describe() has no actions"}

    def __init__(self, folder: Path) -> None:
        self.server = restartable.Valkey(folder)
        self.server.start()
        self._populate()

    def close(self) -> None:
        self.server.close()

    def table(self) -> dict[str, Any]:
        return {"url": self.server.url()}

    def limited(self) -> dict[str, Any]:
        return {"url": self.server.url(user="reader")}

    def pid(self, source: source_base.Source) -> int:
        return self.server.pid

    async def identities(self, source: source_base.Source) -> Hashable:
        """Client ids of the source's three connections."""
        with contextlib.closing(self.server.client()) as client:

            def all_there() -> frozenset[str] | None:
                rows = client.client_list()
                ids = frozenset(row["id"] for row in rows if row["name"] == "mrcore")
                return ids if len(ids) == 3 else None

            return await waiting.until(all_there, what="three kept connections")

    def kill(self, source: source_base.Source) -> None:
        self.server.kill()

    def spawn(self) -> None:
        self.server.spawn()

    def settle(self) -> None:
        self.server.wait()
        self._populate()

    def listings(self) -> tuple[rig.Listing, ...]:
        with contextlib.closing(self.server.client()) as client:
            keys = client.keys()
        refs = frozenset(ref.make("redis", "key", key) for key in keys)
        few = frozenset(ref.make("redis", "key", f"user:{i}") for i in range(100))
        return (
            rig.Listing("redis/node/main", "keys", refs),
            rig.Listing("redis/node/main", "keys", few, plans.Query(prefix="user:", limit=7)),
            rig.Listing("redis/node/main", "keys", few, plans.Query(text="^USER:", limit=300)),
        )

    def odd(self) -> tuple[base.Ref, ...]:
        return tuple(ref.make("redis", "key", name) for name in ODD)

    def unknown(self) -> tuple[base.Ref, ...]:
        return ("redis/key/nowhere", "redis/key/a/b", "redis/node/other", "redis/check/other")

    def _populate(self) -> None:
        with contextlib.closing(self.server.client()) as client:
            client.mset(dict.fromkeys(ODD, "v") | {f"user:{i}": "{}" for i in range(100)})
            client.hset("hash", mapping={"f": "v"})
            client.rpush("list", "a", "b")
            client.sadd("set", "a")
            client.zadd("zset", {"a": 1})
            client.xadd("stream", {"f": "v"})
            client.execute_command(
                *("ACL", "SETUSER", "reader", "on", f">{servers.PASSWORD}", "+@read", "~user:*")
            )
