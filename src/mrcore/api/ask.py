"""Questions to a source: an entity in full, rows of a collection, points over time.

A source's answer has a deadline, and nobody else waits for it.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, AwareDatetime
from starlette.responses import Response

from mrcore import errors
from mrcore.api import deps, problem
from mrcore.model import plans, wire
from mrcore.model import ref as refs
from mrcore.trust import records

ANSWER_S = 2.0
FOLLOW_MAX_S = 25.0
SPAN = timedelta(hours=1)
_TEXT_MAX = 1_000

router = APIRouter(
    tags=["ask"],
    dependencies=[Depends(deps.login_of)],
    responses=problem.may(*problem.WITH_LOGIN, 400),
)

Ref = Annotated[
    str,
    Query(min_length=1, max_length=4096, examples=["huey/queue/emailQueue"]),
    AfterValidator(refs.plain),
]
Word = Annotated[str, Query(max_length=_TEXT_MAX)]


def query_of(
    state: Word = "",
    text: Word = "",
    level: Word = "",
    prefix: Word = "",
    name: Word = "",
    fingerprint: Word = "",
    younger_s: Annotated[float | None, Query(ge=0)] = None,
    older_s: Annotated[float | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=300)] = 100,
    order: Literal["newest", "oldest"] = "newest",
) -> plans.Query:
    """Which rows of a collection."""
    return plans.Query(
        state=state,
        text=text,
        level=level,
        prefix=prefix,
        name=name,
        fingerprint=fingerprint,
        younger_s=younger_s,
        older_s=older_s,
        limit=limit,
        order=order,
    )


@router.get("/detail", response_model=wire.Detail, responses=problem.may(*problem.ASKING))
async def detail(core: deps.Core, login: deps.Login, ref: Ref) -> Response:
    """One entity in full, from the source that its ref names.

    A job that its engine has forgotten is answered for by what the core has kept of it.
    """
    source = core.monitor.source(_source_of(ref))
    records.check(login, ref)
    try:
        found = await core.asks(source.name).call(lambda: source.detail(ref), ANSWER_S, source.name)
    except errors.NotFound:
        kept = await core.runs.detail(ref)
        if kept is None:
            raise
        found = kept
    return deps.answer(found)


@router.get("/page", response_model=wire.Page, responses=problem.may(*problem.ASKING))
async def page(
    core: deps.Core,
    login: deps.Login,
    query: Annotated[plans.Query, Depends(query_of)],
    ref: Ref,
    collection: Annotated[str, Query(min_length=1, max_length=100)],
    cursor: Annotated[str | None, Query(max_length=4096)] = None,
    wait_s: Annotated[float, Query(ge=0, le=FOLLOW_MAX_S)] = 0,
) -> Response:
    """Rows of a collection.

    With `wait_s` it follows: without a cursor the newest rows, with one those that come after,
    as soon as there are any.
    """
    source = core.monitor.source(_source_of(ref))
    records.check(login, ref, collection)
    with contextlib.ExitStack() as held:
        if source.name == records.SOURCE:  # which has one thread for all who read its rows
            held.enter_context(core.pages.one_of(login.name))
        found = await core.asks(source.name).call(
            lambda: source.page(ref, collection, query, cursor, wait_s),
            ANSWER_S + wait_s,
            source.name,
        )
    return deps.answer(found)


@router.get("/points", response_model=wire.Series)
async def points(
    core: deps.Core,
    metric: Annotated[str, Query(max_length=100, examples=["redis.ops"])],
    ref: Ref,
    start: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    step_s: Annotated[float, Query(alias="step", gt=0, le=86_400)] = 10,
) -> Response:
    """Means of one metric a step, from an hour ago until now if not said otherwise."""
    until: datetime = end or core.now()
    try:
        since = start or until - SPAN
        found = await core.series.points(metric, ref, since, until, step_s)
    except OverflowError:
        raise errors.BadRequest("`from` or `to` is out of range.") from None
    return deps.answer(found)


def _source_of(ref: str) -> str:
    try:
        return refs.parse(ref).source
    except ValueError as error:
        raise errors.BadRequest(f"{error}.") from None
