"""STUN and TURN, simulated: answers bindings, and opens relays for whoever knows the password.

A relay is a port that is held for its lifetime; nothing is sent through it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import SecretStr
from starlette import requests, responses, routing

from mrcore import errors
from mrcore.sources.meetings import relay, stun

LOG = logging.getLogger("turn")

REALM = "mrmentor.example"
LIFETIME_S = 600
MOST = 200

Peer = tuple[str, int]


@dataclass(frozen=True)
class Account:
    """`TURN_URL TURN_USERNAME TURN_PASSWORD`: where clients are sent, and with what."""

    url: str
    user: str
    password: SecretStr

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Account:
        """Read the environment; without TURN_URL there is none.

        Raises SettingsError when it is no address of a TURN server.
        """
        url = env.get("TURN_URL", "")
        try:
            if url:
                relay.place(url)
        except ValueError as error:
            raise errors.SettingsError(f"TURN_URL: {error}.") from None
        return cls(url, env.get("TURN_USERNAME", ""), SecretStr(env.get("TURN_PASSWORD", "")))


@dataclass
class Server(asyncio.DatagramProtocol):
    """One server for one account; while `down` it hears nothing."""

    account: Account
    clock: Callable[[], float] = time.monotonic
    down: bool = False
    asked: int = 0
    relays: dict[Peer, tuple[int, float]] = field(default_factory=dict)
    """By client: the port that is relayed, and until when."""

    def __post_init__(self) -> None:
        self._nonce = secrets.token_hex(8).encode()
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._transport is not None
        number: int = self._transport.get_extra_info("sockname")[1]
        return number

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        try:
            heard = stun.unpack(data)
        except stun.Malformed:
            return
        if self.down or heard.kind != stun.REQUEST or self._transport is None:
            return
        self.asked += 1
        self._transport.sendto(self.answer(heard, addr[:2]), addr)

    def close(self) -> None:
        """Listen no more."""
        if self._transport is not None:
            self._transport.close()

    def answer(self, heard: stun.Message, peer: Peer) -> bytes:
        """What is said to one request."""
        if heard.method == stun.BINDING:
            return self._yes(heard, {stun.MAPPED: stun.address(*peer, heard.id)})
        if heard.method not in (stun.ALLOCATE, stun.REFRESH):
            return self._no(heard, 400, "Bad Request")
        secret = self._key(heard)
        if secret is None:
            told = {stun.REALM: REALM.encode(), stun.NONCE: self._nonce}
            return self._no(heard, 401, "Unauthorized", told)
        if heard.attributes[stun.NONCE] != self._nonce:
            told = {stun.REALM: REALM.encode(), stun.NONCE: self._nonce}
            return self._no(heard, 438, "Stale Nonce", told)
        if heard.method == stun.REFRESH:
            return self._refresh(heard, peer, secret)
        return self._allocate(heard, peer, secret)

    def _key(self, heard: stun.Message) -> bytes | None:
        """The key with which it was signed; None where it was not, or with another."""
        known = {stun.USERNAME: self.account.user, stun.REALM: REALM}
        if stun.NONCE not in heard.attributes:
            return None
        if any(heard.text(name) != value for name, value in known.items()):
            return None
        password = self.account.password.get_secret_value()
        secret = stun.key(self.account.user, REALM, password)
        return secret if heard.is_signed_by(secret) else None

    def _allocate(self, heard: stun.Message, peer: Peer, secret: bytes) -> bytes:
        now = self.clock()
        self.relays = {who: kept for who, kept in self.relays.items() if kept[1] > now}
        if heard.attributes.get(stun.TRANSPORT) != stun.UDP:
            return self._no(heard, 442, "Unsupported Transport Protocol")
        if peer not in self.relays and len(self.relays) >= MOST:
            return self._no(heard, 486, "Allocation Quota Reached")
        # A question that is put again, because its answer was lost, gets the same one.
        port, _ = self.relays.setdefault(peer, (49152 + secrets.randbelow(16383), now + LIFETIME_S))
        told = {
            stun.RELAYED: stun.address("127.0.0.1", port, heard.id),
            stun.MAPPED: stun.address(*peer, heard.id),
            stun.LIFETIME: LIFETIME_S.to_bytes(4, "big"),
        }
        return self._yes(heard, told, secret)

    def _refresh(self, heard: stun.Message, peer: Peer, secret: bytes) -> bytes:
        wanted_s = int.from_bytes(heard.attributes.get(stun.LIFETIME, b""), "big")
        kept_s = min(wanted_s, LIFETIME_S)
        kept = self.relays.pop(peer, None)
        if kept and kept_s:
            self.relays[peer] = (kept[0], self.clock() + kept_s)
        return self._yes(heard, {stun.LIFETIME: kept_s.to_bytes(4, "big")}, secret)

    def _yes(
        self, heard: stun.Message, told: Mapping[int, bytes], secret: bytes | None = None
    ) -> bytes:
        return stun.pack(stun.Message(heard.method, stun.SUCCESS, heard.id, told), secret)

    def _no(
        self, heard: stun.Message, code: int, reason: str, more: Mapping[int, bytes] | None = None
    ) -> bytes:
        told = {stun.ERROR_CODE: stun.refusal(code, reason), **(more or {})}
        return stun.pack(stun.Message(heard.method, stun.ERROR, heard.id, told))


async def listen(account: Account, *, port: int | None = None) -> Server:
    """Listen where the account says. Raises OSError when the port is taken."""
    loop = asyncio.get_running_loop()
    at = relay.place(account.url)[1] if port is None else port
    _, server = await loop.create_datagram_endpoint(lambda: Server(account), ("127.0.0.1", at))
    LOG.info("STUN and TURN on port %d", server.port)
    return server


def control(servers: Sequence[Server]) -> list[routing.Route]:
    """The simulation's own control of them: `{"turn": "down"}` and `{"turn": "up"}`."""

    async def switch(request: requests.Request) -> responses.Response:
        wanted = (await request.json()).get("turn")
        if wanted not in ("down", "up"):
            return responses.JSONResponse({"message": "turn must be down or up"}, 400)
        for each in servers:
            each.down = wanted == "down"
        LOG.warning("control: STUN and TURN are %s", wanted)
        return responses.JSONResponse({"turn": wanted})

    return [routing.Route("/control/turn", switch, methods=["POST"])]
