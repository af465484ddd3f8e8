"""Where what runs elsewhere says that it was done: the pings of dead man's switches."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from mrcore import core as cores
from mrcore import errors
from mrcore.alerts import beat
from mrcore.api import deps, problem
from mrcore.model import alert

router = APIRouter(tags=["act"], responses=problem.may(*problem.WITH_LOGIN, 400, 404))


@router.post("/heartbeats/{name}", response_model=alert.Heartbeat)
async def ping(
    core: deps.Core,
    request: Request,
    name: Annotated[str, Path(min_length=1, max_length=64, examples=["nightly"])],
    signal: Annotated[
        str,
        Query(
            pattern="^(success|start|fail|[0-9]{1,3})$",
            description="success, start, fail, or an exit code",
        ),
    ] = "success",
    run: Annotated[
        str, Query(pattern="^[!-~]{0,64}$", description="an id that its start and its end share")
    ] = "",
) -> Response:
    """A heartbeat was heard of; with its own token, or by an operator.

    Nothing that is watched is changed: it is what the core sees of something that it cannot ask.
    """
    await _refuse_others(core, request, name)
    code = int(signal) if signal.isdigit() else None
    found: beat.Signal = "success" if signal == "success" or code == 0 else "fail"
    found = "start" if signal == "start" else found
    return deps.answer(await core.desk.heartbeats.ping(name, found, run, code))


async def _refuse_others(core: cores.Core, request: Request, name: str) -> None:
    """Raise what refuses a login that may not; a wrong token counts as it does everywhere."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and core.desk.heartbeats.admits(name, token.strip()):
        return
    login = await deps.login_of(request)
    if not login.may("operator"):
        raise errors.Forbidden(f"{login.name} may not ping, which needs the role operator.")
