"""A board over a real core that watches real queues, for the tests; `running` has huey's."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import fastapi
import httpx
import huey

from mrcore import client, scheduler
from mrcore.mentor.board import routes, told
from mrcore.model import core
from mrcore.sources import base
from mrcore.store import tokens
from mrcore.trust import auth
from tests import waiting
from tests.core import harness, journals
from tests.core.mentor import serving

SAMPLES = Path(__file__).parents[2] / "standins" / "bullboard"
USER, PASSWORD = "admin", "the board's password"
ODD = "a/b%c?d é"
HIDDEN = "hiddenQueue"
PLAIN = "plainQueue"
"""Without a journal: nothing can be done to it."""
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Queues:
    """Queues with jobs in every state that huey has."""

    def __init__(self, url: str, desks: dict[str, journals.Desk]) -> None:
        self.desks = desks
        self.mail = desks["emailQueue"]
        made = self.mail.huey

        @made.task(name="send", retries=1)
        def send(to: str, *, fail: bool = False) -> dict[str, str]:
            if fail:
                raise OSError(f"550 mailbox of {to} unavailable")
            return {"sent": to}

        self.send = send
        for name in (ODD, HIDDEN):
            desks[name].huey.task(name="nap")(lambda: None)()
        desks[ODD].run_all()
        plain: Any = huey.RedisHuey(PLAIN, connection_pool=self.mail.pool)
        plain.task(name="nap")(lambda: None)()

    def fill(self) -> None:
        """Two failed (after two attempts), two completed, one held, two waiting, three delayed."""
        for to in ("a@example.org", "b@example.org"):
            self.send(to, fail=True)
        for to in ("c@example.org", "d@example.org"):
            self.send(to)
        for number in range(3):
            self.send.schedule(args=(f"late-{number}@example.org",), delay=3600)
        self.mail.run_all()
        self.send("busy@example.org")
        self.busy = self.mail.journal.claim()
        self.send("e@example.org")
        self.send("f@example.org")
        daily = scheduler.Declared("daily", "emailQueue", "send", timedelta(hours=24), args=("h",))
        scheduler.Scheduler(
            {"emailQueue": self.mail.huey}, [daily], owner="test", now=base.utc_now
        ).tick()

    def by_state(self) -> dict[str, list[str]]:
        """Ids of the jobs of `emailQueue`, oldest first; one that there is not where none is."""
        states = ("failed", "completed", "waiting", "delayed", "active")
        return {state: self.mail.ids(state) or ["none"] for state in states}


@contextlib.contextmanager
def queues(url: str) -> Iterator[Queues]:
    """The queues in an empty Redis."""
    with contextlib.ExitStack() as stack:
        desks = {
            name: stack.enter_context(journals.desk(url, name, listed=name != HIDDEN))
            for name in ("emailQueue", ODD, HIDDEN)
        }
        yield Queues(url, desks)


@dataclass(frozen=True)
class Bare:
    """A board on a real port, and the core behind it."""

    url: str
    web: httpx.AsyncClient
    core: client.CoreClient

    async def api(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Ask the API with the right login."""
        sent = {} if body is None else {"json": body}
        return await self.web.request(method, f"{routes.API}{path}", **sent)

    async def shown(
        self, status: str = "latest", *, name: str = "emailQueue", **more: Any
    ) -> dict[str, Any]:
        """A queue as the board shows it."""
        asked = {"activeQueue": name, "status": status, "page": 1, "jobsPerPage": 10}
        query = httpx.QueryParams({**asked, **more})
        found = (await self.api("GET", f"queues?{query}")).raise_for_status()
        return next(q for q in found.json()["queues"] if q["name"] == name)

    async def audited(self) -> list[core.AuditRow]:
        """What the core's audit has, the newest first."""
        rows = (await self.core.page("core/core/self", "audit")).rows
        return [row for row in rows if isinstance(row, core.AuditRow)]

    async def until_shown(self, *names: str) -> None:
        """Wait until these are its queues."""

        async def seen() -> bool:
            found = (await self.api("GET", "queues")).json()
            return {q["name"] for q in found.get("queues", ())} == set(names)

        await waiting.until(seen, what=f"the queues {names}")


@dataclass(frozen=True)
class Board(Bare):
    """One over the queues of huey."""

    queues: Queues


async def token(behind: Any) -> str:
    """A token of an operator named backend."""
    secret, digest = auth.mint()
    now = base.utc_now()
    number = await behind.ledger.run(
        lambda c: tokens.add(
            c,
            login="backend",
            roles=("operator",),
            digest=digest,
            now=now,
            expires_at=now + timedelta(hours=1),
        )
    )
    return auth.spell(number, secret)


def app(env: dict[str, str]) -> fastapi.FastAPI:
    """Only the board of a backend."""
    made = fastapi.FastAPI()
    made.include_router(routes.Board(told.Told.read(env), now=base.utc_now).router)
    return made


@contextlib.asynccontextmanager
async def over(
    state: Path, sources: dict[str, dict[str, Any]], **options: Any
) -> AsyncIterator[Bare]:
    """A board over a core with these sources, with a client that has the right login."""
    async with harness.running(state, sources=sources, **options) as here:
        file = state / "backend-token"
        file.write_text(await token(here.core))
        env = {
            "BULL_BOARD_USERNAME": USER,
            "BULL_BOARD_PASSWORD": PASSWORD,
            "MR_CORE_URL": f"unix:{here.where.runtime / 'core.sock'}",
            "MR_CORE_TOKEN_FILE": str(file),
        }
        async with (
            here.client() as behind,
            serving.serving(app(env)) as url,
            httpx.AsyncClient(base_url=url, auth=(USER, PASSWORD), timeout=waiting.LONG_S) as web,
        ):
            yield Bare(url, web, behind)


@contextlib.asynccontextmanager
async def running(state: Path, redis_url: str, **options: Any) -> AsyncIterator[Board]:
    """A board over a core over these queues of huey."""
    sources = {
        kind: {"kind": kind, "url": redis_url, "interval_s": 0.1} for kind in ("huey", "redis")
    }
    with queues(redis_url) as made:
        made.fill()
        async with over(state, sources, **options) as bare:
            await bare.until_shown("emailQueue", ODD, PLAIN)
            yield Board(bare.url, bare.web, bare.core, made)


class Recorded(NamedTuple):
    """What a real board of 9.10.2 was asked and has answered."""

    name: str
    method: str
    path: str
    sent: Any
    status: int
    answer: Any


def recorded() -> tuple[list[tuple[str, str]], dict[str, Recorded]]:
    """Its routes, and its answers by name."""
    whole = json.loads((SAMPLES / "v9.10.2.json").read_text())
    answers = [Recorded(**one) for one in whole["answers"]]
    return [tuple(route) for route in whole["routes"]], {one.name: one for one in answers}
