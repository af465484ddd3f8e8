"""`/api/auth/*`: login by password or one-time code, logout, login as somebody else."""

from __future__ import annotations

import logging
import uuid
from typing import Annotated, Any

import fastapi
import pydantic

from mrcore.mentor import desk, gate, identity, jwt

LOG = logging.getLogger("api")

Text = Annotated[str, pydantic.Field(min_length=1, max_length=200)]


class Login(pydantic.BaseModel):
    """Who wants in; without a password a one-time code is sent."""

    email: Text
    password: pydantic.SecretStr | None = None


class Code(pydantic.BaseModel):
    """The one-time code of a request."""

    requestId: Text  # noqa: N815 - the playbook's API is camelCase
    code: Annotated[str, pydantic.Field(pattern=r"^\d{6}$")]


class Somebody(pydantic.BaseModel):
    """Whom to log in as."""

    email: Text


def _done(session: identity.Session) -> dict[str, Any]:
    return {"success": True, "token": session.token, "user": session.user}


def build(at: desk.Desk, people: identity.Identity, door: gate.Gate) -> fastapi.APIRouter:
    """The router of one backend."""
    router = fastapi.APIRouter(prefix="/api/auth")
    _in(router, at, people)
    _others(router, people, door)
    return router


def _in(router: fastapi.APIRouter, at: desk.Desk, people: identity.Identity) -> None:
    @router.post("/login")
    async def login(body: Login, request: fastapi.Request) -> dict[str, Any]:
        """A token for the right password; without one, a one-time code by e-mail."""
        if body.password is None:
            request_id = await at.send_code(body.email)
            if request_id is None:  # who asks does not learn who has an account here
                LOG.warning("login refused, unknown address")
                request_id = uuid.uuid4().hex
            else:
                LOG.info("login %s: a code was asked for", request_id)
            return {"success": True, "requestId": request_id, "message": "A code is on its way"}
        secret = body.password.get_secret_value()
        try:
            session = await people.by_password(body.email, secret, gate.where(request))
        except (identity.NotLetIn, identity.TooMany) as error:
            raise _refused(error) from None
        LOG.info("login of user %s", session.user["id"])
        return _done(session)

    @router.post("/verify")
    async def verify(body: Code, request: fastapi.Request) -> dict[str, Any]:
        """A token for the right one-time code."""
        try:
            session = await people.by_code(body.requestId, body.code, gate.where(request))
        except (identity.NotLetIn, identity.TooMany) as error:
            raise _refused(error) from None
        LOG.info("login %s: user %s is in", body.requestId, session.user["id"])
        return _done(session)


def _others(router: fastapi.APIRouter, people: identity.Identity, door: gate.Gate) -> None:
    anyone = fastapi.Depends(door.anyone)

    @router.post("/logout")
    async def logout(request: fastapi.Request, who: jwt.Claims = anyone) -> dict[str, Any]:
        """The token works no more."""
        await people.leave(who, gate.where(request))
        LOG.info("logout of user %s", who.user)
        return {"success": True}

    @router.post("/master-login")
    async def master_login(
        body: Somebody, request: fastapi.Request, who: jwt.Claims = anyone
    ) -> dict[str, Any]:
        """A superadmin's token as somebody else."""
        try:
            session = await people.as_somebody(body.email, who, gate.where(request))
        except identity.NotLetIn as error:
            raise fastapi.HTTPException(403, str(error)) from None
        except LookupError:
            raise fastapi.HTTPException(404, "User not found") from None
        LOG.warning("master login of %s as user %s", who.user, session.user["id"])
        return _done(session)


def _refused(error: Exception) -> fastapi.HTTPException:
    LOG.warning("login refused: %s", error)
    too_many = isinstance(error, identity.TooMany)
    return fastapi.HTTPException(429 if too_many else 401, str(error))
