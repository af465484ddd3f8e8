"""A real huey consumer for the tests to kill: `python journal_consumer.py URL QUEUE FAULT`.

FAULT is `` (none), `claimed` (stop for ever between the claim and its record), `asleep` (that, and
its heart beats but once), `consumer` (run huey's own Consumer), or `before N` or `sent N` (die
before the Nth command that the consuming thread sends, or before it has its answer).
It prints a line at each point that a test waits for.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable
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


def flaky(pool: redis.ConnectionPool) -> Callable[[str, int], int]:
    """The body of a task that fails so many times; it is the script's, wherever it is declared."""

    def work(key: str, fails: int) -> int:
        ran = int(redis.Redis(connection_pool=pool).incr(key))
        if ran <= fails:
            raise ConnectionError(f"535-5.7.8 refused {ran}")
        return ran

    work.__module__ = "__main__"
    return work


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

    made.task(name="flaky", retries=1)(flaky(pool))

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


def die_at(when: str, number: int) -> None:
    """Let this process kill itself at a command of this thread."""
    send = redis.connection.AbstractConnection.send_packed_command
    thread, count = threading.current_thread(), 0

    def sent(self: Any, *args: Any, **more: Any) -> Any:
        nonlocal count
        count += threading.current_thread() is thread
        now = threading.current_thread() is thread and count == number
        if now and when == "before":
            signal.raise_signal(signal.SIGKILL)
        result = send(self, *args, **more)
        if now:
            signal.raise_signal(signal.SIGKILL)
        return result

    redis.connection.AbstractConnection.send_packed_command = sent  # type: ignore[method-assign]


def main() -> None:
    url, queue, fault = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    made = make(url, queue)
    if fault == "asleep":
        journal.of(made).heart.beat_s = 3600  # one beat, and no other
    if fault in ("claimed", "asleep"):
        made.storage.conn.evalsha = hang  # the first write after the claim is its record
    if fault == "consumer":
        consume(made)
        return
    book = journal.of(made)
    book.heart.start()
    if fault.startswith(("before ", "sent ")):
        when, number = fault.split()
        die_at(when, int(number))
    say("ready")
    while True:
        claim = book.claim(1)
        if claim is not None:
            book.run(claim)
            say(f"ran {claim.id}")


if __name__ == "__main__":
    main()
