"""The source `pg` against real Postgres servers: full, stopped, killed, without rights."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pydantic
import pytest

from mrcore import errors, sources
from mrcore.model import backend, base, postgres, wire
from mrcore.sources import base as source_base
from mrcore.sources.pg import link
from mrcore.stack import services
from tests import frozen, restartable, servers, waiting

WATCHER = "pg_monitor, pg_use_reserved_connections, pg_signal_backend"
SMALL = {"max_connections": "14", "reserved_connections": "2"}  # and 3 for superusers


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Postgres]:
    """A server with nine slots for applications that logs every statement with its application."""
    folder = tmp_path_factory.mktemp("small")
    options = {**SMALL, "log_statement": "all", "log_line_prefix": "%a|"}
    with servers.postgres(folder, **options) as server:
        for role, groups in (("plain", ""), ("watcher", WATCHER)):
            server.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{servers.PASSWORD}'")
            if groups:
                server.execute(f"GRANT {groups} TO {role}")
        yield server


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[restartable.Postgres]:
    """A server of this test's own, to kill and start again."""
    server = restartable.Postgres(tmp_path)
    with restartable.running(server):
        yield server


def build(dsn: str) -> source_base.Source:
    return sources.build("pg", {"dsn": dsn})[0]


@contextlib.asynccontextmanager
async def connections() -> AsyncIterator[list[asyncpg.Connection]]:
    """A list to put connections in, closed at the end."""
    opened: list[asyncpg.Connection] = []
    try:
        yield opened
    finally:
        for connection in opened:
            connection.terminate()


async def connect(dsn: str, app: str = "mentor") -> asyncpg.Connection:
    return await asyncpg.connect(dsn, server_settings={"application_name": app})


async def fill(dsn: str, opened: list[asyncpg.Connection]) -> asyncpg.TooManyConnectionsError:
    """Open connections until there is none left."""
    while True:
        try:
            opened.append(await connect(dsn))
        except asyncpg.TooManyConnectionsError as error:
            return error


def server_of(sample: wire.Sample) -> postgres.PostgresServer:
    return next(e for e in sample.entities if isinstance(e, postgres.PostgresServer))


def sessions_of(sample: wire.Sample, app: str) -> list[postgres.Session]:
    found = (e for e in sample.entities if isinstance(e, postgres.Session))
    return [session for session in found if session.app == app]


async def own_pids(server: servers.Postgres) -> set[int]:
    admin = await asyncpg.connect(server.dsn())
    try:
        rows = await admin.fetch(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'mrcore'"
        )
        return {row["pid"] for row in rows}
    finally:
        await admin.close()


async def both(server: servers.Postgres) -> set[int]:
    """The pids of a source's two connections, once both are there."""

    async def two() -> set[int]:
        pids = await own_pids(server)
        return pids if len(pids) == 2 else set()

    return await waiting.until(two, what="two kept connections")


async def test_who_blocks_whom_in_rows_and_details(database: str) -> None:
    async with build(database) as source, connections() as opened:
        holder, waiter = await connect(database), await connect(database, "kpi")
        opened += [holder, waiter]
        await holder.execute("CREATE TABLE t (i int)")
        await holder.execute("BEGIN; LOCK TABLE t")
        select = asyncio.create_task(waiter.fetch("SELECT * FROM t"))

        async def blocked() -> wire.Sample | None:
            sample = await source.sample()
            return sample if any(s.blocked_by for s in sessions_of(sample, "kpi")) else None

        sample = await waiting.until(blocked)
        (kpi,), (mentor,) = sessions_of(sample, "kpi"), sessions_of(sample, "mentor")
        assert kpi.blocked_by == (mentor.pid,)
        assert mentor.blocks == (kpi.pid,)
        assert mentor.verdict.why == f"blocks {kpi.pid} (kpi, active)"
        assert kpi.wait == "Lock:relation"
        assert mentor.state == "idle in transaction"
        assert kpi.client.startswith("127.0.0.1:")

        detail = await source.detail(kpi.ref)
        sections = {section.id: section for section in detail.sections}
        assert sections["query"].text == "SELECT * FROM t"
        assert [(f.name, f.value) for f in sections["locks"].fields] == [
            ("waits for AccessShareLock", "relation t")
        ]
        assert detail.links == (
            wire.Link(
                label=f"waits for {mentor.pid} (mentor, idle in transaction)", ref=mentor.ref
            ),
        )
        held = {s.id: s for s in (await source.detail(mentor.ref)).sections}["locks"].fields
        assert ("holds AccessExclusiveLock", "relation t") in [(f.name, f.value) for f in held]
        server = await source.detail("pg/postgres/main")
        assert [link.ref for link in server.links] == [mentor.ref]
        await holder.execute("ROLLBACK")
        await select


async def test_postgres_16_is_read_by_the_same_statements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """12 to 15 are not at hand: what they lack is asked for in a way that gives null there."""
    older = services.postgres_bin().parents[1] / "pginstall" / "bin"
    monkeypatch.setattr(services, "postgres_bin", lambda: older)
    server = await asyncio.to_thread(restartable.Postgres, tmp_path)
    server.spawn()
    try:
        await asyncio.to_thread(server.wait)
        async with build(server.dsn()) as source, connections() as opened:
            opened.append(holder := await connect(server.dsn()))
            await holder.execute("BEGIN")
            sample = await source.sample()
            assert server_of(sample).version.startswith("16.")
            (session,) = sessions_of(sample, "mentor")
            assert session.state == "idle in transaction"
            assert (await source.detail(session.ref)).entity.ref == session.ref
    finally:
        server.close()


async def test_an_aborted_transaction_is_idle_in_transaction(database: str) -> None:
    async with build(database) as source, connections() as opened:
        opened.append(broken := await connect(database, "broken"))
        await broken.execute("BEGIN")
        with pytest.raises(asyncpg.UndefinedTableError):
            await broken.execute("SELECT * FROM nowhere")

        async def aborted() -> wire.Sample | None:
            sample = await source.sample()
            (session,) = sessions_of(sample, "broken")
            return sample if session.state == "idle in transaction (aborted)" else None

        sample = await waiting.until(aborted)
        assert {p.metric: p.value for p in sample.points}["pg.idle_in_tx"] >= 1


async def test_a_sample_is_two_statements(small: servers.Postgres) -> None:
    log = Path(f"/proc/{small.pid}/fd/2").resolve()

    def statements() -> list[str]:
        return [line for line in log.read_text().splitlines() if line.startswith("mrcore|LOG")]

    async with build(small.dsn()) as source:
        begun = len(statements())
        for samples in (1, 2, 3):
            await source.sample()
            assert len(statements()) - begun == 2 * samples


async def test_it_sees_all_when_every_slot_is_taken(small: servers.Postgres) -> None:
    dsn = small.dsn(user="watcher")
    async with build(dsn) as source, connections() as opened:
        pids = await both(small)
        plain, admin = small.dsn(user="plain"), small.dsn()
        await fill(plain, opened)
        await fill(dsn, opened)
        sample = await source.sample()
        server = server_of(sample)
        assert len(sessions_of(sample, "mentor")) == len(opened) == 9
        assert server.verdict.level == "bad"
        assert server.verdict.why == "11 of 9 usable connections are taken"
        await fill(admin, opened)  # now not even a superuser gets in
        sample = await source.sample()
        assert len(sessions_of(sample, "mentor")) == len(opened) == 12
        assert server_of(sample).sessions == 14
        detail = await source.detail(sessions_of(sample, "mentor")[0].ref)
        assert detail.entity.ref == sessions_of(sample, "mentor")[0].ref
        for connection in opened:
            await connection.close()
        assert await both(small) == pids


async def test_starting_at_full_slots_says_which_limit(small: servers.Postgres) -> None:
    plain, watcher = small.dsn(user="plain"), small.dsn(user="watcher")
    async with connections() as opened:
        await fill(plain, opened)
        async with build(plain) as source:
            with pytest.raises(errors.Unreachable, match="max_connections - reserved_connections"):
                await source.sample()
        async with build(watcher) as source:  # a member of pg_use_reserved_connections gets in
            assert len(sessions_of(await source.sample(), "mentor")) == 9
        await fill(watcher, opened)
        async with build(watcher) as source:
            with pytest.raises(errors.Unreachable, match="superuser_reserved_connections"):
                await source.sample()
        await fill(small.dsn(), opened)
        async with build(small.dsn()) as source:
            with pytest.raises(errors.Unreachable, match="max_connections is reached"):
                await source.sample()


async def test_the_limit_of_a_role_and_of_a_database_have_names(
    postgres: servers.Postgres, database: str
) -> None:
    admin = await connect(database)
    role = servers.new_name("role")
    name = database.rsplit("/", 1)[1]
    dsn = postgres.dsn(name, user=role)
    await admin.execute(
        f"CREATE ROLE {role} LOGIN PASSWORD '{servers.PASSWORD}' CONNECTION LIMIT 0"
    )
    async with build(dsn) as source:
        with pytest.raises(errors.Unreachable, match="the role's CONNECTION LIMIT"):
            await source.sample()
    await admin.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")
    await admin.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    async with build(dsn) as source:
        with pytest.raises(errors.Unreachable, match="the database's CONNECTION LIMIT"):
            await source.sample()
    await admin.execute(f"DROP ROLE {role}")
    await admin.close()


async def test_a_stopped_server_is_heard_again_on_the_same_connections(
    small: servers.Postgres,
) -> None:
    async with build(small.dsn()) as source:
        await source.sample()
        pids = await both(small)
        with frozen.frozen(small.pid):
            for _ in range(3):  # nobody's patience closes a connection, and nothing piles up
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await source.sample()
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await source.detail("pg/postgres/main")
        assert server_of(await source.sample()).version.startswith("18")
        assert (await source.detail("pg/postgres/main")).entity.ref == "pg/postgres/main"
        assert await both(small) == pids


async def test_a_lost_connection_is_opened_again(small: servers.Postgres) -> None:
    async with build(small.dsn()) as source:
        await source.sample()
        pids = await both(small)
        admin = await connect(small.dsn())
        for pid in pids:
            await admin.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
        await admin.close()
        found = server_of(await source.sample())
        assert found.by_app["mrcore"] >= 1
        assert not await both(small) & pids


async def test_a_server_that_went_comes_back(crashing: restartable.Postgres) -> None:
    async with build(crashing.dsn()) as source:
        await source.sample()
        await asyncio.to_thread(crashing.kill)
        with pytest.raises(errors.Unreachable, match="cannot be reached"):
            await source.sample()
        crashing.spawn()
        await asyncio.to_thread(crashing.wait)
        await waiting.until(lambda: answers(source), what="a sample after the restart")


async def answers(source: source_base.Source) -> bool:
    try:
        await source.sample()
    except errors.Unreachable:
        return False
    return True


async def test_without_pg_monitor_it_says_so_and_goes_on(small: servers.Postgres) -> None:
    async with build(small.dsn(user="plain")) as source, connections() as opened:
        opened.append(await connect(small.dsn(), "secretive"))

        async def alone() -> wire.Sample | None:
            """What is seen once the server has noticed that those of before are gone."""
            seen = await source.sample()
            return seen if server_of(seen).by_state == {"hidden": 1} else None

        sample = await waiting.until(alone, what="one hidden session")
        assert sample is not None
        (hidden,) = sessions_of(sample, "secretive")
        assert (hidden.user, hidden.query) == ("mr_admin", "<insufficient privilege>")
        monitor, signal = source.describe().capabilities
        assert monitor.startswith("needs pg_monitor")
        assert signal.startswith("needs GRANT pg_signal_backend TO plain;")
        assert hidden.actions == ()
        assert (await source.detail(hidden.ref)).entity.ref == hidden.ref
    async with build(small.dsn(user="watcher")) as source:
        await source.sample()
        assert source.describe().capabilities == ()


async def test_the_eye_cannot_write(database: str) -> None:
    eye = link.Link(pydantic.SecretStr(database), read_only=True)
    connection = await eye.open()
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await connection.execute("CREATE TABLE t ()")
    settings = await connection.fetchrow(
        "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), "
        "current_setting('application_name')"
    )
    assert settings is not None
    assert tuple(settings) == ("2s", "200ms", "mrcore")
    await eye.close(connection)


async def test_a_wrong_password_is_not_permitted_and_not_repeated(
    postgres: servers.Postgres,
) -> None:
    async with build(postgres.dsn(password="hunter2")) as source:
        with pytest.raises(errors.NotPermitted, match="password authentication failed") as caught:
            await source.sample()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["mysql://a:hunter2@b", "host=b password=hunter2", ""])
def test_a_dsn_that_is_none_is_refused_by_name(dsn: str) -> None:
    with pytest.raises(errors.SettingsError, match=r"sources\.pg.*dsn.*postgresql://") as caught:
        build(dsn)
    assert "hunter2" not in str(caught.value)


async def test_a_dsn_that_does_not_parse_says_so_without_itself() -> None:
    async with build("postgresql://u:hunter2@127.0.0.1:port/db") as source:
        with pytest.raises(errors.Unreachable, match="DSN") as caught:
            await source.sample()
    assert "hunter2" not in str(caught.value)


async def test_the_probe_answers_with_the_check(database: str) -> None:
    async with build(database) as source:
        (check,) = await source.probe()
        assert isinstance(check, backend.Check)
        assert (check.ref, check.verdict) == ("pg/check/postgres", base.OK)
