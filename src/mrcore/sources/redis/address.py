"""Where a Redis is, from its URL: one server, Sentinels that know the primary, or a Cluster. Pure.

`redis://user:password@host:port/database`, `rediss://…` and `unix://…` are as redis-py reads them.
`redis+sentinel://user:password@host:port,host:port/service/database?sentinel_password=…` has the
login of the servers; the Sentinels' own is in the query. `redis+cluster://user:password@host:port,
host:port` names some nodes of a Cluster. With `rediss+…` all of them speak TLS; other options in
the query are redis-py's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlencode

import redis.asyncio.connection as wire

FORMS = (
    "redis://, rediss:// or unix://, redis+sentinel://host:port,host:port/service, "
    "or redis+cluster://host:port,host:port"
)
_PORTS = {"sentinel": 26379, "cluster": 6379}
_OWN = ("sentinel_username", "sentinel_password")


class Way(StrEnum):
    """How the server to talk to is found."""

    ONE = "one"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


class Node(NamedTuple):
    """A host and its port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Address:
    """`nodes` are asked where the servers are; `options` are a connection's arguments, secret."""

    way: Way
    options: Mapping[str, Any] = field(repr=False)
    nodes: tuple[Node, ...] = ()
    service: str = ""
    sentinel_options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def login(self) -> str:
        """Who logs in."""
        return str(self.options.get("username") or "default")

    def at(self, node: Node) -> dict[str, Any]:
        """Arguments of a connection to a server."""
        return {**self.options, "host": node.host, "port": node.port}


Read = Callable[[str], Mapping[str, Any]]


def parse(url: str, read: Read = wire.parse_url) -> Address:
    """Read a URL; `read` is redis-py's, for asyncio or not: its connections are of that kind.

    Raises ValueError with what is wrong and what to write; never with what is secret in it.
    """
    scheme, _, rest = url.partition("://")
    plain, _, way = scheme.partition("+")
    if way not in _PORTS or plain not in ("redis", "rediss"):
        return Address(Way.ONE, _options(read, url))
    place, _, query = rest.partition("?")
    hosts, *path = place.split("/")
    login, _, hosts = hosts.rpartition("@")
    nodes = tuple(_node(text, _PORTS[way]) for text in hosts.split(","))
    own, query = _split(query)
    servers = f"{plain}://{login}@host" if login else f"{plain}://host"
    if way == "cluster":
        if any(part not in ("", "0") for part in path):
            raise ValueError("a Cluster has only database 0: leave out what follows the nodes")
        return Address(Way.CLUSTER, _common(read, f"{servers}/0?{query}"), nodes)
    service, database = (*path, "", "")[:2]
    if not service or len(path) > 2:
        raise ValueError(
            "must name the service that the Sentinels watch: "
            "redis+sentinel://host:port,host:port/service or …/service/database"
        )
    if database and not database.isdecimal():
        raise ValueError("has a database that is no number: redis+sentinel://host:port/service/0")
    sentinels = _common(read, f"{plain}://host?{query}")
    sentinels |= {name.removeprefix("sentinel_"): value for name, value in own.items()}
    options = _common(read, f"{servers}/{database or 0}?{query}")
    return Address(Way.SENTINEL, options, nodes, unquote(service), sentinels)


def _options(read: Read, url: str) -> dict[str, Any]:
    """What redis-py reads; its own words may have a secret in them and are not told."""
    try:
        return dict(read(url))
    except ValueError:
        raise ValueError(f"must be {FORMS}, with valid ports and options") from None


def _common(read: Read, url: str) -> dict[str, Any]:
    """What all servers have in common: not the host."""
    return {name: value for name, value in _options(read, url).items() if name != "host"}


def _node(text: str, port: int) -> Node:
    """`host`, `host:port` or `[address]:port`."""
    host, bracket, said = text.rpartition("]")
    if bracket:
        host, said = host.removeprefix("["), said.removeprefix(":")
    else:
        host, _, said = text.partition(":")
    if not host or (said and not (said.isdecimal() and 0 < int(said) < 65536)):
        raise ValueError("must have its hosts as host:port,host:port, an IPv6 address in brackets")
    return Node(host, int(said) if said else port)


def _split(query: str) -> tuple[dict[str, str], str]:
    """The Sentinels' own login, and the options of all connections."""
    options = parse_qs(query, keep_blank_values=True)
    own = {name: options.pop(name)[0] for name in _OWN if name in options}
    return own, urlencode(options, doseq=True)
