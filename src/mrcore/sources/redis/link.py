"""How Redis is connected to, from a setting: one server, through Sentinels, or a Cluster."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from pydantic import Field, SecretStr, field_validator
from redis import exceptions

from mrcore import errors, settings
from mrcore.sources import kept
from mrcore.sources.redis import address, cluster, connection, sentinel

Reply: TypeAlias = connection.Reply
Command: TypeAlias = connection.Command
Client: TypeAlias = connection.Client
needs = connection.needs

_DENIED = re.compile(r"permissions to run the '([\w|-]+)' command")


class Settings(settings.SourceSettings):
    """Where Redis is, for every source that reads one."""

    url: SecretStr = Field(
        description="redis://user:password@host:port/database, rediss:// or unix://; "
        "redis+sentinel://host:port,host:port/service/database; "
        "or redis+cluster://host:port,host:port (BullMQ and keys; RQ and huey run on none)"
    )

    @field_validator("url")
    @classmethod
    def _is_url(cls, value: SecretStr) -> SecretStr:
        address.parse(value.get_secret_value())
        return value


class Refused(errors.Unreachable):
    """Nothing listens where Redis should be."""


class Loading(errors.Unreachable):
    """It has begun anew and reads its data: it answers soon."""


class Link:
    """Opens connections; without the library's timeouts, `kept` has the deadlines.

    `alone` is an engine that does not run on a Cluster: none is opened for it.
    """

    failures: tuple[type[Exception], ...] = (exceptions.RedisError, OSError)

    def __init__(self, url: SecretStr, *, alone: str = "") -> None:
        self._place = address.parse(url.get_secret_value())
        self._alone = alone

    @property
    def bare(self) -> dict[str, Any] | None:
        """Where it is, without a login, which a server that is paused would not answer.

        None where there are several servers.
        """
        if self._place.way is not address.Way.ONE:
            return None
        login = ("username", "password", "db", "credential_provider")
        return {name: value for name, value in self._place.options.items() if name not in login}

    async def open(self) -> Client:
        """Connect, log in and choose the database.

        Raises Unreachable, NoSlot, NotPermitted, and Unsupported for what runs on no Cluster.
        """
        try:
            match self._place.way:
                case address.Way.CLUSTER:
                    if self._alone:
                        raise _no_cluster(self._alone)
                    return await cluster.open_all(self._place, kept.OPEN_S)
                case address.Way.SENTINEL:
                    client: Client = await sentinel.open_primary(self._place, kept.OPEN_S)
                case address.Way.ONE:
                    client = await connection.connect(self._place.options)
            client.has_all_keys = True
            try:
                await client.introduce()
                await self._check(client)
            except BaseException:
                await client.close()
                raise
        except self.failures as error:
            raise self.explain(error) from error
        return client

    async def _check(self, client: Client) -> None:
        """That this is not one of several nodes with a part of the keys each.

        A login that may not ask finds out when a command is sent elsewhere (MOVED).
        """
        (said,) = await client.ask(("CLUSTER", "INFO"))
        words = said.decode("utf-8", "replace").split() if isinstance(said, bytes) else []
        size = next((word for word in words if word.startswith("cluster_size:")), "")
        if size.rpartition(":")[2] not in ("", "0", "1"):
            raise _no_cluster(self._alone) if self._alone else _one_node()

    def lost(self, connection: Client) -> bool:
        """Whether nothing more will come from it."""
        return connection.lost

    async def close(self, connection: Client) -> None:
        await connection.close()

    def explain(self, error: Exception) -> errors.SourceError:
        """The sentence for a failure."""
        words = str(error).strip().rstrip(".")
        match error:
            case exceptions.ConnectionError() if "max number of clients" in words:
                return kept.NoSlot("Redis has no connection left for us: maxclients is reached.")
            case exceptions.AuthenticationError() | exceptions.NoPermissionError():
                wanted = _DENIED.search(words)
                fix = f"ACL SETUSER {self._place.login} +{wanted[1]}" if wanted else ""
                return errors.NotPermitted(f"Redis refused: {words}.", fix=fix)
            case exceptions.BusyLoadingError():
                return Loading("Redis is loading its data and answers nothing yet.")
            case exceptions.ClusterDownError() | exceptions.TryAgainError():
                return errors.Unreachable(f"The Cluster does not serve all keys now: {words}.")
            case exceptions.MovedError():
                return _no_cluster(self._alone) if self._alone else _one_node()
            case exceptions.ConnectionError() | OSError() if _refused(error):
                return Refused(f"Redis cannot be reached: {words}.")
            case exceptions.ConnectionError() | exceptions.TimeoutError() | OSError():
                return errors.Unreachable(f"Redis cannot be reached: {words or 'no answer'}.")
        return errors.SourceError(f"Redis answered with an error: {words}.")


def _refused(error: Exception) -> bool:
    """Whether nothing listens there; a socket file that is not there is the same."""
    causes = (error, error.__cause__, error.__context__)
    return any(isinstance(one, ConnectionRefusedError | FileNotFoundError) for one in causes)


def login(url: SecretStr) -> str:
    """Who logs in with a URL."""
    return address.parse(url.get_secret_value()).login


def _no_cluster(engine: str) -> errors.Unsupported:
    return errors.Unsupported(
        f"{engine} does not run on a Redis Cluster: its keys lie in many slots.",
        fix="Name the Redis that it uses: redis://host:port, or redis+sentinel:// for Sentinels.",
    )


def _one_node() -> errors.Unsupported:
    return errors.Unsupported(
        "This Redis is one node of a Cluster and has only a part of the keys.",
        fix="Write its address as redis+cluster://host:port.",
    )
