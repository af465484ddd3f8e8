"""What `doctor` finds of a Redis and of huey's journal: the ACL lines it names help."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import redis

from mrcore.sources import base, finding, huey
from mrcore.sources import redis as source_redis
from mrcore.sources.huey import doctor as huey_doctor
from mrcore.sources.redis import doctor
from tests import servers


@pytest.fixture
def admin(valkey: servers.Valkey) -> Iterator[redis.Redis]:
    with contextlib.closing(redis.Redis.from_url(valkey.url())) as client:
        yield client


@pytest.fixture
def login(admin: redis.Redis) -> Iterator[str]:
    """A login with nearly no rights, and gone afterwards."""
    name = servers.new_name("login")
    rules = ("on", f">{servers.PASSWORD}", "+select", "~*")
    admin.execute_command("ACL", "SETUSER", name, *rules)
    yield name
    admin.execute_command("ACL", "DELUSER", name)


async def examine(url: str) -> dict[str, finding.Finding]:
    settings = source_redis.Settings.model_validate({"url": url})
    return {found.what: found for found in await doctor.examine(settings, base.utc_now)}


async def examine_huey(url: str) -> dict[str, finding.Finding]:
    settings = huey.Settings.model_validate({"url": url})
    return {found.what: found for found in await huey_doctor.examine(settings, base.utc_now)}


def as_login(url: str, login: str) -> str:
    return url.replace("redis://", f"redis://{login}:{servers.PASSWORD}@")


async def test_the_acl_lines_that_are_named_help(
    redis_url: str, admin: redis.Redis, login: str
) -> None:
    url = as_login(redis_url, login)
    bad = [one for one in (await examine(url)).values() if not one.ok]
    assert {one.what for one in bad} >= {"names of keys", "health", "delete keys", "client setname"}
    for one in bad:
        assert one.fix.startswith(f"ACL SETUSER {login} +"), one
        admin.execute_command(*one.fix.split())
    after = await examine(url)
    assert [one for one in after.values() if not one.ok] == []
    assert after["reach"].sentence.startswith("Valkey ")
    assert after["delete keys"].sentence == "Keys can be deleted, and put back for 24 h."


async def test_a_pattern_that_is_missing_is_named(
    redis_url: str, admin: redis.Redis, login: str
) -> None:
    admin.execute_command("ACL", "SETUSER", login, "+@all", "resetkeys", "~app:*")
    found = await examine(as_login(redis_url, login))
    bad = {what: one.fix for what, one in found.items() if not one.ok}
    assert bad == {
        "health": f"ACL SETUSER {login} +set +get ~mr:canary:*",
        "delete keys": f"ACL SETUSER {login} ~mr:trash:*",
    }


async def test_what_cannot_be_reached_is_one_finding(redis_url: str) -> None:
    for asked in (examine, examine_huey):
        found = await asked(as_login(redis_url, "nobody"))
        assert found.keys() == {"reach"}
        assert not found["reach"].ok
        assert servers.PASSWORD not in found["reach"].sentence


async def test_what_another_database_needs_is_named_as_its_acl_line(
    redis_url: str, admin: redis.Redis, login: str
) -> None:
    admin.execute_command("ACL", "SETUSER", login, "-select", "+@read")
    second = as_login(redis_url, login).rpartition("/")[0] + "/3"
    for asked in (examine, examine_huey):
        assert (await asked(second))["reach"].fix == f"ACL SETUSER {login} +select"
    admin.execute_command("ACL", "SETUSER", login, "+select")
    assert "reach" not in await examine_huey(second)


async def test_hueys_journal_and_what_may_be_done_to_it(
    redis_url: str, admin: redis.Redis, login: str
) -> None:
    nothing = await examine_huey(redis_url)
    assert not nothing["see queues"].ok
    assert nothing["act on jobs"].ok
    with contextlib.closing(redis.Redis.from_url(redis_url)) as data:
        data.sadd("mr:journal:queues", "emailQueue")
    assert (await examine_huey(redis_url))["see queues"].sentence == "The journal has 1 queue."
    limited = await examine_huey(as_login(redis_url, login))
    for one in limited.values():
        assert not one.ok
        admin.execute_command(*one.fix.split())
    assert all(one.ok for one in (await examine_huey(as_login(redis_url, login))).values())
