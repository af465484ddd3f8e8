"""The small switch before the two colours, with real sockets and the stack's own script."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mrcore.mentor import switch
from mrcore.stack import services, switching


@contextlib.asynccontextmanager
async def colours() -> AsyncIterator[dict[str, int]]:
    """Two servers that answer each line with their colour."""
    async with contextlib.AsyncExitStack() as servers:
        ports = {}
        for colour in ("blue", "green"):

            async def answer(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: str = colour
            ) -> None:
                while line := await reader.readline():
                    writer.write(f"{said} {line.decode()}".encode())
                writer.close()

            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            await servers.enter_async_context(server)
            ports[colour] = server.sockets[0].getsockname()[1]
        yield ports


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """A switch on this port that reads `.current_env` of the test's folder."""
    chosen, ready = services.free_port(), asyncio.Event()
    async with colours() as ports:
        before = switch.Switch(tmp_path / ".current_env", ports)
        running = asyncio.create_task(before.run(chosen, ready.set))
        await ready.wait()
        yield chosen
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def turn(place: Path, colour: str) -> subprocess.CompletedProcess[str]:
    argv = ["/bin/sh", str(switching.SCRIPT), colour, str(place / ".current_env")]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    writer.write(b"who\n")
    return (await reader.readline()).decode()


async def test_new_connections_go_to_the_live_colour_and_open_ones_stay(
    port: int, tmp_path: Path
) -> None:
    assert turn(tmp_path, "blue").returncode == 0
    first = await asyncio.open_connection("127.0.0.1", port)
    assert await ask(*first) == "blue who\n"
    assert turn(tmp_path, "green").stdout == "blue -> green\n"
    second = await asyncio.open_connection("127.0.0.1", port)
    assert await ask(*second) == "green who\n"
    assert await ask(*first) == "blue who\n"
    for reader, writer in (first, second):
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


async def test_what_is_no_colour_changes_nothing(port: int, tmp_path: Path) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""  # nobody has said yet which is live
    writer.close()
    turn(tmp_path, "green")
    done = turn(tmp_path, "purple")
    assert (done.returncode, "no colour 'purple'" in done.stderr) == (64, True)
    assert (tmp_path / ".current_env").read_text() == "green\n"
    connection = await asyncio.open_connection("127.0.0.1", port)
    assert await ask(*connection) == "green who\n"
    connection[1].close()
    (tmp_path / ".current_env").write_text("purple")
    connection = await asyncio.open_connection("127.0.0.1", port)
    assert await ask(*connection) == "green who\n"
    connection[1].close()


async def test_a_colour_that_takes_no_connections_is_told_once_until_it_takes_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chosen, blue, ready = services.free_port(), services.free_port(), asyncio.Event()
    assert turn(tmp_path, "blue").returncode == 0
    before = switch.Switch(tmp_path / ".current_env", {"blue": blue})
    running = asyncio.create_task(before.run(chosen, ready.set))
    await ready.wait()

    async def visit() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", chosen)
        writer.write_eof()
        said = await reader.read()
        writer.close()
        return said

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"here")
        writer.close()

    def refusals() -> int:
        return caplog.text.count("blue does not take connections")

    assert [await visit(), await visit(), refusals()] == [b"", b"", 1]
    async with await asyncio.start_server(answer, "127.0.0.1", blue):
        assert await visit() == b"here"
    assert [await visit(), refusals()] == [b"", 2]
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
