"""What can be wrong with a Redis is told apart, on real Valkey servers."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from mrcore import sources
from mrcore.model import redis as model
from mrcore.sources import base as source_base
from mrcore.stack import services
from tests import frozen, restartable, servers, waiting


@pytest.fixture
def server(tmp_path: Path) -> Iterator[servers.Valkey]:
    options = ("--enable-debug-command", "yes", "--busy-reply-threshold", "20")
    with servers.valkey(tmp_path / "valkey", *options) as made:
        yield made


@pytest.fixture
def admin(server: servers.Valkey) -> Iterator[redis.Redis]:
    with contextlib.closing(redis.Redis(port=server.port)) as client:
        yield client


def build(url: str) -> source_base.Source:
    return sources.build("redis", {"url": url})[0]


async def code(source: source_base.Source) -> str:
    sample = await source.sample()
    node = next(e for e in sample.entities if isinstance(e, model.RedisNode))
    check = next(e for e in sample.entities if e.kind == "check")
    assert check.verdict == node.verdict
    assert node.canary_ok is (not node.verdict.code)
    return node.verdict.code


async def until(source: source_base.Source, wanted: str) -> None:
    """While it changes, a write and INFO can have seen it before and after."""

    async def said() -> bool:
        return await code_of_node(source) == wanted

    await waiting.until(said, what=f"code {wanted!r}")
    assert await code(source) == wanted


async def test_a_pause_of_all_clients_is_no_stopped_process(tmp_path: Path) -> None:
    server = restartable.Valkey(tmp_path)
    with restartable.running(server):
        async with build(server.url()) as source:
            assert await code(source) == ""
            with contextlib.closing(server.client()) as admin:
                admin.execute_command("CLIENT", "PAUSE", 600_000, "ALL")
            assert await code(source) == "paused_all"
            with frozen.frozen(server.pid):
                assert await code(source) == "stopped"
            assert await code(source) == "paused_all"
            server.kill()
            await until(source, "refused")


async def test_a_pause_of_a_server_with_a_password_is_told_as_such(
    server: servers.Valkey, admin: redis.Redis
) -> None:
    admin.config_set("requirepass", "swordfish")
    async with build(f"redis://:swordfish@127.0.0.1:{server.port}/0") as source:
        assert await code(source) == ""
        admin.execute_command("CLIENT", "PAUSE", 600_000, "ALL")
        assert await code(source) == "paused_all"


async def test_an_answer_that_is_late_is_one(server: servers.Valkey, admin: redis.Redis) -> None:
    async with build(server.url()) as source:
        assert await code(source) == ""
        admin.execute_command("CLIENT", "PAUSE", 900, "ALL")  # longer than INFO is waited for
        assert await code(source) == ""


async def test_a_script_that_does_not_end_is_busy_and_can_be_killed(
    server: servers.Valkey, admin: redis.Redis
) -> None:
    def loop() -> None:
        with (
            contextlib.closing(redis.Redis(port=server.port)) as client,
            contextlib.suppress(redis.ResponseError),
        ):
            client.eval("while true do end", 0)

    async with build(server.url()) as source:
        assert await code(source) == ""
        looping = threading.Thread(target=loop)
        looping.start()
        try:
            await until(source, "busy")
        finally:
            await waiting.until(lambda: killed(admin))
            looping.join()
        await until(source, "")


def killed(admin: redis.Redis) -> bool:
    with contextlib.suppress(redis.ResponseError):  # NOTBUSY: it has not begun, or has ended
        return bool(admin.script_kill())
    return False


async def test_a_server_that_reads_its_data_is_loading(
    server: servers.Valkey, admin: redis.Redis
) -> None:
    for n in range(3_000):
        admin.set(f"k{n}", "v")
    admin.config_set("loading-process-events-interval-bytes", 1024)

    def reload() -> None:
        with contextlib.closing(redis.Redis(port=server.port)) as client:
            client.execute_command("DEBUG", "RELOAD")

    async with build(server.url()) as source:
        assert await code(source) == ""
        admin.config_set("key-load-delay", 3_000)
        reloading = threading.Thread(target=reload)
        reloading.start()
        try:
            await until(source, "loading")
        finally:
            await waiting.until(lambda: slow_no_more(admin))
            reloading.join()
        await until(source, "")


def slow_no_more(admin: redis.Redis) -> bool:
    with contextlib.suppress(redis.BusyLoadingError):
        return bool(admin.config_set("key-load-delay", 0))
    return False


async def test_a_save_that_fails_stops_writes(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    with (
        servers.valkey(folder, "--save", "3600 1", "--dir", str(folder)) as server,
        contextlib.closing(redis.Redis(port=server.port)) as admin,
    ):
        async with build(server.url()) as source:
            assert await code(source) == ""
            shutil.rmtree(folder)
            with contextlib.suppress(redis.ResponseError):
                admin.bgsave()
            try:
                await until(source, "misconf")
                admin.config_set("stop-writes-on-bgsave-error", "no")
                assert await code_of_node(source) == "snapshot"
            finally:
                admin.config_set("save", "")  # or it could not end


async def code_of_node(source: source_base.Source) -> str:
    sample = await source.sample()
    return sample.entities[0].verdict.code


async def test_nothing_listens() -> None:
    async with build(f"redis://127.0.0.1:{services.free_port()}/0") as source:
        await until(source, "refused")
