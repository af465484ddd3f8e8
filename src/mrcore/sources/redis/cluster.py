"""A Redis Cluster as one connection: each command goes to the primary that has its key."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from redis import exceptions

from mrcore.sources.redis import address, connection, slots

ASK_S = 1.0
LOOK_S = 2.0
MOST_HOPS = 5
TRY_AGAIN_S = 0.05

_REDIRECTS = (exceptions.MovedError, exceptions.AskError, exceptions.TryAgainError)
_AWAY = (exceptions.ClusterDownError, exceptions.TryAgainError, exceptions.MasterDownError)
_SCRIPTS = frozenset({"EVAL", "EVALSHA"})


@dataclass
class _Said:
    """A command, what each server that got it answered, and whether it may be sent elsewhere."""

    command: connection.Command
    moves: bool
    replies: dict[address.Node, connection.Reply] = field(default_factory=dict)


_Sent = tuple[_Said, connection.Command]


class Client(connection.Client):
    """A connection to every primary; together they are lost and closed as one.

    Commands of one call keep their order at each server, not between servers.
    """

    is_cluster: ClassVar[bool] = True

    def __init__(
        self, place: address.Address, known: slots.Map, links: dict[address.Node, connection.Client]
    ) -> None:
        first = links[known.primaries[0]]
        super().__init__(first.connection)
        self.missing, self.expiry = first.missing, first.expiry
        self.map = known
        self._place = place
        self._links = links
        self._name_canaries()
        self._watching = known.primaries[0]
        self._in_transaction = False
        self._watch = asyncio.create_task(self._follow())

    @property
    def lost(self) -> bool:
        return any(link.lost for link in self._links.values())

    async def close(self) -> None:
        self._watch.cancel()
        for link in self._links.values():
            await link.close()

    def abort(self) -> None:
        for link in self._links.values():
            link.abort()

    async def ask(self, *commands: connection.Command) -> list[connection.Reply]:
        """Every reply in the order of the commands; an error reply is a value.

        Raises ClusterDownError, TryAgainError and MasterDownError for what reads: nothing there
        would be taken for an answer.
        """
        known, said, parts = self.map, list[_Said](), dict[address.Node, list[_Sent]]()
        for command in commands:
            one = _Said(command, moves=not self._in_transaction)
            said.append(one)
            try:
                for node, own in self._where(command):
                    parts.setdefault(node, []).append((one, own))
            except exceptions.ResponseError as error:
                one.replies[known.primaries[0]] = error
        for node, replies in await self._send(parts):
            for (one, _), reply in zip(parts[node], replies, strict=True):
                one.replies[node] = reply
        return [await self._settle(one, known) for one in said]

    async def ask_each(self, command: connection.Command) -> dict[address.Node, connection.Reply]:
        """What every primary answers to a command without a key."""
        one = _Said(command, moves=False)
        sent = {node: [(one, command)] for node in self.map.primaries}
        return {node: replies[0] for node, replies in await self._send(sent)}

    def _where(
        self, command: connection.Command
    ) -> Sequence[tuple[address.Node, connection.Command]]:
        """Which servers get what."""
        name = slots.name_of(command)
        if slots.everywhere(command):
            return [(node, command) for node in self.map.primaries]
        if name == "SCAN":
            return [slots.scan_at(command, self.map)]
        if name in slots.TRANSACTION or self._in_transaction:
            if name in slots.TRANSACTION:
                self._in_transaction = name == "MULTI"
            return [(self._watching, command)]
        slot = slots.slot(command)
        if slot is None:
            return [(self.map.primaries[0], command)]
        node = self.map.owner(slot)
        if name == "WATCH":
            self._watching = node
        return [(node, command)]

    async def _send(
        self, parts: Mapping[address.Node, Sequence[_Sent]]
    ) -> list[tuple[address.Node, list[connection.Reply]]]:
        """All servers at once. Raises the first error, when all have answered or failed."""
        asked = (
            self._links[node].ask(*(command for _, command in part)) for node, part in parts.items()
        )
        answers: list[tuple[address.Node, list[connection.Reply]]] = []
        wrong: BaseException | None = None
        for node, found in zip(
            parts, await asyncio.gather(*asked, return_exceptions=True), strict=True
        ):
            if isinstance(found, BaseException):
                wrong = wrong or found
            else:
                answers.append((node, found))
        if wrong is not None:
            raise wrong
        return answers

    async def _settle(self, one: _Said, known: slots.Map) -> connection.Reply:
        """The one reply to a command, after redirections."""
        name = slots.name_of(one.command)
        if slots.everywhere(one.command):
            return slots.merged(one.command, one.replies)
        ((node, reply),) = one.replies.items()
        if name == "SCAN":
            return slots.scanned(reply, node, known)
        # In a transaction nothing is sent elsewhere: there it would be done without its guard.
        if isinstance(reply, _REDIRECTS) and one.moves:
            node, reply = await self._redirected(one.command, node, reply)
            if name == "WATCH":
                self._watching = node
        if isinstance(reply, _AWAY) and name not in _SCRIPTS:
            raise reply
        return reply

    async def _redirected(
        self, command: connection.Command, node: address.Node, reply: connection.Reply
    ) -> tuple[address.Node, connection.Reply]:
        """Follow MOVED and ASK, and wait while a slot is on its way."""
        for _ in range(MOST_HOPS):
            if isinstance(reply, exceptions.MovedError):  # to redis-py a kind of AskError
                node = self._named(reply, node)
                await self._learn(node)
                (reply,) = await (await self._link(node)).ask(command)
            elif isinstance(reply, exceptions.AskError):
                node = self._named(reply, node)
                _, reply = await (await self._link(node)).ask(("ASKING",), command)
            elif isinstance(reply, exceptions.TryAgainError):
                await asyncio.sleep(TRY_AGAIN_S)
                (reply,) = await (await self._link(node)).ask(command)
            else:
                break
        return node, reply

    def _named(self, reply: exceptions.AskError, asked: address.Node) -> address.Node:
        """Where a redirection leads; without a host, to the one that answered."""
        return address.Node(str(reply.host) or asked.host, reply.port)

    async def _link(self, node: address.Node) -> connection.Client:
        if node not in self._links:
            self._links[node] = await _introduced(node, self._place, ASK_S)
        return self._links[node]

    async def _learn(self, node: address.Node) -> None:
        """The slots as they are now, from the server that a key has moved to: it knows first."""
        (reply,) = await (await self._link(node)).ask(("CLUSTER", "SLOTS"))
        if isinstance(reply, list):
            known = slots.read(reply, node)
            for primary in known.primaries:
                await self._link(primary)
            self.map = known
            self._name_canaries()

    def _name_canaries(self) -> None:
        tags = self.map.tags().values()
        self.canaries = tuple(f"{connection.Client.canaries[0]}:{{{tag}}}" for tag in tags)

    async def _follow(self) -> None:
        """End all connections when one of these is no primary any more: it may hang for ever.

        Nodes that do not answer change nothing: the others may still be served.
        """
        while True:
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(exceptions.RedisError, OSError, TimeoutError):
                known, _ = await look(self._place, self._links)
                if not set(self.map.primaries) <= set(known.primaries):
                    self.abort()
                    return


async def open_all(place: address.Address, timeout_s: float) -> Client:
    """Connect to every primary. Raises redis' errors and OSError."""
    known, _ = await look(place, ())
    links: dict[address.Node, connection.Client] = {}
    try:
        for node in known.primaries:
            links[node] = await _introduced(node, place, timeout_s)
    except BaseException:
        for link in links.values():
            await link.close()
        raise
    return Client(place, known, links)


async def look(
    place: address.Address, others: Sequence[address.Node] | Mapping[address.Node, object]
) -> tuple[slots.Map, address.Node]:
    """The slots, as the first node says that answers, and which one that was.

    Raises ConnectionError with what each of them answered.
    """
    told: list[str] = []
    for node in dict.fromkeys((*place.nodes, *others)):
        try:
            async with asyncio.timeout(ASK_S):
                return await _slots(node, place), node
        except TimeoutError:
            told.append(f"{node}: no answer")
        except (exceptions.AuthenticationError, exceptions.NoPermissionError):
            raise
        except (exceptions.RedisError, OSError) as error:
            told.append(f"{node}: {str(error).removeprefix(f'{node}: ').rstrip('.')}")
    raise exceptions.ConnectionError(f"no node of the Cluster answers: {'; '.join(told)}")


async def _slots(node: address.Node, place: address.Address) -> slots.Map:
    asked = await connection.to(node, place.options, ASK_S)
    try:
        (reply,) = await asked.ask(("CLUSTER", "SLOTS"))
    finally:
        await asked.close()
    if isinstance(reply, exceptions.NoPermissionError):
        raise exceptions.NoPermissionError(f"{reply} (needs +cluster|slots)")
    if isinstance(reply, Exception):
        raise exceptions.ConnectionError(
            "this is no node of a Cluster: write redis:// for it"
            if "cluster support disabled" in str(reply)
            else str(reply)
        )
    known = slots.read(reply, node)
    if not known.primaries:
        raise exceptions.ConnectionError("it serves no slots, and knows nobody who does")
    return known


async def _introduced(
    node: address.Node, place: address.Address, timeout_s: float
) -> connection.Client:
    opened = await connection.to(node, place.options, timeout_s)
    try:
        await opened.introduce()
    except BaseException:
        await opened.close()
        raise
    return opened
