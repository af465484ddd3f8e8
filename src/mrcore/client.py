"""The one way to a core: typed calls and the one event stream, over its socket or TCP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import httpx_sse
import pydantic

from mrcore import answers, catalogue, errors, folder, late, version, ways
from mrcore.model import base, core, plans, wire

SILENCE_S = 15.0
ANSWER_S = 30.0
FOLLOW_S = 25.0
OVER_UNIX = "http://mrcore"

Event = wire.Snapshot | wire.Changed | wire.Touched

_EVENTS: dict[str, type[Event]] = {
    "snapshot": wire.Snapshot,
    "changed": wire.Changed,
    "touched": wire.Touched,
}
T = TypeVar("T", bound=pydantic.BaseModel)


class CoreClient:
    """A core, as an async context manager.

    Every call raises CoreUnreachable when there is no answer, and otherwise the error that the
    core met, as the same class. `skew` is a sentence once the core turned out to be of another
    release, and empty until then.
    """

    def __init__(self, transport: httpx.AsyncHTTPTransport, url: str, where: str, token: str = ""):
        self.where = where
        self.skew = ""
        self._http = httpx.AsyncClient(
            transport=transport,
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(ANSWER_S, connect=5.0, pool=None),
            trust_env=False,
            event_hooks={"response": [self._heard]},
        )
        self._met = False

    async def _heard(self, response: httpx.Response) -> None:
        self._met = True

    @classmethod
    def at(
        cls,
        *,
        state: Path | None = None,
        url: str = "",
        token: str = "",
        ca: Path | None = None,
    ) -> CoreClient:
        """A client of the core at `url` (with a bearer token), or of the state folder's.

        `url` may be `unix:/path/of/its/socket`; `ca` is a PEM file of whom to trust over https,
        else the authorities of certifi.
        Raises CoreUnreachable when no core has announced itself in the folder, or `ca` is wrong.
        """
        if url.startswith("unix:"):
            path = url.removeprefix("unix:")
            return cls(ways.over(path), OVER_UNIX, path, token)
        if url:
            transport = ways.to(ca)
            return cls(transport, url.rstrip("/"), url, token)
        where = folder.StateFolder(state)
        found = where.read_json("core.json") or {}
        if not found.get("socket"):
            raise errors.CoreUnreachable(
                f"No core runs for {where.path}.",
                fix=f"Start one: mrcore serve --state {where.path}",
            )
        transport = ways.over(str(found["socket"]))
        made = cls(transport, OVER_UNIX, str(where.path), token)
        made._met = True  # it has announced itself in the folder
        return made

    async def __aenter__(self) -> Self:
        late.leave(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._http.aclose()

    async def me(self) -> core.Me:
        """Who I am to this core, and what it is."""
        me = await self._get(core.Me, "/me")
        self.skew = version.skew(me.core_version)
        return me

    async def sources(self) -> wire.Sources:
        """How every source is."""
        return await self._get(wire.Sources, "/sources")

    async def live(self) -> wire.Snapshot:
        """Everything that is live."""
        snapshot = await self._get(wire.Snapshot, "/live")
        self.skew = version.skew(snapshot.core_version)
        return snapshot

    async def catalogue(self) -> catalogue.Catalogue:
        """What this core can do and measure."""
        return await self._get(catalogue.Catalogue, "/catalogue")

    async def changes(self) -> AsyncGenerator[Event, None]:
        """The snapshot, then every change.

        Raises CoreUnreachable when the stream ends, or is silent for 15 s.
        """
        timeout = httpx.Timeout(ANSWER_S, connect=5.0, read=SILENCE_S, pool=None)
        with self._reaching():
            stream = httpx_sse.aconnect_sse(self._http, "GET", "/changes", timeout=timeout)
            async with stream as source:
                if source.response.status_code != httpx.codes.OK:
                    await source.response.aread()
                    raise answers.error_of(source.response)
                async for sent in source.aiter_sse():
                    kind = _EVENTS.get(sent.event)
                    if kind is None:  # a newer core's; `skew` says so
                        continue
                    event = kind.model_validate_json(sent.data)
                    if isinstance(event, wire.Snapshot):
                        self.skew = version.skew(event.core_version)
                    yield event
        raise self._lost("it ended the stream")

    async def detail(self, ref: base.Ref) -> wire.Detail:
        """One entity in full."""
        return await self._get(wire.Detail, "/detail", ref=ref)

    async def page(
        self,
        ref: base.Ref,
        collection: str,
        query: plans.Query = plans.Query(),  # noqa: B008 (frozen)
        cursor: str | None = None,
        wait_s: float = 0,
    ) -> wire.Page:
        """Rows of a collection; with `wait_s` (at most 25) it waits for new ones at its end."""
        asked: dict[str, Any] = query.model_dump(exclude_defaults=True)
        if cursor is not None:
            asked["cursor"] = cursor
        if wait_s:
            asked["wait_s"] = wait_s
        return await self._get(wire.Page, "/page", ref=ref, collection=collection, **asked)

    async def follow(
        self,
        ref: base.Ref,
        collection: str,
        query: plans.Query = plans.Query(),  # noqa: B008
    ) -> AsyncGenerator[wire.Page, None]:
        """The newest rows of a collection, then a page whenever there are new ones.

        Every page's rows are oldest first. Ends where the source gives no cursor to go on from.
        """
        page = await self.page(ref, collection, query, wait_s=FOLLOW_S)
        yield page
        while page.cursor is not None:
            page = await self.page(ref, collection, query, page.cursor, FOLLOW_S)
            if page.rows:
                yield page

    async def points(
        self,
        metric: str,
        ref: base.Ref,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        step_s: float = 10,
    ) -> wire.Series:
        """Points of one metric from `start` (an hour before `end`) to `end` (now)."""
        asked: dict[str, Any] = {"metric": metric, "ref": ref, "step": step_s}
        if start is not None:
            asked["from"] = start.isoformat()
        if end is not None:
            asked["to"] = end.isoformat()
        return await self._get(wire.Series, "/points", **asked)

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args | None = None,
        on_progress: Callable[[int, int | None], None] | None = None,
    ) -> plans.Plan:
        """What an action would do; nothing is done.

        `on_progress` is called with (looked at so far, total or None); cancelling it stops the
        planning.
        """
        body = plans.PlanRequest(action=action, selection=selection, args=args or {})
        timeout = httpx.Timeout(ANSWER_S, connect=5.0, read=SILENCE_S, pool=None)
        with self._reaching():
            stream = httpx_sse.aconnect_sse(
                self._http,
                "POST",
                "/plans",
                content=body.model_dump_json(),
                headers={"Content-Type": "application/json", "Accept": "text/event-stream"},
                timeout=timeout,
            )
            async with stream as source:
                if source.response.is_error:
                    await source.response.aread()
                    raise answers.error_of(source.response)
                async for sent in source.aiter_sse():
                    if sent.event == "plan":
                        return plans.Plan.model_validate_json(sent.data)
                    if sent.event == "problem":
                        raise answers.error_from(wire.Problem.model_validate_json(sent.data))
                    if sent.event == "progress" and on_progress:
                        progress = plans.Progress.model_validate_json(sent.data)
                        on_progress(progress.looked, progress.total)
        raise self._lost("it ended the stream")

    async def planned(self, plan_id: str) -> plans.Plan:
        """A plan again, with what a second login has said of it."""
        return await self._get(plans.Plan, f"/plans/{plan_id}")

    async def targets(self, plan_id: str, first: int = 0) -> plans.Targets:
        """At most 500 of a plan's targets from number `first` on, and what became of them."""
        return await self._get(plans.Targets, f"/plans/{plan_id}/targets", first=first)

    async def apply(
        self, plan_id: str, *, reason: str = "", confirm: str = "", break_glass: bool = False
    ) -> core.Operation:
        """Start what a plan says; its progress is the entity that this returns."""
        body = plans.ApplyRequest(reason=reason, confirm=confirm, break_glass=break_glass)
        return await self._post(core.Operation, f"/plans/{plan_id}/apply", body)

    async def reveal(self, ref: base.Ref) -> wire.Detail:
        """An entity with what is hidden otherwise, after its action that asks for it."""
        return await self._get(wire.Detail, "/reveal", ref=ref)

    async def _get(self, kind: type[T], path: str, **asked: Any) -> T:
        with self._reaching():
            return answers.read(kind, await self._http.get(path, params=asked))

    async def _post(self, kind: type[T], path: str, body: pydantic.BaseModel) -> T:
        headers = {"Content-Type": "application/json"}
        with self._reaching():
            response = await self._http.post(path, content=body.model_dump_json(), headers=headers)
            return answers.read(kind, response)

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn every failure to reach the core, or to understand it, into one sentence."""
        try:
            yield
        except pydantic.ValidationError as error:
            field = ".".join(map(str, error.errors()[0]["loc"]))
            raise errors.CoreUnreachable(
                f"The core at {self.where} says {field} in a way that this release cannot read.",
                fix=self.skew,
            ) from None
        except httpx.ReadTimeout:
            raise self._lost("it is silent") from None
        except httpx.TransportError as error:
            raise self._lost(str(error).rstrip(".") or type(error).__name__) from None

    def _lost(self, why: str) -> errors.CoreUnreachable:
        what = "has gone" if self._met else "cannot be reached"
        return errors.CoreUnreachable(f"The core at {self.where} {what}: {why}.")
