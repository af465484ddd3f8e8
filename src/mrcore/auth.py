"""Who is asking: the peer of the unix socket, or the bearer of a token."""

from __future__ import annotations

import hashlib
import hmac
import os
import pwd
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from mrcore import errors
from mrcore.store import database, tokens

ROLES = ("viewer", "operator", "admin", "auditor")
_RANK = {"viewer": 0, "operator": 1, "admin": 2}
_WRONG = "The token is wrong, expired or revoked."


@dataclass(frozen=True)
class Login:
    """A person's identity towards the core; `via` is `socket` or `token`.

    `uid` is the peer's on the socket, `token` the number of the token that was shown (0: the
    core's own), `address` where the person's terminal or client is, empty when not known.
    """

    name: str
    roles: tuple[str, ...]
    via: str
    uid: int | None = None
    token: int | None = None
    address: str = ""

    def may(self, role: str) -> bool:
        """Whether this login has `role` or one above it; auditor stands beside the others."""
        if role not in _RANK:
            return role in self.roles
        return any(_RANK.get(have, -1) >= _RANK[role] for have in self.roles)


@dataclass(frozen=True)
class Peer:
    """The process at the other end of a unix socket; `pid` is 0 where the system does not say."""

    uid: int
    pid: int


class Auth:
    """Turns what a request carries into a login."""

    def __init__(self, ledger: database.Database, *, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._now = now
        self._bootstrap = ""

    def bootstrap(self) -> str:
        """A new admin token that ends with this process and replaces the one before."""
        secret, self._bootstrap = mint()
        return spell(0, secret)

    async def login(self, peer: Peer | None, bearer: str) -> Login:
        """The login behind a request.

        Raises Unauthenticated; StoreError when a token cannot be looked up.
        """
        if bearer:
            return await self._bearer(bearer)
        if peer is None:
            raise errors.Unauthenticated(
                "This core wants a bearer token here.", fix="Make one with mrcore token create."
            )
        if peer.uid not in (0, os.getuid()):
            raise errors.Unauthenticated(
                f"User {_user(peer.uid)} is not the one that this core runs as.",
                fix="Use a token: mrcore token create.",
            )
        return Login(_user(peer.uid), ("admin",), "socket", uid=peer.uid)

    async def _bearer(self, bearer: str) -> Login:
        mark, _, rest = bearer.partition("_")
        number, _, secret = rest.partition("_")
        if mark != "mr" or not number.isascii() or not number.isdigit() or len(number) > 18:
            raise errors.Unauthenticated(_WRONG)
        if number == "0":
            if not hmac.compare_digest(_digest(secret), self._bootstrap):
                raise errors.Unauthenticated(_WRONG)
            return Login(_user(os.getuid()), ("admin",), "token", token=0)
        token = await self._ledger.run(lambda connection: tokens.find(connection, int(number)))
        right = hmac.compare_digest(_digest(secret), token.hash if token else "")
        if token is None or not right or token.revoked_at or token.expires_at <= self._now():
            raise errors.Unauthenticated(_WRONG)
        return Login(token.login, token.roles, "token", token=int(number))


def mint() -> tuple[str, str]:
    """A new token's secret part and its sha256: only the second is ever kept."""
    secret = secrets.token_urlsafe(32)
    return secret, _digest(secret)


def spell(number: int, secret: str) -> str:
    """The token as its bearer sends it."""
    return f"mr_{number}_{secret}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
