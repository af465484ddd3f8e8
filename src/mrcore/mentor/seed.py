"""Make Mr. Mentor's database: roles, schema and, if asked, deterministic data by COPY."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from pydantic import SecretStr

from mrcore import errors
from mrcore.mentor import migrate, people, roles, seed_rows


@dataclass(frozen=True)
class Order:
    """What to make. `admin_dsn` is a superuser's; `seed` None makes the schema only."""

    admin_dsn: SecretStr
    database: str
    app_password: SecretStr
    watcher_password: SecretStr
    seed: int | None = None
    scale: people.Scale = people.SMALL


@dataclass(frozen=True)
class Made:
    """What was done: schema files applied now, and rows written now; both empty when none."""

    files: tuple[str, ...]
    rows: int


async def make(order: Order, *, now: Callable[[], datetime]) -> Made:
    """Bring the database to what `order` says; again changes nothing.

    Raises StackError when Postgres cannot be reached, refuses, or holds another seed.
    """
    try:
        connection = await _connect(order)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise errors.StackError(
            f"Postgres did not let the seed in: {type(error).__name__}.",
            fix="MR_ADMIN_DSN must name a superuser of a running Postgres.",
        ) from error
    try:
        await roles.make(
            connection, app_password=order.app_password, watcher_password=order.watcher_password
        )
        files = await migrate.run(connection)
        rows = await _fill(connection, order, now()) if order.seed is not None else 0
    finally:
        await connection.close()
    return Made(tuple(files), rows)


async def _connect(order: Order) -> asyncpg.Connection:
    dsn = order.admin_dsn.get_secret_value()
    try:
        return await asyncpg.connect(dsn, database=order.database, timeout=10)
    except asyncpg.InvalidCatalogNameError:
        connection = await asyncpg.connect(dsn, timeout=10)
    try:
        quoted = order.database.replace('"', '""')
        await connection.execute(f'CREATE DATABASE "{quoted}"')
    finally:
        await connection.close()
    return await asyncpg.connect(dsn, database=order.database, timeout=10)


async def _fill(connection: asyncpg.Connection, order: Order, now: datetime) -> int:
    assert order.seed is not None
    written = 0
    async with connection.transaction():
        await connection.execute("LOCK TABLE mentor_seeds IN EXCLUSIVE MODE")
        held = await connection.fetchrow("SELECT seed, scale FROM mentor_seeds")
        if held:
            if (held["seed"], held["scale"]) != (order.seed, order.scale.name):
                raise errors.StackError(
                    f"Database {order.database!r} holds seed {held['seed']} at scale"
                    f" {held['scale']}, not seed {order.seed} at scale {order.scale.name}.",
                    fix="Use another state folder or another database.",
                )
            return 0
        for table in seed_rows.Builder(order.seed, order.scale, now).tables():
            await connection.copy_records_to_table(
                table.name, schema_name=table.schema, columns=table.columns, records=table.rows
            )
            written += len(table.rows)
        await connection.execute(
            "INSERT INTO mentor_seeds VALUES ($1, $2, $3)", order.seed, order.scale.name, now
        )
    await connection.execute("ANALYZE")
    return written
