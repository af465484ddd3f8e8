"""The data: the same for the same number, another for another."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from urllib.parse import urlsplit

import asyncpg
import pytest

from mrcore import errors
from mrcore.mentor import migrate, people, seed
from tests import servers
from tests.core.mentor import conftest


async def checksum(database: str) -> str:
    """A digest over every row of every table, but when migrations ran."""
    connection = await asyncpg.connect(database)
    total = hashlib.sha256()
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname IN ('public', 'superadmin', 'mas_crm')"
            " AND tablename <> 'mentor_migrations' ORDER BY 1"
        )
        for table in tables:
            rows = await connection.fetch(f"SELECT t::text FROM {table['name']} t ORDER BY 1")
            for row in rows:
                total.update(f"{table['name']}{row[0]}\n".encode())
    finally:
        await connection.close()
    return total.hexdigest()


async def _make(postgres: servers.Postgres, number: int) -> str:
    connection = await asyncpg.connect(postgres.dsn())
    name = servers.new_name()
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        order = conftest.order(postgres.dsn(name), number, conftest.TINY)
        await seed.make(order, now=lambda: conftest.NOW)
        return await checksum(postgres.dsn(name))
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


async def test_the_same_seed_is_the_same_data_and_another_is_not(
    postgres: servers.Postgres,
) -> None:
    first = await _make(postgres, 7)
    assert await _make(postgres, 7) == first
    assert await _make(postgres, 8) != first


async def test_seeding_again_keeps_the_rows(seeded: str) -> None:
    before = await checksum(seeded)
    again = await seed.make(
        conftest.order(seeded, scale=conftest.TINY), now=lambda: conftest.NOW.replace(year=2027)
    )
    assert again == seed.Made((), 0)
    assert await checksum(seeded) == before


async def test_another_seed_on_the_same_database_is_refused(seeded: str) -> None:
    with pytest.raises(errors.StackError, match="holds seed 7 at scale small, not seed 8"):
        await seed.make(conftest.order(seeded, 8), now=lambda: conftest.NOW)


async def test_the_small_scale_has_what_the_jobs_need(database: str) -> None:
    made = await seed.make(conftest.order(database), now=lambda: conftest.NOW)
    assert 3_000 < made.rows < 12_000
    connection = await asyncpg.connect(database)
    try:
        for question in (
            "SELECT count(*) FROM slots WHERE booked_by IS NULL AND ends_at < $1",
            "SELECT count(*) FROM slots WHERE booked_by IS NULL AND starts_at > $1",
            "SELECT count(*) FROM leads WHERE owner_id IS NULL AND created_at < $1",
            "SELECT count(*) FROM assignments WHERE submitted_at IS NULL AND due_at > $1",
            "SELECT count(*) FROM payments WHERE status = 'captured' AND captured_at < $1",
            "SELECT count(*) FROM ai_calls WHERE state = 'ringing' AND started_at < $1",
            "SELECT count(*) FROM users WHERE email LIKE '%@bounce.example' AND created_at < $1",
            "SELECT count(*) FROM users WHERE name IS NULL AND created_at < $1",
        ):
            assert await connection.fetchval(question, conftest.NOW) > 0, question
    finally:
        await connection.close()


def test_the_large_scale_is_about_a_hundred_times_the_small() -> None:
    assert people.LARGE.people > 90 * people.SMALL.people
    assert people.LARGE.leads == 100 * people.SMALL.leads


def test_the_command_makes_the_database_and_says_what_it_did(postgres: servers.Postgres) -> None:
    name = servers.new_name()
    env = {
        **os.environ,
        "MR_ADMIN_DSN": postgres.dsn(),
        "DB_NAME": name,
        "DB_PASSWORD": servers.PASSWORD,
        "MR_WATCHER_PASSWORD": servers.PASSWORD,
    }
    argv = [sys.executable, "-m", "mrcore", "seed", "--seed", "7", "--scale", "small"]
    try:
        first = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
        again = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    finally:
        postgres.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    assert f"{len(migrate.files())} schema files applied" in first.stdout
    assert "0 schema files applied, 0 rows written" in again.stdout
    assert servers.PASSWORD not in first.stdout + first.stderr + urlsplit(first.stdout).path


def test_the_command_names_the_missing_variable() -> None:
    env = {name: value for name, value in os.environ.items() if name != "MR_ADMIN_DSN"}
    done = subprocess.run(
        [sys.executable, "-m", "mrcore", "seed"], env=env, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "MR_ADMIN_DSN is not set" in done.stderr
