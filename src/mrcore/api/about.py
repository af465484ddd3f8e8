"""What this core can do, what it is, and who is asking."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mrcore import catalogue
from mrcore.api import deps, problem
from mrcore.model import core as entities

router = APIRouter(tags=["about"], responses=problem.may(*problem.WITH_LOGIN))


@router.get("/catalogue", response_model=catalogue.Catalogue)
async def whole(login: deps.Login) -> Response:
    """Every action and every metric."""
    return deps.answer(catalogue.whole())


@router.get("/me", response_model=entities.Me)
async def me(core: deps.Core, login: deps.Login) -> Response:
    """The login behind this request, and what the core is."""
    return deps.answer(
        entities.Me(
            login=login.name,
            roles=login.roles,
            via=login.via,
            uid=login.uid,
            token=login.token,
            address=login.address,
            environment=core.settings.environment,
            protected=core.settings.protected,
            read_only=core.authority.read_only,
            armed_until=await core.armed_until(login.name),
            core_version=core.version,
            core_pid=core.pid,
            started_at=core.started_at,
        )
    )
