"""Valkey with a key of every type, and keys whose names are no text."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Awaitable, Callable, Hashable, Iterator
from pathlib import Path
from typing import Any

import redis

from mrcore.model import base, plans
from mrcore.model import ref as refs
from mrcore.sources import base as source_base
from tests import restartable, servers, waiting
from tests.contract import rig

ODD = (b"a/b%c?d e\xff", b"", b"\x00\n", "ключ".encode())


class Redis(rig.Rig):
    kind = "redis"
    acts = ("key.delete",)

    def __init__(self, folder: Path) -> None:
        self._turns = itertools.count(1)
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
        every = frozenset(refs.make("redis", "key", key) for key in keys)
        few = frozenset(refs.make("redis", "key", f"user:{i}") for i in range(100))
        return (
            rig.Listing("redis/node/main", "keys", every),
            rig.Listing("redis/node/main", "keys", few, plans.Query(prefix="user:", limit=7)),
            rig.Listing("redis/node/main", "keys", few, plans.Query(text="^USER:", limit=300)),
        )

    def odd(self) -> tuple[base.Ref, ...]:
        return tuple(refs.make("redis", "key", name) for name in ODD)

    def unknown(self) -> tuple[base.Ref, ...]:
        return ("redis/key/nowhere", "redis/key/a/b", "redis/node/other", "redis/check/other")

    async def deed(self, action: base.ActionId) -> rig.Deed:
        """A list, a string and a hash, of which two expire, with names that are no text."""
        turn = b"deed\xff:%d:" % next(self._turns)
        with contextlib.closing(self.server.client()) as client:
            client.rpush(turn + b"list", *range(200))
            client.set(turn + b"string", "v", px=3_600_000)
            client.hset(turn + b"hash", mapping={"f": "v"})
            client.expire(turn + b"hash", 7200)
        found = tuple(
            refs.make("redis", "key", turn + what) for what in (b"list", b"string", b"hash")
        )
        return rig.Deed(action, found, found[0])

    async def move_on(self, deed: rig.Deed) -> None:
        with self._client() as client:
            client.rpush(_name(deed.moved_on), "one more")

    async def state(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """DUMP and the instant at which it expires."""
        with self._client() as client:
            return client.dump(_name(ref)), client.pexpiretime(_name(ref))

    async def facts(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """Not when it expires, but whether: a TTL that is renewed is the same key still."""
        with self._client() as client:
            return client.dump(_name(ref)), client.pexpiretime(_name(ref)) >= 0

    def churn(self, action: base.ActionId) -> rig.Churn:
        def event(
            work: Callable[[redis.Redis, bytes], object],
        ) -> Callable[[base.Ref], Awaitable[None]]:
            async def happens(ref: base.Ref) -> None:
                with self._client() as client:
                    work(client, _name(ref))

            return happens

        def changed(client: redis.Redis, name: bytes) -> None:
            match client.type(name):
                case b"list":
                    client.lset(name, 0, "changed")
                case b"string":
                    client.setrange(name, 0, "w")
                case b"hash":
                    client.hset(name, "f", "w")

        def renamed(client: redis.Redis, name: bytes) -> None:
            with contextlib.suppress(redis.ResponseError):  # there is none
                client.rename(name, b"elsewhere:" + name)

        def created_equal(client: redis.Redis, name: bytes) -> None:
            dump, expires = client.dump(name), client.pexpiretime(name)
            if dump is not None:
                client.delete(name)
                client.restore(name, max(expires, 0), dump, absttl=expires >= 0)

        return {
            "changed": event(changed),
            "another type": event(lambda c, name: (c.delete(name), c.sadd(name, "m"))),
            "a TTL": event(lambda c, name: c.expire(name, 600)),
            "no TTL": event(lambda c, name: c.persist(name)),
            "deleted": event(lambda c, name: c.delete(name)),
            "renamed": event(renamed),
            "created equal": event(created_equal),
            "created anew": event(lambda c, name: c.set(name, "new")),
        }

    @contextlib.contextmanager
    def _client(self) -> Iterator[redis.Redis]:
        with contextlib.closing(self.server.client()) as client:
            yield client

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


def _name(ref: base.Ref) -> bytes:
    return refs.parse(ref).ids[0]
