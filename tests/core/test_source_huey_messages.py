"""How the messages of queued jobs are found: few are looked at, and never many bytes at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from mrcore.sources.huey import messages
from mrcore.sources.redis import link
from tests.core import journals

JOBS = 1_000


@pytest.fixture
def desk(redis_url: str) -> Iterator[journals.Desk]:
    with journals.desk(redis_url) as made:

        @made.huey.task(name="send")
        def send(to: str) -> None: ...

        made.send = send  # type: ignore[attr-defined]
        yield made


class Counting(link.Client):
    """Counts the messages and bytes that each round trip brings."""

    def __init__(self, under: link.Client) -> None:
        super().__init__(under.connection)
        self.trips: list[tuple[int, int]] = []

    async def ask(self, *commands: link.Command) -> list[link.Reply]:
        replies = await super().ask(*commands)
        brought = [m for reply in replies if isinstance(reply, list) for m in reply]
        self.trips.append((len(brought), sum(map(len, brought))))
        return replies

    @property
    def looked_at(self) -> int:
        return sum(count for count, _ in self.trips)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Counting]:
    opener = link.Link(SecretStr(redis_url))
    under = await opener.open()
    yield Counting(under)
    await opener.close(under)


@pytest.mark.parametrize("state", ["waiting", "delayed"])
@pytest.mark.parametrize("number", [0, 1, JOBS // 2, JOBS - 1])
async def test_a_message_is_looked_for_where_its_age_puts_it(
    desk: journals.Desk, client: Counting, state: str, number: int
) -> None:
    ids = enqueued(desk, state, JOBS)
    search = await messages.find(client, desk.journal.place, state, {ids[number]})
    assert search.found.keys() == {ids[number]}
    assert client.looked_at <= 50
    found = search.found[ids[number]]
    if state == "waiting":  # the oldest is at the end of the list
        ahead = JOBS - 1 - number if found.side == 1 else number
        assert ahead < found.depth <= min(number, JOBS - number) + 60


async def test_a_message_that_is_elsewhere_is_found_as_well(
    desk: journals.Desk, client: Counting
) -> None:
    ids = enqueued(desk, "waiting", JOBS)
    moved = desk.conn.lrange(desk.journal.place.waiting, -300, -1)
    desk.conn.ltrim(desk.journal.place.waiting, 0, -301)
    desk.conn.lpush(desk.journal.place.waiting, *moved)
    wanted = {ids[0], ids[299], ids[600]}
    search = await messages.find(client, desk.journal.place, "waiting", wanted)
    assert search.found.keys() == wanted
    assert search.total == JOBS
    gone = await messages.find(client, desk.journal.place, "waiting", {"no-such-job"})
    assert gone.found == {}
    assert not gone.nameless


async def test_large_messages_are_brought_a_few_at_a_time(
    desk: journals.Desk, client: Counting
) -> None:
    size = 20_000
    ids = [desk.send("x" * size).id for _ in range(300)]  # type: ignore[attr-defined]
    desk.conn.zrem(desk.keys.state("waiting"), *ids)  # nothing says where they are
    search = await messages.find(client, desk.journal.place, "waiting", {ids[150]})
    assert search.found.keys() == {ids[150]}
    assert max(count for _, count in client.trips) <= 2 * messages.BYTES


def enqueued(desk: journals.Desk, state: str, count: int) -> list[str]:
    """So many jobs, oldest first."""
    if state == "waiting":
        return [desk.send(f"a{n}").id for n in range(count)]  # type: ignore[attr-defined]
    send = desk.send  # type: ignore[attr-defined]
    ids = [send.schedule(args=(f"a{n}",), delay=1_000 + n).id for n in range(count)]
    desk.run_all()  # a worker puts them into the schedule
    return ids
