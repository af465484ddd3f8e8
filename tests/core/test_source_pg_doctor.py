"""What `doctor` finds of a Postgres: the GRANT it names is the one that helps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from mrcore.sources import base, finding, pg
from mrcore.sources.pg import doctor
from tests import servers


@pytest.fixture
def role(postgres: servers.Postgres) -> Iterator[str]:
    """A login with no rights, and gone afterwards."""
    name = servers.new_name("Plain")
    postgres.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{servers.PASSWORD}'")
    yield name
    postgres.execute(f'DROP ROLE "{name}"')


async def examine(dsn: str) -> dict[str, finding.Finding]:
    settings = pg.Settings.model_validate({"dsn": dsn})
    return {found.what: found for found in await doctor.examine(settings, base.utc_now)}


async def test_each_grant_that_is_named_helps(postgres: servers.Postgres, role: str) -> None:
    dsn = postgres.dsn(user=role)
    found = await examine(dsn)
    assert found["reach"].ok
    assert found["reach"].sentence.startswith("Postgres 18.")
    bad = {what: one for what, one in found.items() if not one.ok}
    assert bad.keys() == {"see sessions", "cancel and terminate", "reserved slots"}
    assert bad["cancel and terminate"].fix == f'GRANT pg_signal_backend TO "{role}";'
    for one in bad.values():
        await asyncio.to_thread(postgres.execute, one.fix)
    after = await examine(dsn)
    assert after["see sessions"].ok
    assert after["cancel and terminate"].ok
    assert after["reserved slots"].fix.startswith("ALTER SYSTEM SET reserved_connections = 2;")


async def test_a_superuser_is_more_than_is_needed(postgres: servers.Postgres) -> None:
    found = await examine(postgres.dsn())
    assert not found["least rights"].ok
    assert found["cancel and terminate"].ok


async def test_what_cannot_be_reached_is_one_finding(postgres: servers.Postgres) -> None:
    wrong = postgres.dsn(password="wrong")
    found = await examine(wrong)
    assert found.keys() == {"reach"}
    assert not found["reach"].ok
    assert "wrong" not in found["reach"].sentence
