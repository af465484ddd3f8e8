"""STUN and TURN asked over UDP, as a browser does before it sends media."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from mrcore.sources.meetings import stun

AGAIN_S = (0.25, 0.5, 1.0)
"""How long an answer is waited for, each time after asking once more (RFC 5389, 7.2.1)."""

PORT = 3478


class Refused(Exception):
    """It does not answer, or not as it should; the sentence says which."""


def place(url: str) -> tuple[str, int]:
    """Host and port of `stun:host:port` or `turn:host:port`. Raises ValueError for anything else.

    TLS and TCP (`turns:`, `?transport=tcp`) are not spoken.
    """
    scheme, _, rest = url.partition(":")
    parts = urlsplit(f"//{rest}")
    if scheme not in ("stun", "turn") or not parts.hostname or parts.path:
        raise ValueError(f"{url!r} is no address of STUN or TURN over UDP: write turn:host:3478")
    if parts.query not in ("", "transport=udp"):
        raise ValueError(f"{url!r} is not over UDP, which is all that is spoken here")
    return parts.hostname, parts.port or PORT


async def bind(url: str) -> str:
    """Ask a STUN server who we are; its answer. Raises Refused."""
    async with _ask(url) as line:
        heard = await line.put(stun.BINDING, {})
        mapped = heard.address(stun.MAPPED) if heard.kind == stun.SUCCESS else None
        if mapped is None:
            raise Refused(_said(heard))
        return f"sees us at {mapped[0]}:{mapped[1]}"


async def allocate(url: str, user: str, password: SecretStr) -> str:
    """Have a TURN server open a relay, and close it again; where it was. Raises Refused."""
    async with _ask(url) as line:
        wanted = {stun.TRANSPORT: stun.UDP}
        asked = await line.put(stun.ALLOCATE, wanted)
        if asked.error()[0] != 401:
            raise Refused(f"asks for no login: {_said(asked)}")
        known = {a: asked.attributes.get(a, b"") for a in (stun.REALM, stun.NONCE)}
        signed = {stun.USERNAME: user.encode(), **known}
        secret = stun.key(user, asked.text(stun.REALM), password.get_secret_value())
        heard = await line.put(stun.ALLOCATE, {**wanted, **signed}, secret)
        relayed = heard.address(stun.RELAYED) if heard.kind == stun.SUCCESS else None
        if relayed is None:
            raise Refused(_said(heard))
        with contextlib.suppress(Refused):  # it ends by itself, only later
            await line.put(stun.REFRESH, {stun.LIFETIME: bytes(4), **signed}, secret)
        return f"relays at {relayed[0]}:{relayed[1]}"


class _Line(asyncio.DatagramProtocol):
    """One server, one question at a time."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[stun.Message | OSError] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        with contextlib.suppress(stun.Malformed):
            self._heard.put_nowait(stun.unpack(data))

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError):
            self._heard.put_nowait(exc)

    async def put(
        self, method: int, attributes: Mapping[int, bytes], secret: bytes | None = None
    ) -> stun.Message:
        """Ask until it answers. Raises Refused."""
        assert self.transport is not None
        asked = stun.Message(method, stun.REQUEST, secrets.token_bytes(stun.ID_BYTES), attributes)
        raw = stun.pack(asked, secret)
        for wait_s in AGAIN_S:
            self.transport.sendto(raw)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    return await self._answer(asked.id)
        raise Refused(f"no answer within {sum(AGAIN_S):g} s")

    async def _answer(self, own: bytes) -> stun.Message:
        while True:
            heard = await self._heard.get()
            if isinstance(heard, OSError):
                raise Refused(f"cannot be reached: {heard.strerror or heard}")
            if heard.id == own and heard.kind in (stun.SUCCESS, stun.ERROR):
                return heard


@contextlib.asynccontextmanager
async def _ask(url: str) -> AsyncIterator[_Line]:
    loop = asyncio.get_running_loop()
    try:
        transport, line = await loop.create_datagram_endpoint(_Line, remote_addr=place(url))
    except OSError as error:
        raise Refused(f"cannot be reached: {error.strerror or error}") from error
    try:
        yield line
    finally:
        transport.close()


def _said(heard: stun.Message) -> str:
    code, reason = heard.error()
    return f"says {code} {reason}".rstrip() if code else "answers with nothing that can be used"
