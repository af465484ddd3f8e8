"""What routes are given: the core, the login, and how they answer."""

from __future__ import annotations

import functools
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, TypeAdapter
from starlette.responses import Response

from mrcore import core, errors
from mrcore.api import peer
from mrcore.trust import auth


def core_of(request: Request) -> core.Core:
    """The core behind this app."""
    found: core.Core = request.app.state.core
    return found


async def login_of(request: Request) -> auth.Login:
    """The login behind this request, one that may at least look.

    Raises Unauthenticated, TooMany; Forbidden for one without a role.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    other = getattr(request.state, peer.STATE_KEY, None)
    address = request.client.host if request.client else ""
    login = await core_of(request).auth.login(other, bearer, address)
    if not (login.may("viewer") or login.may("auditor")):
        raise errors.Forbidden(f"{login.name} has no role that may look.")
    return login


Core = Annotated[core.Core, Depends(core_of)]
Login = Annotated[auth.Login, Depends(login_of)]


def encode(value: BaseModel, *, brief: bool = False) -> bytes:
    """A wire type as JSON, in one step; `brief` leaves out what is at its default.

    Raises SourceLied for text that no JSON can hold, a lone surrogate.
    """
    try:
        return _adapter(type(value)).dump_json(value, exclude_defaults=brief)
    except ValueError:
        raise errors.SourceLied("The answer holds text that cannot be written.") from None


def answer(value: BaseModel) -> Response:
    """A wire type as the body of a response."""
    return Response(encode(value), media_type="application/json")


@functools.cache
def _adapter(kind: type[BaseModel]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
