"""The schema, who may do what in it, and its runner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from mrcore import errors
from mrcore.mentor import migrate, seed
from tests import servers
from tests.core.mentor import conftest

TRAILS = ("login_logs", "superadmin.gst_audit_log", "mas_crm.lead_activity_log")
CHANNELS = (
    "agent_configuration_history",
    "mas_crm.lead_email_log",
    "mas_crm.lead_whatsapp_log",
    "mas_crm.ask_mas_log",
)

COLUMNS = {
    "public.login_logs": [
        "id",
        "userId",
        "action",
        "ipAddress",
        "userAgent",
        "timestamp",
        "actorId",  # ours: who was behind a master login
    ],
    "superadmin.gst_audit_log": [
        "id",
        "payment_id",
        "invoice_number",
        "action",
        "field",
        "old_value",
        "new_value",
        "changed_by",
        "changed_by_email",
        "created_at",
    ],
    "mas_crm.lead_activity_log": [
        "id",
        "lead_id",
        "activity_type",
        "changed_by",
        "old_value",
        "new_value",
        "created_at",
    ],
}


@pytest.fixture(scope="module")
def alike(postgres: servers.Postgres, template: str) -> Iterator[str]:
    """DSN (superuser) of a copy for all tests here: what changes it does not get through, or
    only appends."""
    with conftest.copied(postgres, template) as dsn:
        yield dsn


@pytest.fixture
async def app(alike: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to it as `mentor_app`."""
    connection = await asyncpg.connect(conftest.as_role(alike, "mentor_app"))
    yield connection
    await connection.close()


async def test_the_trails_have_the_playbooks_columns_and_enums(app: asyncpg.Connection) -> None:
    for table, columns in COLUMNS.items():
        rows = await app.fetch(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema || '.' || table_name = $1 ORDER BY ordinal_position",
            table,
        )
        assert [row[0] for row in rows] == columns
    assert await _labels(app, "log_action") == ["login", "logout", "master_login"]
    assert await _labels(app, "superadmin.gst_audit_action") == ["create", "update", "issue"]


async def _labels(connection: asyncpg.Connection, enum: str) -> list[str]:
    labels: list[str] = await connection.fetchval(f"SELECT enum_range(NULL::{enum})::text[]")
    return labels


@pytest.mark.parametrize("trail", TRAILS)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET id = id",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "DROP TABLE {}",
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "CREATE RULE r AS ON INSERT TO {} DO INSTEAD NOTHING",
    ],
)
async def test_the_backend_cannot_change_a_trail(
    app: asyncpg.Connection, trail: str, statement: str
) -> None:
    before = await app.fetchval(f"SELECT count(*) FROM {trail}")
    assert before > 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement.format(trail))
    assert await app.fetchval(f"SELECT count(*) FROM {trail}") == before


@pytest.mark.parametrize("trail", CHANNELS)
async def test_the_younger_trails_are_append_only_too(app: asyncpg.Connection, trail: str) -> None:
    rights = [
        await app.fetchval("SELECT has_table_privilege($1, $2)", trail, right)
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
    ]
    assert rights == [True, True, False, False, False]


async def test_the_backend_cannot_give_itself_a_right(app: asyncpg.Connection) -> None:
    # Postgres answers such a GRANT with a warning and grants nothing.
    await app.execute("GRANT UPDATE ON login_logs TO mentor_app")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("UPDATE login_logs SET action = 'logout'")


async def test_the_backend_cannot_become_the_owner(app: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("SET ROLE mentor_owner")


async def test_the_backend_appends_to_every_trail(app: asyncpg.Connection) -> None:
    user = await app.fetchval("SELECT id FROM users LIMIT 1")
    lead = await app.fetchval("SELECT id FROM leads LIMIT 1")
    await app.execute(
        'INSERT INTO login_logs ("userId", action, "ipAddress", "userAgent")'
        " VALUES ($1, 'master_login', '10.0.0.1', 'test')",
        user,
    )
    await app.execute(
        "INSERT INTO superadmin.gst_audit_log (payment_id, action, field, changed_by,"
        " changed_by_email) VALUES ('p', 'update', 'gstin', $1, 'a@b.example')",
        user,
    )
    await app.execute(
        "INSERT INTO mas_crm.lead_activity_log (lead_id, activity_type)"
        " VALUES ($1, 'status_changed')",
        lead,
    )


async def test_the_watcher_watches_and_signals_but_writes_nothing(alike: str) -> None:
    watcher = await asyncpg.connect(conftest.as_role(alike, "mr_watcher"))
    try:
        for role in ("pg_monitor", "pg_signal_backend", "pg_use_reserved_connections"):
            assert await watcher.fetchval("SELECT pg_has_role($1, 'USAGE')", role)
        assert await watcher.fetchval("SHOW default_transaction_read_only") == "on"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await watcher.fetch("SELECT * FROM users")
    finally:
        await watcher.close()


async def test_making_twice_changes_nothing(database: str) -> None:
    order = conftest.order(database, number=None)
    first = await seed.make(order, now=lambda: conftest.NOW)
    assert first.files == tuple(name for _, name, _ in migrate.files())
    assert first.rows == 0
    before = await _snapshot(database)
    assert await seed.make(order, now=lambda: conftest.NOW) == seed.Made((), 0)
    assert await _snapshot(database) == before


async def _snapshot(database: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database)
    try:
        rows: list[asyncpg.Record] = await connection.fetch(
            "SELECT oid::text, relname, relacl::text FROM pg_class WHERE relnamespace IN"
            " ('public'::regnamespace, 'superadmin'::regnamespace, 'mas_crm'::regnamespace)"
            " UNION ALL SELECT number::text, name, applied_at::text FROM mentor_migrations"
            " UNION ALL SELECT rolname, rolcanlogin::text, rolconfig::text FROM pg_roles"
            " ORDER BY 1, 2"
        )
        return rows
    finally:
        await connection.close()


async def test_a_postgres_that_is_away_is_a_sentence() -> None:
    order = conftest.order("postgresql://mr_admin:x@127.0.0.1:1/nothing")
    with pytest.raises(errors.StackError, match="superuser of a running Postgres"):
        await seed.make(order, now=lambda: conftest.NOW)
