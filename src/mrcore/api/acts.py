"""The only writes: a plan, and its operation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from mrcore.api import deps
from mrcore.model import core as entities
from mrcore.model import plans

router = APIRouter(prefix="/plans", tags=["act"])

PlanId = Annotated[str, Path(min_length=1, max_length=128)]


@router.post("", response_model=plans.Plan)
async def make(core: deps.Core, login: deps.Login, request: plans.PlanRequest) -> Response:
    """What an action would do to a selection; valid for 60 s, nothing is done."""
    return deps.answer(await core.door.plan(login, request))


@router.get("/{plan_id}", response_model=plans.Plan)
async def get(core: deps.Core, login: deps.Login, plan_id: PlanId) -> Response:
    """A plan again."""
    return deps.answer(await core.door.get(plan_id))


@router.get("/{plan_id}/targets", response_model=plans.Targets)
async def targets(
    core: deps.Core,
    login: deps.Login,
    plan_id: PlanId,
    first: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """At most 500 of a plan's targets from number `first` on, and what became of each."""
    return deps.answer(await core.door.targets(plan_id, first))


@router.post("/{plan_id}/apply", response_model=entities.Operation)
async def apply(
    core: deps.Core, login: deps.Login, plan_id: PlanId, request: plans.ApplyRequest
) -> Response:
    """Start what the plan says; the same login and plan again gets the same operation."""
    return deps.answer(await core.door.apply(login, plan_id, request))
