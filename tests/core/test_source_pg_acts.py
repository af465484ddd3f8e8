"""Cancelling and terminating on a real Postgres: only what was seen, only what may be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from mrcore import errors, redact, sources
from mrcore.model import base, plans, postgres
from mrcore.sources import base as source_base
from tests import servers, waiting

CANCEL, TERMINATE = "pg.cancel", "pg.terminate"
ASHA = plans.By(login="asha")
DONE, SKIPPED, FAILED = plans.Outcome.DONE, plans.Outcome.SKIPPED, plans.Outcome.FAILED
SMALL = {"max_connections": "14", "reserved_connections": "2"}  # and 3 for superusers


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Postgres]:
    """A server with few slots, a role that may watch and signal, and two that may less."""
    with servers.postgres(tmp_path_factory.mktemp("acts"), **SMALL) as made:
        for role, groups in (
            ("mr_watcher", "pg_monitor, pg_signal_backend, pg_use_reserved_connections"),
            ("onlooker", "pg_monitor"),
            ("plain", ""),
        ):
            made.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{servers.PASSWORD}'")
            if groups:
                made.execute(f"GRANT {groups} TO {role}")
        yield made


class Field:
    """A source and sessions in its server."""

    def __init__(self, server: servers.Postgres, source: source_base.Source) -> None:
        self.server = server
        self.source = source
        self.opened: list[asyncpg.Connection] = []

    async def connect(self, app: str, user: str = "plain") -> asyncpg.Connection:
        settings = {"application_name": app}
        dsn = self.server.dsn(user=user)
        self.opened.append(await asyncpg.connect(dsn, server_settings=settings))
        return self.opened[-1]

    async def session(self, app: str, state: str = "") -> postgres.Session:
        """The one session of an application, once it is in that state."""

        async def there() -> postgres.Session | None:
            for entity in (await self.source.sample()).entities:
                if isinstance(entity, postgres.Session) and entity.app == app:
                    return entity if state in (entity.state, "") else None
            return None

        return await waiting.until(there, what=f"{app} {state}")

    async def plan(self, action: str, *refs: base.Ref, **selection: Any) -> list[Any]:
        chosen = plans.Selection(refs=refs, **selection)
        return [p async for p in self.source.plan(action, chosen, {}, lambda done, total: None)]

    async def target(self, action: str, ref: base.Ref) -> plans.Target:
        (target,) = (p for p in await self.plan(action, ref) if isinstance(p, plans.Target))
        return target

    async def left_out(self, action: str, ref: base.Ref) -> str:
        (part,) = await self.plan(action, ref)
        assert isinstance(part, plans.LeftOut)
        assert (part.count, part.samples) == (1, (ref,))
        return part.why

    async def apply(self, action: str, target: plans.Target) -> tuple[plans.Outcome, str]:
        (outcome,) = await self.source.apply(action, [target], {}, ASHA)
        return outcome.outcome, outcome.why

    async def admin(self, sql: str, *args: object) -> Any:
        connection = await asyncpg.connect(self.server.dsn())
        try:
            return await connection.fetchval(sql, *args)
        finally:
            await connection.close()


@contextlib.asynccontextmanager
async def field(server: servers.Postgres, user: str = "mr_watcher") -> AsyncIterator[Field]:
    async with sources.build("pg", {"dsn": server.dsn(user=user)})[0] as source:
        await source.sample()
        made = Field(server, source)
        try:
            yield made
        finally:
            for connection in made.opened:
                connection.terminate()
            # A backend that sleeps does not notice that its client has gone.
            await made.admin(
                "SELECT count(pg_terminate_backend(pid, 20000)) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
                "AND application_name <> 'mrcore'"
            )


async def alive(connection: asyncpg.Connection) -> bool:
    return bool(await connection.fetchval("SELECT true"))


async def test_a_statement_is_cancelled_and_its_session_stays(server: servers.Postgres) -> None:
    async with field(server) as here:
        kpi = await here.connect("kpi")
        sleep = asyncio.create_task(kpi.execute("SELECT pg_sleep(600)"))
        session = await here.session("kpi", "active")
        assert session.actions == (CANCEL, TERMINATE)
        target = await here.target(CANCEL, session.ref)
        assert target.label == f"pid {session.pid} plain kpi active"
        assert target.at == session.query_start
        assert await here.apply(CANCEL, target) == (DONE, "the statement has ended: idle")
        with pytest.raises(asyncpg.QueryCanceledError):
            await sleep
        assert await alive(kpi)
        assert (await here.session("kpi", "idle")).actions == (TERMINATE,)
        assert await here.left_out(CANCEL, session.ref) == "It runs no statement: idle."
        assert await here.apply(CANCEL, target) == (SKIPPED, "active → idle")


async def test_the_next_statement_is_never_cancelled_for_the_one_seen(
    server: servers.Postgres,
) -> None:
    async with field(server) as here:
        kpi = await here.connect("kpi")
        first = asyncio.create_task(kpi.execute("SELECT pg_sleep(600)"))
        session = await here.session("kpi", "active")
        target = await here.target(CANCEL, session.ref)
        assert await here.admin("SELECT pg_cancel_backend($1)", session.pid)
        with pytest.raises(asyncpg.QueryCanceledError):
            await first
        second = asyncio.create_task(kpi.execute("SELECT pg_sleep(600) -- another"))

        async def another() -> bool:
            now = await here.session("kpi", "active")
            return now.query_start != session.query_start

        await waiting.until(another)
        outcome, why = await here.apply(CANCEL, target)
        # Of an autocommit statement the transaction is another too.
        assert (outcome, why) == (SKIPPED, "it is in another transaction now")
        assert not second.done()
        kpi.terminate()
        await asyncio.wait((second,))
        assert second.exception()


@pytest.mark.parametrize("action", [CANCEL, TERMINATE])
async def test_a_pid_that_is_used_again_is_never_signalled(
    server: servers.Postgres, action: str
) -> None:
    """Another backend_start in the guard is what a pid used again looks like."""
    async with field(server) as here:
        kpi = await here.connect("kpi")
        sleep = asyncio.create_task(kpi.execute("SELECT pg_sleep(600)"))
        target = await here.target(action, (await here.session("kpi", "active")).ref)
        for shift in (-1, 1, 3_600_000_000):
            guard = {**target.guard, "backend_start": target.guard["backend_start"] + shift}
            other = target.model_copy(update={"guard": guard})
            said = "it has ended; its pid is another session's now"
            assert await here.apply(action, other) == (SKIPPED, said)
        assert (await here.session("kpi", "active")).ref == target.ref
        assert not sleep.done()
        assert (await here.apply(action, target))[0] is DONE
        await asyncio.wait((sleep,))
        assert sleep.exception()


async def test_terminating_says_whom_it_unblocks_and_what_is_lost(
    server: servers.Postgres,
) -> None:
    async with field(server) as here:
        await here.admin("CREATE TABLE IF NOT EXISTS t (i int)")
        await here.admin("GRANT ALL ON t TO plain")
        holder = await here.connect("billing")
        await holder.execute("BEGIN; LOCK TABLE t; INSERT INTO t VALUES (1)")
        waits = [
            asyncio.create_task((await here.connect(app)).execute(sql))
            for app, sql in (("kpi", "LOCK TABLE t"), ("sales", "SELECT FROM t"))
            for sql in (f"BEGIN; {sql}; COMMIT",)
        ]
        for app in ("kpi", "sales"):
            await waiting.until(lambda app=app: blocked(here, app))
        session = await here.session("billing", "idle in transaction")
        parts = await here.plan(TERMINATE, session.ref)
        target, *remarks = parts
        assert target.label == f"pid {session.pid} plain billing idle in transaction"
        assert target.note == "has written, blocks 2"
        assert target.at == session.state_since
        since = session.xact_start
        assert [(r.text, r.level) for r in remarks] == [
            ("unblocks 2 sessions", "ok"),
            (
                f"rolls back a transaction open since {since:%Y-%m-%d %H:%M:%S} UTC, "
                "with what it has written",
                "warn",
            ),
        ]
        kpi = await here.session("kpi")
        texts = [p.text for p in await here.plan(TERMINATE, kpi.ref) if isinstance(p, plans.Remark)]
        assert "it is active: what it runs fails" in texts
        assert await here.apply(TERMINATE, target) == (DONE, "gone")
        await asyncio.gather(*waits)
        assert await here.apply(TERMINATE, target) == (SKIPPED, "it has ended")
        assert "It has ended" in await here.left_out(TERMINATE, session.ref)


async def blocked(here: Field, app: str) -> bool:
    return bool((await here.session(app)).blocked_by)


async def test_a_transaction_that_moved_on_is_let_be(server: servers.Postgres) -> None:
    async with field(server) as here:
        billing = await here.connect("billing")
        await billing.execute("BEGIN")
        session = await here.session("billing", "idle in transaction")
        target = await here.target(TERMINATE, session.ref)
        await billing.execute("SELECT 1")
        await waiting.until(lambda: changed(here, session))
        said = "it has run another statement in its transaction"
        assert await here.apply(TERMINATE, target) == (SKIPPED, said)
        await billing.execute("COMMIT")
        await here.session("billing", "idle")
        assert await here.apply(TERMINATE, target) == (SKIPPED, "idle in transaction → idle")
        await billing.execute("BEGIN")
        await here.session("billing", "idle in transaction")
        said = "it is in another transaction now"
        assert await here.apply(TERMINATE, target) == (SKIPPED, said)
        assert await alive(billing)


async def changed(here: Field, before: postgres.Session) -> bool:
    return (await here.session(before.app)).state_since != before.state_since


async def test_what_may_not_be_signalled_is_left_out_with_the_missing_grant(
    server: servers.Postgres,
) -> None:
    async with field(server) as here:
        await here.connect("root", user="mr_admin")
        root = await here.session("root")
        assert root.actions == ()
        said = "It is a superuser's, and mr_watcher is none: no GRANT changes that."
        assert await here.left_out(TERMINATE, root.ref) == said
        background = await here.admin(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
        )
        said = "It is no client's session but the server's own (checkpointer)."
        assert await here.left_out(TERMINATE, f"pg/session/{background}/1") == said
    async with field(server, user="onlooker") as here:
        await here.connect("kpi")
        await here.connect("mine", user="onlooker")
        kpi, mine = await here.session("kpi", "idle"), await here.session("mine", "idle")
        said = "It is another role's: GRANT pg_signal_backend TO onlooker; is missing."
        assert await here.left_out(TERMINATE, kpi.ref) == said
        assert (kpi.actions, mine.actions) == ((), (TERMINATE,))
        target = await here.target(TERMINATE, mine.ref)
        assert await here.apply(TERMINATE, target) == (DONE, "gone")
    async with field(server, user="plain") as here:
        await here.connect("watched", user="onlooker")
        hidden = await here.session("watched")
        said = "Its state is hidden: GRANT pg_read_all_stats TO plain; is missing."
        assert await here.left_out(TERMINATE, hidden.ref) == said


async def test_a_right_that_is_taken_away_meanwhile_is_said(server: servers.Postgres) -> None:
    async with field(server) as here:
        kpi = await here.connect("kpi")
        target = await here.target(TERMINATE, (await here.session("kpi", "idle")).ref)
        await here.admin("REVOKE pg_signal_backend FROM mr_watcher")
        try:
            outcome, why = await here.apply(TERMINATE, target)
        finally:
            await here.admin("GRANT pg_signal_backend TO mr_watcher")
        assert outcome is FAILED
        assert why.startswith("Postgres refused: permission denied to terminate process")
        assert why.endswith(". GRANT pg_signal_backend TO mr_watcher; is missing")
        assert why.count("Only roles with") == 1
        assert "\n" not in why
        assert await alive(kpi)


async def test_our_own_connections_are_never_touched(server: servers.Postgres) -> None:
    async with field(server) as here:
        rows = await waiting.until(lambda: own(here))
        for pid, started in rows:
            ref = f"pg/session/{pid}/{started}"
            assert await here.left_out(TERMINATE, ref) == "It is the core's own connection."
            guard = {"pid": pid, "backend_start": started, "state": "idle", "xact_start": None}
            forged = plans.Target(ref=ref, label="ours", guard=guard)
            assert (await here.apply(TERMINATE, forged))[0] is SKIPPED
        query = plans.Query(text=r"\bmrcore\b")
        parts = await here.plan(
            TERMINATE, ref="pg/postgres/main", collection="sessions", query=query
        )
        said = [(part.why, part.samples) for part in parts if isinstance(part, plans.LeftOut)]
        refs = [f"pg/session/{pid}/{started}" for pid, started in rows]
        with pytest.raises(errors.NotFound, match="sessions belong to pg/postgres/main"):
            await here.plan(TERMINATE, ref="pg/postgres/other", collection="sessions", query=query)
        assert said == [("It is the core's own connection.", (each,)) for each in refs]
        assert await own(here) == rows


async def own(here: Field) -> list[tuple[int, int]]:
    found = await here.admin(
        "SELECT json_agg(json_build_array(pid, (extract(epoch FROM backend_start) * 1000000)"
        "::bigint) ORDER BY pid)::text FROM pg_stat_activity WHERE application_name = 'mrcore'"
    )
    rows = source_base.parse_json(found)
    return [(pid, started) for pid, started in rows] if len(rows) == 2 else []


async def test_a_full_server_is_freed_on_the_kept_connection(server: servers.Postgres) -> None:
    async with field(server) as here:
        await waiting.until(lambda: own(here))
        for number in range(20):
            try:
                await here.connect(f"leak-{number}")
            except asyncpg.TooManyConnectionsError:
                break
        else:
            pytest.fail("the server was never full")
        with pytest.raises(asyncpg.TooManyConnectionsError):
            await here.connect("one more")
        parts = await here.plan(
            TERMINATE,
            ref="pg/postgres/main",
            collection="sessions",
            query=plans.Query(state="idle", text=r"plain leak-[01]\b"),
        )
        targets = [part for part in parts if isinstance(part, plans.Target)]
        assert {t.label.split()[3] for t in targets} == {"leak-0", "leak-1"}
        assert [t.guard["pid"] for t in targets] == sorted(t.guard["pid"] for t in targets)
        outcomes = await here.source.apply(TERMINATE, targets, {}, ASHA)
        assert {o.outcome for o in outcomes} == {DONE}
        assert await alive(await here.connect("one more"))


async def test_a_collection_takes_a_filter(server: servers.Postgres) -> None:
    async with field(server) as here:
        owner = {"ref": "pg/postgres/main", "collection": "sessions"}
        with pytest.raises(errors.BadRequest, match="not a regular expression"):
            await here.plan(TERMINATE, **owner, query=plans.Query(text="("))
        await here.connect("kpi")
        session = await here.session("kpi", "idle")
        (target,) = await here.plan(TERMINATE, **owner, query=plans.Query(text=r"\bkpi\b"))
        assert target.ref == session.ref
        assert await here.plan(TERMINATE, **owner, query=plans.Query(text="nothing like it")) == []
        other = {"ref": "pg/postgres/other", "collection": "sessions"}
        with pytest.raises(errors.NotFound, match="sessions belong to pg/postgres/main"):
            await here.plan(TERMINATE, **other)


@pytest.mark.usefixtures("redaction_key")
async def test_a_plan_is_made_of_what_the_screen_shows(server: servers.Postgres) -> None:
    """Neither its labels nor what its filter finds tell what is redacted."""
    async with field(server) as here:
        tag = redact.text("ravi.kumar@example.com")
        named = await here.connect("ravi.kumar@example.com")
        spoken = await here.connect("plain")
        await spoken.fetch("SELECT 'ravi.kumar@example.com'")
        await named.fetch("SELECT 1")
        both = {(await here.session(app, "idle")).ref for app in (tag, "plain")}
        owner = {"ref": "pg/postgres/main", "collection": "sessions"}
        assert await here.plan(TERMINATE, **owner, query=plans.Query(text="ravi")) == []
        for text in (tag, "ravi.kumar@example.com"):
            found = await here.plan(TERMINATE, **owner, query=plans.Query(text=text))
            assert {part.ref for part in found} == both
            assert not [part for part in found if "ravi" in part.label]


async def moved_on(here: Field, kpi: asyncpg.Connection, action: str, *statements: str) -> str:
    """Plan while it runs, let it run another long statement, apply: why it was skipped."""
    first = asyncio.create_task(kpi.execute("SELECT pg_sleep(600)"))
    session = await here.session("kpi", "active")
    target = await here.target(action, session.ref)
    assert await here.admin("SELECT pg_cancel_backend($1)", session.pid)
    with pytest.raises(asyncpg.QueryCanceledError):
        await first
    for statement in statements:
        await kpi.execute(statement)
    second = asyncio.create_task(kpi.execute("SELECT pg_sleep(600) -- another"))

    async def another() -> bool:
        return (await here.session("kpi", "active")).query_start != session.query_start

    await waiting.until(another)
    outcome, why = await here.apply(action, target)
    assert outcome is SKIPPED
    assert not second.done()
    kpi.terminate()
    await asyncio.wait((second,))
    assert second.exception()
    return why


async def test_another_transaction_of_an_active_session_is_not_terminated(
    server: servers.Postgres,
) -> None:
    """Only the start of the transaction tells: both are active, and a statement may change."""
    async with field(server) as here:
        why = await moved_on(here, await here.connect("kpi"), TERMINATE)
        assert why == "it is in another transaction now"


async def test_another_statement_of_the_same_transaction_is_not_cancelled(
    server: servers.Postgres,
) -> None:
    """Only the start of the statement tells."""
    async with field(server) as here:
        kpi = await here.connect("kpi")
        await kpi.execute("BEGIN; SAVEPOINT here")
        why = await moved_on(here, kpi, CANCEL, "ROLLBACK TO here")
        assert why == "it runs another statement now"


async def test_a_session_that_is_active_no_more_is_not_terminated(
    server: servers.Postgres,
) -> None:
    """Only its state tells: the transaction goes on, and what ran has ended."""
    async with field(server) as here:
        kpi = await here.connect("kpi")
        await kpi.execute("BEGIN; SAVEPOINT here")
        sleep = asyncio.create_task(kpi.execute("SELECT pg_sleep(600)"))
        session = await here.session("kpi", "active")
        target = await here.target(TERMINATE, session.ref)
        assert await here.admin("SELECT pg_cancel_backend($1)", session.pid)
        with pytest.raises(asyncpg.QueryCanceledError):
            await sleep
        await kpi.execute("ROLLBACK TO here")
        assert await here.apply(TERMINATE, target) == (SKIPPED, "active → idle in transaction")
        assert await alive(kpi)
