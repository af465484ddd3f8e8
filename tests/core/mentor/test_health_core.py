"""Hysteresis and the question that is never asked twice: no servers."""

from __future__ import annotations

import asyncio

from mrcore.mentor import health


def test_the_first_answer_makes_it_good() -> None:
    track = health.Track()
    assert not track.ok
    track.answered(2.04)
    assert track.ok
    assert track.latency_ms == 2.0


def test_one_miss_is_forgiven_two_are_bad() -> None:
    track = health.Track()
    track.answered(1)
    track.missed(connected=True)
    assert track.ok
    track.missed(connected=True)
    assert not track.ok
    assert track.latency_ms is None


def test_a_lost_connection_is_bad_at_once() -> None:
    track = health.Track()
    track.answered(1)
    track.missed(connected=False)
    assert not track.ok


def test_three_answers_make_it_good_again() -> None:
    track = health.Track()
    track.answered(1)
    track.missed(connected=False)
    states = []
    for _ in range(3):
        track.answered(1)
        states.append(track.ok)
    assert states == [False, False, True]


def test_a_miss_in_between_starts_the_count_again() -> None:
    track = health.Track()
    track.answered(1)
    track.missed(connected=False)
    track.answered(1)
    track.answered(1)
    track.missed(connected=True)
    track.answered(1)
    track.answered(1)
    assert not track.ok
    track.answered(1)
    assert track.ok


async def test_a_question_that_hangs_is_asked_once_and_answers_later() -> None:
    asked = 0
    back = asyncio.Event()

    async def ask() -> None:
        nonlocal asked
        asked += 1
        await back.wait()

    time = [100.0]
    question = health.Question(ask, 0.01, lambda: time[0])
    assert await question.put() is None
    time[0] = 130.0
    assert await question.put() is None
    assert asked == 1
    assert question.hangs_s == 30.0
    back.set()
    assert await question.put() is not None
    assert question.hangs_s == 0.0
    assert await question.put() is not None
    assert asked == 2


async def test_a_question_that_is_dropped_is_open_no_more() -> None:
    ended = asyncio.Event()

    async def ask() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    question = health.Question(ask, 0.01, lambda: 100.0)
    await question.drop()
    assert await question.put() is None
    await question.drop()
    assert ended.is_set()
    assert question.hangs_s == 0.0


async def test_an_error_of_the_server_is_a_miss_and_a_bug_is_not() -> None:
    async def refused() -> None:
        raise ConnectionRefusedError

    async def bug() -> None:
        raise KeyError("bug")

    assert await health.Question(refused, 1).put() is None
    try:
        await health.Question(bug, 1).put()
    except KeyError:
        return
    raise AssertionError("a bug was taken for a miss")
