"""What is broken is mended: by the player, by its warden, by the next one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import redis

from mrcore import errors, folder
from mrcore.gameday import arena, debts
from tests import servers
from tests.core.gameday import stages

CONFIG = {"name": "min-replicas-to-write", "value": "1"}


def _stack(state: Path, dsn: str, redis_url: str) -> folder.StateFolder:
    """A folder that looks as that of a running stack; its lock is the caller's."""
    where = folder.StateFolder(state).make()
    where.write_json("stack.json", stages.line(dsn, redis_url))
    where.write_json("mentor.json", stages.names(dsn, redis_url))
    return where


def test_the_warden_mends_what_a_dead_player_left(
    state: Path, database: str, redis_url: str
) -> None:
    where = _stack(state, database, redis_url)
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    owed = debts.Debts(where)
    owed.owe("redis.config", CONFIG, {"min-replicas-to-write": "0"})
    client.config_set("min-replicas-to-write", 1)
    with where.lock("stack.lock", "taken"):
        argv = [sys.executable, "-m", "mrcore.gameday.warden", str(state)]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, timeout=60, check=True)
    assert done.returncode == 0
    assert client.config_get("min-replicas-to-write") == {"min-replicas-to-write": "0"}
    assert not (where / debts.FILE).exists()
    client.close()


async def test_what_cannot_be_mended_stays_owed(
    state: Path, database: str, valkey: servers.Valkey
) -> None:
    dead = "redis://127.0.0.1:1/0"
    where = _stack(state, database, dead)
    owed = debts.Debts(where)
    owed.owe("redis.config", CONFIG, {"min-replicas-to-write": "0"})
    owed.owe("process.stop", {"process": "nobody"}, {})
    with where.lock("stack.lock", "taken"):
        failed = await owed.mend(arena.Arena.at(state))
        assert len(failed) == 1
        assert failed[0].startswith("redis.config could not be mended")
        assert [each["kind"] for each in debts.Debts(where).open] == ["redis.config"]
        where.write_json("stack.json", stages.line(database, valkey.url()))
        assert await debts.Debts(where).mend(arena.Arena.at(state)) == []
    assert debts.Debts(where).open == []


def test_only_a_stack_that_runs_here_is_played_in(state: Path) -> None:
    with pytest.raises(errors.StackError, match="No stack runs in"):
        arena.Arena.at(state)
    where = _stack(state, "postgresql://u:p@db.internal/mentor", "redis://127.0.0.1:1/0")
    with (
        where.lock("stack.lock", "taken"),
        pytest.raises(errors.StackError, match=r"db\.internal is not this host"),
    ):
        arena.Arena.at(state)


async def test_a_server_that_was_given_to_the_stack_is_refused(
    state: Path, database: str, redis_url: str
) -> None:
    where = _stack(state, database, redis_url)
    with where.lock("stack.lock", "taken"):
        stack = arena.Arena.at(state)
        with pytest.raises(errors.StackError, match="a server that is not its own"):
            await stack.check()
