"""A real huey consumer for the tests to kill: `python journal_consumer.py URL QUEUE FAULT`.

FAULT is `` (none), `claimed` (stop for ever between the claim and its record) or `consumer` (run
huey's own Consumer). It prints a line at each point that a test waits for.
"""

from __future__ import annotations

import logging
import signal
import sys
from typing import Any

import huey
import redis

from mrcore import journal


def say(word: str) -> None:
    print(word, flush=True)


def hang(*_: object) -> Any:
    say("hanging")
    while True:
        signal.pause()


def make(url: str, queue: str) -> huey.RedisHuey:
    pool = redis.ConnectionPool.from_url(url)
    made = huey.RedisHuey(queue, connection_pool=pool)
    book = journal.watch(made)
    book.heart.beat_s, book.heart.life_s = 0.1, 0.6

    @made.task(name="hold")
    def hold(key: str) -> None:
        """Runs for ever the first time; the next time it ends at once."""
        if redis.Redis(connection_pool=pool).incr(key) == 1:
            hang()

    @made.task(name="note")
    def note(key: str) -> int:
        return int(redis.Redis(connection_pool=pool).incr(key))

    @made.task(name="die")
    def die(key: str) -> None:
        redis.Redis(connection_pool=pool).incr(key)
        signal.raise_signal(signal.SIGKILL)

    return made


def consume(made: huey.RedisHuey) -> None:
    """Run huey's own Consumer, which hears signals only once its workers have begun."""
    consumer = made.create_consumer(workers=2, periodic=False)
    start = consumer.start

    def begin() -> None:
        start()
        say("ready")

    consumer.start = begin
    consumer.run()


def main() -> None:
    url, queue, fault = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    made = make(url, queue)
    if fault == "claimed":
        made.storage.conn.evalsha = hang  # the first write after the claim is its record
    if fault == "consumer":
        consume(made)
        return
    book = journal.of(made)
    book.heart.start()
    say("ready")
    while True:
        claim = book.claim(1)
        if claim is not None:
            book.run(claim)
            say(f"ran {claim.id}")


if __name__ == "__main__":
    main()
