"""Valkey with a key of every type, and keys whose names are no text."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Awaitable, Callable, Hashable, Iterator
from pathlib import Path
from typing import Any

import redis

from mrcore.model import base, plans
from mrcore.model import ref as refs
from mrcore.sources import base as source_base
from tests import restartable, servers, waiting
from tests.contract import rig

NODE = "redis/node/main"
_WAKES = ("redis.unpause", "redis.script_kill")

ODD = (b"a/b%c?d e\xff", b"", b"\x00\n", "ключ".encode())


class Redis(rig.Rig):
    kind = "redis"
    acts = ("key.delete", *_WAKES)

    def __init__(self, folder: Path) -> None:
        self._turns = itertools.count(1)
        self._scripts: list[threading.Thread] = []
        self.server = restartable.Valkey(folder)
        self.server.start()
        self._populate()

    def close(self) -> None:
        with contextlib.suppress(redis.RedisError):  # it may have ended
            self._wake()
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
        """A list, a string and a hash, of which two expire, with names that are no text.

        Or the server itself, paused or busy with a script.
        """
        self._wake()
        if action in _WAKES:
            self._hold(action)
            return rig.Deed(action, (NODE,), moved_on=NODE)
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

    def _wake(self) -> None:
        """Let the server go on, whatever keeps it from that."""
        with self._client() as client, contextlib.suppress(redis.ResponseError):
            client.execute_command("SCRIPT", "KILL")
        for script in self._scripts:
            script.join()
        self._scripts.clear()
        with self._client() as client:
            client.execute_command("CLIENT", "UNPAUSE")

    def _hold(self, action: base.ActionId) -> None:
        with self._client() as client:
            if action == "redis.unpause":
                client.execute_command("CLIENT", "PAUSE", 600_000, "WRITE")
                return
            client.config_set("busy-reply-threshold", 1)
        script = threading.Thread(target=self._spin)
        script.start()
        self._scripts.append(script)
        while not self._busy():
            pass

    def _spin(self) -> None:
        with self._client() as client, contextlib.suppress(redis.ResponseError):
            client.eval("while true do end", 0)

    def _busy(self) -> bool:
        with self._client() as client:
            try:
                client.ping()
            except redis.ResponseError:
                return True
        return False

    def _kept(self, action: base.ActionId) -> Hashable:
        """What keeps the server from going on."""
        if action == "redis.script_kill" or self._busy():
            return self._busy()
        with self._client() as client:
            return str(client.info("clients")["paused_actions"])

    async def move_on(self, deed: rig.Deed) -> None:
        if deed.action in _WAKES:
            self._wake()
            return
        with self._client() as client:
            client.rpush(_name(deed.moved_on), "one more")

    async def state(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """DUMP and the instant at which it expires."""
        if action in _WAKES:
            return self._kept(action)
        with self._client() as client:
            return client.dump(_name(ref)), client.pexpiretime(_name(ref))

    async def facts(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """Not when it expires, but whether: a TTL that is renewed is the same key still."""
        if action in _WAKES:
            return self._kept(action)
        with self._client() as client:
            return client.dump(_name(ref)), client.pexpiretime(_name(ref)) >= 0

    def churn(self, action: base.ActionId) -> rig.Churn:
        return {"goes on": self._goes_on} if action in _WAKES else self._churn_of_keys()

    async def _goes_on(self, ref: base.Ref) -> None:
        self._wake()

    def _churn_of_keys(self) -> rig.Churn:
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
