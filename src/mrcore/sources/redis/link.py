"""How a Redis connection is opened; commands in, raw replies out."""

from __future__ import annotations

import socket
from typing import Any, TypeAlias

import redis.asyncio.connection as wire
from pydantic import Field, SecretStr, field_validator
from redis import exceptions

from mrcore import errors, settings
from mrcore.sources import kept
from mrcore.sources.redis import replies


class Settings(settings.SourceSettings):
    """Where Redis is, for every source that reads one."""

    url: SecretStr = Field(description="redis://user:password@host:port/database, or rediss://")

    @field_validator("url")
    @classmethod
    def _is_url(cls, value: SecretStr) -> SecretStr:
        try:  # what redis-py can read
            wire.parse_url(value.get_secret_value())
        except ValueError:
            raise ValueError("must begin with redis://, rediss:// or unix://") from None
        return value


Reply: TypeAlias = Any
"""bytes, int, None, a list of replies, or the ResponseError that the server answered."""

Command: TypeAlias = tuple[str | bytes | int, ...]

_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}

_HELLO: tuple[tuple[str, Command, str], ...] = (
    ("CLIENT SETNAME", ("mrcore",), "our connections have no name in CLIENT LIST"),
    ("CLIENT NO-TOUCH", ("ON",), "looking at a key counts as using it (LRU, LFU)"),
)


class Client:
    """One connection; `missing` says what this login or this server version does not give.

    `expiry` is PEXPIRETIME, an instant, or PTTL on a server before 7.0.
    """

    def __init__(self, connection: wire.AbstractConnection) -> None:
        self.connection = connection
        self.missing: dict[str, str] = {}
        self.expiry = "PEXPIRETIME"

    async def ask(self, *commands: Command) -> list[Reply]:
        """Send all at once and read every reply, in order; an error reply is a value."""
        connection = self.connection
        await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        if connection._reader is None:
            raise exceptions.ConnectionError(replies.CLOSED)
        return await replies.read(connection._reader, len(commands))

    async def introduce(self) -> None:
        """Say who we are and ask not to be counted as a user of the keys, where that is allowed."""
        *said, expiry = await self.ask(
            *((*name.split(), *args) for name, args, _ in _HELLO),
            ("PEXPIRETIME", "mr:canary:core"),
        )
        if isinstance(expiry, Exception) and "unknown command" in str(expiry):
            self.expiry = "PTTL"
        for (name, _, loss), reply in zip(_HELLO, said, strict=True):
            if isinstance(reply, Exception):
                self.missing[name] = f"{needs(reply, name)}: {loss}"


class Link:
    """Opens connections to one server; without the library's timeouts, `kept` has the deadlines."""

    failures: tuple[type[Exception], ...] = (exceptions.RedisError, OSError)

    def __init__(self, url: SecretStr) -> None:
        self._url = url

    async def open(self) -> Client:
        """Connect, log in and choose the database.

        Raises Unreachable, NoSlot or NotPermitted.
        """
        connection = _make(self._url.get_secret_value())
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            client = Client(connection)
            await client.introduce()
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if isinstance(error, self.failures):
                raise self.explain(error) from error
            raise
        return client

    def lost(self, connection: Client) -> bool:
        """Also when the server closed it while nobody read, which redis-py does not notice."""
        reader = connection.connection._reader
        return reader is None or reader.at_eof() or reader.exception() is not None

    async def close(self, connection: Client) -> None:
        await connection.connection.disconnect(nowait=True)

    def explain(self, error: Exception) -> errors.SourceError:
        """The sentence for a failure."""
        words = str(error).strip().rstrip(".")
        match error:
            case exceptions.ConnectionError() if "max number of clients" in words:
                return kept.NoSlot("Redis has no connection left for us: maxclients is reached.")
            case exceptions.AuthenticationError() | exceptions.NoPermissionError():
                return errors.NotPermitted(f"Redis refused: {words}.")
            case exceptions.BusyLoadingError():
                return errors.Unreachable("Redis is loading its data and answers nothing yet.")
            case exceptions.ConnectionError() | exceptions.TimeoutError() | OSError():
                return errors.Unreachable(f"Redis cannot be reached: {words or 'no answer'}.")
        return errors.SourceError(f"Redis answered with an error: {words}.")


def login(url: SecretStr) -> str:
    """Who logs in with a URL."""
    return str(wire.parse_url(url.get_secret_value()).get("username") or "default")


def needs(reply: Exception, command: str) -> str:
    """What to grant for a refused command (`needs +client|no-touch`), or what the server said."""
    if isinstance(reply, exceptions.NoPermissionError):
        if "key" in str(reply) and "command" not in str(reply):
            return f"needs a key pattern that covers what {command} touches"
        return f"needs +{command.lower().replace(' ', '|')}"
    return f"{command} is not available ({str(reply).rstrip('.')})"


def _make(url: str) -> wire.AbstractConnection:
    options: dict[str, Any] = dict(wire.parse_url(url))
    make = options.pop("connection_class", wire.Connection)
    options.update(
        protocol=2,
        decode_responses=False,
        driver_info=None,
        health_check_interval=0,
        socket_timeout=None,
        socket_connect_timeout=kept.OPEN_S,
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
