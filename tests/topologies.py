"""Several Valkeys that belong together: a primary with a replica and a Sentinel, and a Cluster."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis

from mrcore.stack import services
from tests import restartable

SERVICE = "queues"
SLOTS = 16_384


class Node(restartable.Server):
    """One Valkey with more options; `kill` is its crash."""

    def __init__(self, folder: Path, name: str, *extra: str) -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.port = services.free_port()
        made = services.valkey(self.port, self.folder)
        service = services.Service((*made.argv, *extra), made.stop, made.before_exec)
        super().__init__(service, folder / f"{name}.log", self._ping, signal.SIGKILL)

    def ask(self, *command: object) -> Any:
        """One command, past every client that follows redirections."""
        return _raw(self.port, *command)

    def _ping(self) -> None:
        self.ask("PING")


class Sentinel(restartable.Server):
    """One Sentinel, which decides by itself."""

    def __init__(self, folder: Path, primary: Node) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = services.free_port()
        config = folder / "sentinel.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 300\n"
            f"sentinel failover-timeout {SERVICE} 2000\n"
        )
        argv = (str(services.valkey_bin()), str(config), "--sentinel")
        before = services.valkey(self.port, folder).before_exec
        service = services.Service(argv, signal.SIGTERM, before)
        super().__init__(service, folder / "sentinel.log", self._knows, signal.SIGKILL)

    def ask(self, *command: object) -> Any:
        """One command."""
        return _raw(self.port, *command)

    def primary(self) -> int:
        """The port of the primary that it names."""
        return int(_raw(self.port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1])

    def _knows(self) -> None:
        """Raises until it knows the replica: before that it can choose none."""
        if not _raw(self.port, "SENTINEL", "REPLICAS", SERVICE):
            raise redis.RedisError("it knows no replica yet")


class Watched:
    """A primary, its replica and their Sentinel."""

    def __init__(self, folder: Path) -> None:
        fast = ("--repl-diskless-sync-delay", "0")
        self.first = Node(folder, "first", *fast)
        self.second = Node(folder, "second", *fast, "--replicaof", f"127.0.0.1 {self.first.port}")
        self.sentinel = Sentinel(folder / "sentinel", self.first)
        self.servers = (self.first, self.second, self.sentinel)

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{SERVICE}"


class Cluster:
    """Three primaries with a third of the slots each."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [self.node(folder, f"node{number}") for number in range(3)]

    def node(self, folder: Path, name: str) -> Node:
        """One that belongs to nobody yet; not started."""
        return Node(
            folder,
            name,
            *("--cluster-enabled", "yes", "--cluster-node-timeout", "1000"),
            *("--cluster-port", str(services.free_port())),
            *("--repl-diskless-sync-delay", "0"),
        )

    @property
    def url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.nodes[0].port}"

    def client(self) -> Any:
        """redis-py's own; close it."""
        return redis.RedisCluster(host="127.0.0.1", port=self.nodes[0].port)

    def form(self) -> None:
        """Share the slots, and wait until every node serves them."""
        bounds = [SLOTS * number // 3 for number in range(4)]
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.ask("CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        for node in self.nodes[1:]:
            self.meet(node)
        for node in self.nodes:
            _wait(lambda node=node: self.whole(node))  # type: ignore[misc]

    def meet(self, node: Node) -> None:
        """Take one in; the others hear of it."""
        bus = int(node.ask("CONFIG", "GET", "cluster-port")[1])
        self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, bus)

    def move(self, slot: int, source: Node, target: Node) -> None:
        """Give an empty slot to another primary; everybody else learns of it by asking."""
        name = self.begin(slot, source, target)
        target.ask("CLUSTER", "SETSLOT", slot, "NODE", name)
        source.ask("CLUSTER", "SETSLOT", slot, "NODE", name)

    def begin(self, slot: int, source: Node, target: Node) -> str:
        """Begin to move a slot: keys that have gone are asked for at the target. Its name there."""
        name, own = (node.ask("CLUSTER", "MYID").decode() for node in (target, source))
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", own)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", name)
        return str(name)

    def whole(self, node: Node) -> bool:
        """Whether it serves, and knows of all primaries."""
        told = node.ask("CLUSTER", "INFO").decode().split()
        return {"cluster_state:ok", "cluster_size:3"} <= set(told)


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """A primary, its replica and their Sentinel, all ready for a failover."""
    made = Watched(folder)
    with contextlib.ExitStack() as stack:
        stack.enter_context(restartable.running(made.first))
        stack.enter_context(restartable.running(made.second))
        _wait(lambda: b"master_link_status:up" in made.second.ask("INFO", "replication"))
        stack.enter_context(restartable.running(made.sentinel))
        yield made


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Three primaries that serve all slots."""
    made = Cluster(folder)
    with contextlib.ExitStack() as stack:
        for node in made.nodes:
            stack.callback(node.close)
            node.spawn()
        for node in made.nodes:
            node.wait()
        made.form()
        yield made


@contextlib.contextmanager
def replica(of: Cluster, folder: Path) -> Iterator[Node]:
    """A replica of the last primary, in step with it."""
    last = of.nodes[-1]
    made = of.node(folder, "replica")
    with restartable.running(made):
        of.meet(made)
        name = last.ask("CLUSTER", "MYID")
        _wait(lambda: name in made.ask("CLUSTER", "NODES") and of.whole(made))
        made.ask("CLUSTER", "REPLICATE", name)
        _wait(lambda: b"master_link_status:up" in made.ask("INFO", "replication"))
        _wait(lambda: all(name in _replicas(node, name) for node in of.nodes))
        yield made


def _replicas(node: Node, primary: bytes) -> bytes:
    """What a node knows of the replicas of a primary."""
    return b" ".join(node.ask("CLUSTER", "REPLICAS", primary))


def _raw(port: int, *command: object) -> Any:
    """A command's reply as it came: redis-py would make other things of some."""
    connection = redis.Connection(port=port, protocol=2)
    try:
        connection.send_command(*command)
        return connection.read_response()
    finally:
        connection.disconnect()


def _wait(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the servers did not come together"
        time.sleep(0.02)
