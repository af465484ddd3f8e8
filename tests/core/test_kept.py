"""The kept connection, over a simulated link: order, giving up, and never two at once."""

from __future__ import annotations

import asyncio

import pytest

from mrcore import errors
from mrcore.sources import kept
from tests import waiting


class Line:
    """A simulated connection."""

    def __init__(self) -> None:
        self.lost = False
        self.closed = False


class Link:
    """A simulated way to open one; `trouble` is raised while it is set."""

    failures = (OSError,)

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.opened: list[Line] = []
        self.opening = 0
        self.most_opening = 0
        self.may_open = asyncio.Event()
        self.may_open.set()

    async def open(self) -> Line:
        self.opening += 1
        self.most_opening = max(self.most_opening, self.opening)
        try:
            await self.may_open.wait()
            if self.trouble:
                raise self.trouble
            self.opened.append(Line())
            return self.opened[-1]
        finally:
            self.opening -= 1

    def lost(self, connection: Line) -> bool:
        return connection.lost

    async def close(self, connection: Line) -> None:
        connection.closed = True

    def explain(self, error: Exception) -> errors.SourceError:
        return errors.Unreachable(f"lost: {error}")


async def test_who_gives_up_leaves_the_job_and_the_next_waits_for_it() -> None:
    link, asked = Link(), []
    answer = asyncio.Event()
    line = kept.Kept(link, asyncio.Lock())
    line.start()

    async def slow(connection: Line) -> str:
        asked.append("slow")
        await answer.wait()
        return "slow answer"

    async def quick(connection: Line) -> str:
        asked.append("quick")
        return "quick answer"

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await line.run(slow)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await line.run(quick)
    assert asked == ["slow"]
    waiters = [asyncio.create_task(line.run(quick)) for _ in range(3)]
    answer.set()
    assert await asyncio.gather(*waiters) == ["quick answer"] * 3
    assert asked == ["slow", "quick", "quick", "quick"]
    assert len(link.opened) == 1
    await line.stop()
    assert link.opened[0].closed


async def test_all_are_closed_although_one_is_busy_and_nobody_waits_for_it() -> None:
    link, gate = Link(), asyncio.Lock()
    lines = [kept.Kept(link, gate) for _ in range(2)]
    for line in lines:
        line.start()
    await waiting.until(lambda: len(link.opened) == 2)
    begun = asyncio.Event()

    async def endless(connection: Line) -> None:
        begun.set()
        await asyncio.Event().wait()

    asking = [asyncio.create_task(line.run(endless)) for line in lines]
    await begun.wait()
    leaving = asyncio.create_task(kept.stop(*lines))
    await waiting.until(lambda: link.opened[0].closed)
    leaving.cancel()
    await asyncio.wait([leaving])
    assert leaving.cancelled()
    assert [line.closed for line in link.opened] == [True, True]
    with pytest.raises(errors.Unreachable, match="closed"):
        await lines[1].run(endless)
    await asyncio.wait(asking)
    assert all(task.cancelled() for task in asking)


async def test_connections_of_a_source_are_never_opened_in_parallel() -> None:
    link, gate = Link(), asyncio.Lock()
    link.may_open.clear()
    lines = [kept.Kept(link, gate) for _ in range(3)]
    for line in lines:
        line.start()
    await waiting.until(lambda: link.opening == 1)
    link.may_open.set()
    await waiting.until(lambda: len(link.opened) == 3)
    assert link.most_opening == 1
    for line in lines:
        await line.stop()


async def test_a_lost_connection_is_closed_and_another_opened() -> None:
    link = Link()
    line = kept.Kept(link, asyncio.Lock())
    line.start()

    async def name(connection: Line) -> Line:
        return connection

    async def break_off(connection: Line) -> None:
        connection.lost = True
        raise ConnectionResetError("by peer")

    first = await line.run(name)
    with pytest.raises(errors.Unreachable, match="lost: by peer"):
        await line.run(break_off)
    assert await line.run(name) is not first
    assert first.closed
    link.opened[-1].lost = True  # while nobody uses it
    await waiting.until(lambda: len(link.opened) == 3)
    await line.stop()


async def test_the_reason_why_there_is_none_is_told_at_once() -> None:
    link = Link()
    link.trouble = errors.Unreachable("nobody there", fix="Start it.")
    line = kept.Kept(link, asyncio.Lock())
    line.start()

    async def nothing(connection: Line) -> None:
        """Never comes to it."""

    for _ in range(2):
        with pytest.raises(errors.Unreachable, match=r"nobody there Start it\."):
            await line.run(nothing)
    link.trouble = None

    async def there() -> bool:
        try:
            await line.run(nothing)
        except errors.Unreachable:
            return False
        return True

    await waiting.until(there)
    await line.stop()
    with pytest.raises(errors.Unreachable, match="closed"):
        await line.run(nothing)


async def test_a_defect_of_the_link_is_raised_rather_than_waited_for() -> None:
    link = Link()
    link.trouble = KeyError("defect")
    line = kept.Kept(link, asyncio.Lock())
    line.start()

    async def nothing(connection: Line) -> None:
        """Never comes to it."""

    with pytest.raises(KeyError, match="defect"):
        await line.run(nothing)
    await line.stop()
