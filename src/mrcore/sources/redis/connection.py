"""One connection to one server: commands in, raw replies out."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import redis.asyncio.connection as wire
from redis import _parsers, exceptions

from mrcore.sources import kept
from mrcore.sources.redis import address, replies

Reply: TypeAlias = Any
"""bytes, int, None, a list of replies, or the ResponseError that the server answered."""

Command: TypeAlias = tuple[str | bytes | int, ...]

_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}

_HELLO: tuple[tuple[str, Command, str], ...] = (
    ("CLIENT SETNAME", ("mrcore",), "our connections have no name in CLIENT LIST"),
    ("CLIENT NO-TOUCH", ("ON",), "looking at a key counts as using it (LRU, LFU)"),
)

_CANARY = "mr:canary:core"


class Client:
    """One connection; `missing` says what this login or this server version does not give.

    `expiry` is PEXPIRETIME, an instant, or PTTL on a server before 7.0. `canaries` are the keys
    whose writing proves that each server takes writes.
    """

    canaries: tuple[str, ...] = (_CANARY,)
    has_all_keys = False
    """Whether a key that is said to be elsewhere (MOVED) is a mistake of the settings."""
    is_cluster: ClassVar[bool] = False

    def __init__(self, connection: wire.AbstractConnection) -> None:
        self.connection = connection
        self.missing: dict[str, str] = {}
        self.expiry = "PEXPIRETIME"
        self._replies: replies.Replies | None = None
        self._out_of_step = False

    @property
    def lost(self) -> bool:
        """Also when the server closed it while nobody read, which redis-py does not notice."""
        reader = self.connection._reader
        return (
            self._out_of_step or reader is None or reader.at_eof() or reader.exception() is not None
        )

    async def close(self) -> None:
        """At once, without a goodbye."""
        await self.connection.disconnect(nowait=True)

    def abort(self) -> None:
        """End it under whoever waits for an answer: he is told that the connection is closed."""
        if (writer := self.connection._writer) is not None:
            writer.transport.abort()

    async def ask(self, *commands: Command) -> list[Reply]:
        """Send all at once and read every reply, in order; an error reply is a value.

        Where not all were read the connection ends: the next question would get their answers.
        """
        await self.connection.send_packed_command([_packed(commands)], check_health=False)
        try:
            found = await self._read().read(len(commands))
        except exceptions.ConnectionError:
            raise  # all were read, or it has ended
        except BaseException:
            self._out_of_step = True
            self.abort()
            raise
        if self.has_all_keys:
            for reply in found:
                if isinstance(reply, exceptions.MovedError):
                    raise reply
        return found

    def follow(self) -> AsyncIterator[Reply]:
        """Each reply as it comes, where the server tells things without being asked.

        Raises ConnectionError.
        """
        return self._read().follow()

    def _read(self) -> replies.Replies:
        """What reads this connection, and has read its last replies."""
        reader = self.connection._reader
        if reader is None:
            raise exceptions.ConnectionError(replies.CLOSED)
        if self._replies is None or self._replies.stream is not reader:
            self._replies = replies.Replies(reader)
        return self._replies

    async def introduce(self) -> None:
        """Say who we are and ask not to be counted as a user of the keys, where that is allowed."""
        *said, expiry = await self.ask(
            *((*name.split(), *args) for name, args, _ in _HELLO),
            ("PEXPIRETIME", _CANARY),
        )
        if isinstance(expiry, Exception) and "unknown command" in str(expiry):
            self.expiry = "PTTL"
        for (name, _, loss), reply in zip(_HELLO, said, strict=True):
            if isinstance(reply, Exception):
                self.missing[name] = f"{needs(reply, name)}: {loss}"


def needs(reply: Exception, command: str) -> str:
    """What to grant for a refused command (`needs +client|no-touch`), or what the server said."""
    if isinstance(reply, exceptions.NoPermissionError):
        if "key" in str(reply) and "command" not in str(reply):
            return f"needs a key pattern that covers what {command} touches"
        return f"needs +{command.lower().replace(' ', '|')}"
    return f"{command} is not available ({str(reply).rstrip('.')})"


def _packed(commands: Sequence[Command]) -> bytes:
    """Commands as the wire has them: redis-py takes longer for it than Redis for its answer.

    A name of two words (`CLIENT NO-TOUCH`) is two words on the wire.
    """
    parts = []
    for name, *words in commands:
        names = name.split() if isinstance(name, str) else [name]
        parts.append(b"*%d\r\n" % (len(names) + len(words)))
        for word in (*names, *words):
            data = word if isinstance(word, bytes) else str(word).encode()
            parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


async def connect(options: Mapping[str, Any], timeout_s: float = kept.OPEN_S) -> Client:
    """Connect, log in and choose the database.

    Raises redis' errors and OSError.
    """
    connection = _make(options, timeout_s)
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    return Client(connection)


async def to(node: address.Node, options: Mapping[str, Any], timeout_s: float) -> Client:
    """Connect to one of several servers; what goes wrong says with which."""
    try:
        return await connect({**options, "host": node.host, "port": node.port}, timeout_s)
    except (exceptions.AuthenticationError, exceptions.NoPermissionError):
        raise
    except exceptions.ConnectionError as error:
        if "max number of clients" in str(error):
            raise
        raise exceptions.ConnectionError(f"{node}: {error}") from error
    except (exceptions.RedisError, OSError) as error:
        raise exceptions.ConnectionError(f"{node}: {error}") from error


def _make(given: Mapping[str, Any], timeout_s: float) -> wire.AbstractConnection:
    """Without the library's timeouts: `kept` has the deadlines.

    Its parser takes no byte more than the replies to its own greeting: the rest is for `replies`.
    """
    options = dict(given)
    make = options.pop("connection_class", wire.Connection)
    options.update(
        protocol=2,
        parser_class=_parsers._AsyncRESP2Parser,
        decode_responses=False,
        driver_info=None,
        health_check_interval=0,
        socket_timeout=None,
        socket_connect_timeout=timeout_s,
    )
    if "path" not in options:
        options["socket_keepalive"] = True
        options["socket_keepalive_options"] = {
            getattr(socket, name): value
            for name, value in _KEEPALIVE.items()
            if hasattr(socket, name)
        }
    connection: wire.AbstractConnection = make(**options)
    return connection
