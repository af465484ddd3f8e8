"""Who is asking: the peer of the unix socket, or the bearer of a token."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import pwd
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from mrcore import errors
from mrcore.store import database, tokens
from mrcore.trust import limits

ROLES = ("viewer", "operator", "admin", "auditor")
FAILURES_MAX = 10
FAILURES_S = 60.0
TOLD_S = 600.0

_DIGITS_MAX = 18
_RANK = {"viewer": 0, "operator": 1, "admin": 2}
_WRONG = "The token is wrong, expired or revoked."

log = logging.getLogger(__name__)


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
    """The process at the other end of a unix socket; `pid` is 0 where the system does not say.

    `address` is of the SSH client that the process belongs to, empty where it is not known.
    """

    uid: int
    pid: int
    address: str = ""


async def _tell_nobody(sentence: str) -> None:
    """Where nobody wants to know of bursts."""


class Auth:
    """Turns what a request carries into a login.

    `logins` has the roles of this host's users who need no token on the socket, by name; root and
    the core's own user are admin there. `tell` is awaited with a sentence when a peer begins to
    guess, at most once in ten minutes for each.
    """

    def __init__(
        self,
        ledger: database.Database,
        *,
        now: Callable[[], datetime],
        logins: Mapping[str, Sequence[str]] = MappingProxyType({}),
        tell: Callable[[str], Awaitable[None]] = _tell_nobody,
    ) -> None:
        self._ledger = ledger
        self._now = now
        self._logins = logins
        self._tell = tell
        self._bootstrap = ""
        self._failed = limits.Limit(FAILURES_MAX, FAILURES_S, now=now)
        self._seen = limits.Limit(1, FAILURES_S, now=now)
        self._told = limits.Limit(1, TOLD_S, now=now)

    def bootstrap(self) -> str:
        """A new admin token that ends with this process and replaces the one before."""
        secret, self._bootstrap = mint()
        return spell(0, secret)

    async def login(self, peer: Peer | None, bearer: str, address: str = "") -> Login:
        """The login behind a request; `address` is of the TCP client.

        Raises Unauthenticated; TooMany for a wrong token after 10 failures in a minute;
        StoreError when a token cannot be looked up.
        """
        if bearer:
            return await self._bearer(peer, bearer, peer.address if peer else address)
        if peer is None:
            raise errors.Unauthenticated(
                "This core wants a bearer token here.", fix="Make one with mrcore token create."
            )
        name = _user(peer.uid)
        if peer.uid in (0, os.getuid()):
            roles: Sequence[str] = ("admin",)
        elif not (roles := self._logins.get(name, ())):
            raise errors.Unauthenticated(
                f"User {name} is not the one that this core runs as.",
                fix="Make a token with mrcore token create.",
            )
        return Login(name, tuple(roles), "socket", uid=peer.uid, address=peer.address)

    async def holds(self, login: Login) -> bool:
        """Whether a login that was given is still one: its token may have ended meanwhile.

        It holds while the ledger cannot be read, because watching goes on then.
        """
        number = login.token
        if not number:
            return True
        try:
            token = await self._ledger.read(lambda connection: tokens.find(connection, number))
        except errors.StoreError:
            return True
        return token is not None and self._is_valid(token)

    async def _bearer(self, peer: Peer | None, bearer: str, address: str) -> Login:
        """The login of a token: a right one always passes.

        Everybody on this machine shares the address of loopback, so one who guesses there must
        not lock out the others; what is guessed has 256 bits. Failures count for the peer once for
        each different token, so that a screen which was left open with an expired one does not
        use up what its address may try, and for that token.
        """
        token = await self._find(bearer)
        if token is not None:
            number, name, roles = token
            uid = peer.uid if peer else None
            return Login(name, roles, "token", uid=uid, token=number, address=address)
        who = f"user {_user(peer.uid)}" if peer else address or "an unknown address"
        same = f"{who} {_digest(bearer)}"
        for key in (who, same):
            if free_at := self._failed.free_at(key):
                raise errors.TooMany(
                    f"Too many logins from {who} have failed.",
                    fix=f"Wait until {free_at:%H:%M:%S} UTC.",
                    retry_after_s=(free_at - self._now()).total_seconds(),
                )
        await self._note(who, same)
        raise errors.Unauthenticated(_WRONG)

    async def _find(self, bearer: str) -> tuple[int, str, tuple[str, ...]] | None:
        """Number, login and roles of a right token."""
        mark, _, rest = bearer.partition("_")
        text, _, secret = rest.partition("_")
        if mark != "mr" or not text.isascii() or not text.isdigit() or len(text) > _DIGITS_MAX:
            return None
        number = int(text)
        if number == 0:
            if not hmac.compare_digest(_digest(secret), self._bootstrap):
                return None
            return 0, _user(os.getuid()), ("admin",)
        token = await self._ledger.read(lambda connection: tokens.find(connection, number))
        right = hmac.compare_digest(_digest(secret), token.hash if token else "")
        if token is None or not right or not self._is_valid(token):
            return None
        return number, token.login, token.roles

    def _is_valid(self, token: tokens.Token) -> bool:
        return token.revoked_at is None and token.expires_at > self._now()

    async def _note(self, who: str, same: str) -> None:
        """Count a failure, and tell of the one that begins a burst."""
        log.warning("A login from %s was refused: wrong, expired or revoked token.", who)
        self._failed.note(same)
        if self._seen.free_at(same) is None:
            self._failed.note(who)
        self._seen.note(same)
        limited = self._failed.free_at(who) or self._failed.free_at(same)
        if limited and self._told.free_at(who) is None:
            self._told.note(who)
            await self._tell(f"{FAILURES_MAX} logins from {who} failed within {FAILURES_S:g} s.")


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
