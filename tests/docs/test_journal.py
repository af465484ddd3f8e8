"""What the document of the journal shows a huey user runs, and keeps what it promises."""

from __future__ import annotations

from typing import Any

import huey
import redis

from mrcore import journal
from mrcore.journal import record
from tests.docs import examples, generate

PAGE = generate.ROOT / "docs" / "journal.md"


def test_two_lines_are_enough(redis_url: str) -> None:
    two, _ = examples.blocks(PAGE, "python")
    pool = redis.ConnectionPool.from_url(redis_url)
    made = huey.RedisHuey("plain", connection_pool=pool)
    ran: list[int] = []
    work = made.task(name="work")(ran.append)
    exec(two, {"huey": made})
    work(7)
    claim = journal.of(made).claim()
    assert claim is not None
    assert journal.of(made).run(claim).state == "completed"
    assert ran == [7]
    journal.of(made).heart.stop()
    pool.disconnect()


def test_the_whole_program(redis_url: str) -> None:
    _, whole = examples.blocks(PAGE, "python")
    here: dict[str, Any] = {"REDIS_URL": redis_url, "__name__": "shown"}
    exec(whole, here)
    book = journal.of(here["mail"])
    claim = book.claim()
    assert claim is not None
    book.run(claim)
    found = record.whole(here["job"].id, book.pen.conn.hgetall(book.place.queue.job(claim.id)))
    assert found is not None
    assert (found.state, found.result, found.progress, found.max_attempts) == ("completed", 2, 1, 3)
    assert [one.line for one in found.logs] == ["digest to asha", "digest to ravi"]
    assert book.keep == {"completed": 200, "failed": 5_000}
    book.heart.stop()
    here["pool"].disconnect()


def test_the_numbers_are_those_of_the_code() -> None:
    text = PAGE.read_text()
    kept = journal.watch.__kwdefaults__ or {}
    assert f"`keep_completed` ({kept['keep_completed']:,})" in text
    assert f"`keep_failed` ({kept['keep_failed']:,})" in text
    assert f"missed after {journal.Heart.__init__.__kwdefaults__['life_s']:.0f} s" in text
    assert "died of three times" in text
