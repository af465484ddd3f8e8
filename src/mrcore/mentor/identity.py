"""Who is who: login by password or one-time code, logout, and login as somebody else.

Each writes its row into `login_logs`, in the transaction that lets the person in.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from mrcore.mentor import config, jwt, links, mail, passwords, tools

TOKEN_S = 12 * 3600
MASTER_S = 3600
FAILURES_MAX = 10
FAILURES_S = 60

ADMINS = ("admin", "superadmin")

_USER = "SELECT id, email, name, role::text AS role, password_hash FROM users"
_TRAIL = (
    'INSERT INTO login_logs ("userId", action, "ipAddress", "userAgent", timestamp, "actorId")'
    " VALUES ($1, $2, $3, $4, $5, $6)"
)


class NotLetIn(Exception):
    """Wrong name, password, code or right; the sentence does not say which of the first three."""


class TooMany(Exception):
    """Somebody guesses: wait a minute."""


@dataclass(frozen=True)
class Where:
    """Where a request came from, as it is kept in the trail."""

    address: str
    agent: str


@dataclass(frozen=True)
class Session:
    """A token and whose it is, as the routes answer it."""

    token: str
    user: dict[str, Any]


@dataclass
class Identity:
    """The logins of one backend; tokens of all colours have one secret (`JWT_SECRET`)."""

    links: links.Links
    settings: config.Config
    now: Callable[[], datetime]

    def __post_init__(self) -> None:
        self.passwords = passwords.Passwords()

    async def by_password(self, email: str, password: str, where: Where) -> Session:
        """Let in whoever knows the password. Raises NotLetIn, TooMany."""
        await self._not_too_often(email)
        async with self.links.database() as connection:
            user = await connection.fetchrow(f"{_USER} WHERE lower(email) = lower($1)", email)
        kept: str | None = user["password_hash"] if user else None
        right = await self.passwords.check(kept, password)
        if user is None or kept is None or not right:
            raise await self._refusal(email)
        stronger = await self.passwords.make(password) if self.passwords.is_weak(kept) else kept
        async with self.links.database() as connection, connection.transaction():
            # Only where it is still the old one: it may have been changed meanwhile.
            await connection.execute(
                "UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash = $3",
                user["id"],
                stronger,
                kept,
            )
            return await self._let_in(connection, user, where)

    async def by_code(self, request_id: str, code: str, where: Where) -> Session:
        """Let in whoever got the one-time code; it works once. Raises NotLetIn, TooMany."""
        await self._not_too_often(request_id)
        key = mail.otp_key(request_id)
        found = await self.links.redis.mget(key, mail.otp_user_key(request_id))
        right, user_id = (str(each or "") for each in found)
        if not (user_id and hmac.compare_digest(right.encode(), code.encode())):
            raise await self._refusal(request_id)
        if not await self.links.redis.delete(key):
            raise NotLetIn("Invalid credentials")  # another request was faster with it
        async with self.links.database() as connection, connection.transaction():
            user = await connection.fetchrow(f"{_USER} WHERE id = $1", uuid.UUID(user_id))
            if user is None:
                raise NotLetIn("Invalid credentials")
            return await self._let_in(connection, user, where)

    async def as_somebody(self, email: str, by: jwt.Claims, where: Where) -> Session:
        """Let a superadmin in as a user who is no admin. Raises NotLetIn, LookupError."""
        if by.role != "superadmin" or by.by is not None:
            raise NotLetIn("Only a superadmin logs in as somebody else")
        async with self.links.database() as connection, connection.transaction():
            user = await connection.fetchrow(f"{_USER} WHERE lower(email) = lower($1)", email)
            if user is None:
                raise LookupError(email)
            if user["role"] in ADMINS:
                raise NotLetIn("Nobody logs in as an admin")
            await self._note(connection, user["id"], "master_login", where, by.user)
        return self._session(user, MASTER_S, by.user)

    async def leave(self, claims: jwt.Claims, where: Where) -> None:
        """Log out: the token works no more."""
        left_s = int((claims.expires_at - self.now()).total_seconds()) + 1
        await self.links.redis.set(_left(claims.id), "1", ex=max(1, left_s))
        async with self.links.database() as connection:
            await self._note(connection, claims.user, "logout", where, claims.by)

    async def who(self, token: str) -> jwt.Claims:
        """Whose token this is. Raises jwt.Refused."""
        claims = jwt.read(token, self.settings.jwt_secret, self.now())
        if await self.links.redis.exists(_left(claims.id)):
            raise jwt.Refused("The token was logged out.")
        return claims

    async def _let_in(
        self, connection: tools.Connection, user: asyncpg.Record, where: Where
    ) -> Session:
        await connection.execute(
            "UPDATE users SET last_login_at = $2 WHERE id = $1", user["id"], self.now()
        )
        await self._note(connection, user["id"], "login", where, None)
        return self._session(user, TOKEN_S, None)

    async def _note(
        self,
        connection: tools.Connection,
        user: uuid.UUID,
        action: str,
        where: Where,
        by: uuid.UUID | None,
    ) -> None:
        await connection.execute(_TRAIL, user, action, where.address, where.agent, self.now(), by)

    def _session(self, user: asyncpg.Record, valid_s: int, by: uuid.UUID | None) -> Session:
        claims = jwt.Claims(
            user=user["id"],
            role=user["role"],
            email=user["email"],
            id=uuid.uuid4().hex,
            expires_at=self.now() + timedelta(seconds=valid_s),
            by=by,
        )
        shown = {"id": str(user["id"]), **{k: user[k] for k in ("email", "name", "role")}}
        return Session(jwt.sign(claims, self.settings.jwt_secret), shown)

    async def _not_too_often(self, who: str) -> None:
        if int(await self.links.redis.get(_failed(who)) or 0) >= FAILURES_MAX:
            raise TooMany("Too many logins have failed: wait a minute")

    async def _refusal(self, who: str) -> NotLetIn:
        async with self.links.redis.pipeline(transaction=True) as pipe:
            pipe.incr(_failed(who))
            pipe.expire(_failed(who), FAILURES_S)
            await pipe.execute()
        return NotLetIn("Invalid credentials")


def _left(token_id: str) -> str:
    return f"mentor:logged-out:{token_id}"


def _failed(who: str) -> str:
    return f"mentor:login-failed:{who.lower()}"
