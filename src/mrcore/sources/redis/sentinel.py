"""The primary of a service, as Sentinels tell it; followed when they choose another."""

from __future__ import annotations

import asyncio
from typing import Any

from redis import exceptions

from mrcore.sources.redis import address, connection

ASK_S = 1.0
"""How long one Sentinel may take before the next one is asked."""

LOOK_S = 1.0


class Client(connection.Client):
    """The connection to a primary, ended when it is none any more."""

    def __init__(self, to: connection.Client, place: address.Address, node: address.Node) -> None:
        super().__init__(to.connection)
        self._place = place
        self._node = node
        self._watch = asyncio.create_task(self._follow())

    async def ask(self, *commands: connection.Command) -> list[connection.Reply]:
        """As of one server; one that has become a replica meanwhile is left."""
        said = await super().ask(*commands)
        if any(isinstance(reply, exceptions.ReadOnlyError) for reply in said):
            self.abort()
        return said

    async def close(self) -> None:
        self._watch.cancel()
        await super().close()

    async def _follow(self) -> None:
        """End the connection when the Sentinels name another primary: this one may hang for ever.

        Sentinels that do not answer change nothing: the primary does without them.
        """
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                now = await find(self._place)
            except (exceptions.RedisError, OSError):
                continue
            if now != self._node:
                self.abort()
                return


async def open_primary(place: address.Address, timeout_s: float) -> Client:
    """Connect to the primary that the Sentinels name. Raises redis' errors and OSError."""
    node = await find(place)
    opened = await connection.to(node, place.options, timeout_s)
    try:
        (role,) = await opened.ask(("ROLE",))
    except BaseException:
        await opened.close()
        raise
    if isinstance(role, list) and role[0] != b"master":
        await opened.close()
        raise exceptions.ConnectionError(
            f"the Sentinels name {node} as the primary of {place.service!r}, and it is a replica"
        )
    return Client(opened, place, node)


async def find(place: address.Address) -> address.Node:
    """The primary, as the first Sentinel says that answers.

    Raises ConnectionError with what each of them answered.
    """
    told: list[str] = []
    for node in place.nodes:
        try:
            async with asyncio.timeout(ASK_S):
                found = await _ask(node, place)
        except TimeoutError:
            told.append(f"{node}: no answer")
        except (exceptions.RedisError, OSError) as error:
            told.append(f"{node}: {str(error).removeprefix(f'{node}: ').rstrip('.')}")
        else:
            return found
    raise exceptions.ConnectionError(
        f"no Sentinel names the primary of {place.service!r}: {'; '.join(told)}"
    )


async def _ask(node: address.Node, place: address.Address) -> address.Node:
    try:
        sentinel = await connection.to(node, place.sentinel_options, ASK_S)
        try:
            (said,) = await sentinel.ask(("SENTINEL", "GET-MASTER-ADDR-BY-NAME", place.service))
            services = (await sentinel.ask(("SENTINEL", "MASTERS")))[0] if said is None else ()
        finally:
            await sentinel.close()
    except exceptions.AuthenticationError as error:
        what = "is wrong" if "password" in place.sentinel_options else "is missing"
        raise exceptions.AuthenticationError(
            f"its own password {what}: add ?sentinel_password=… to the URL"
        ) from error
    if isinstance(said, Exception):
        words = "this is no Sentinel" if "unknown command" in str(said) else str(said)
        raise exceptions.ResponseError(words)
    if not isinstance(said, list):
        raise exceptions.ResponseError(f"it watches {_names(services) or 'nothing'}")
    return address.Node(said[0].decode(), int(said[1]))


def _names(services: Any) -> str:
    """The services that a Sentinel watches."""
    if not isinstance(services, list):
        return "others"
    return ", ".join(one[one.index(b"name") + 1].decode("utf-8", "replace") for one in services)
