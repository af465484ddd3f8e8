"""Holding: a held row keeps its place however the list around it changes."""

from __future__ import annotations

from datetime import UTC, datetime

from mrcore.model import queue
from mrtui import holding


def job(name: str, state: queue.JobState = queue.JobState.FAILED) -> queue.Job:
    """A job called `name`."""
    return queue.Job(
        ref=f"huey/job/q/{name}", engine="huey", queue="q", id=name, name=name, state=state
    )


def held(order: str, refs: str) -> holding.Holding:
    """Some rows of a list are held, a letter a row."""
    known = {job(name).ref: job(name) for name in order}
    made = holding.Holding()
    made.hold([job(name).ref for name in refs], list(known), known)
    return made


def placed(hold: holding.Holding, listed: str) -> str:
    return "".join(
        e.name for e in hold.placed([job(n) for n in listed]) if isinstance(e, queue.Job)
    )


def test_a_row_that_left_the_list_is_shown_below_what_it_was_below() -> None:
    hold = held("abcd", "b")
    assert placed(hold, "acd") == "abcd"
    assert placed(hold, "xacyd") == "xabcyd"
    assert placed(hold, "cd") == "bcd"
    assert placed(hold, "") == "b"


def test_a_row_that_came_back_elsewhere_stays_where_it_was() -> None:
    assert placed(held("abcd", "c"), "cabd") == "abcd"


def test_several_rows_keep_their_order_and_all_go_when_released() -> None:
    hold = held("abcd", "ac")
    assert placed(hold, "bd") == "abcd"
    hold.release()
    assert placed(hold, "bd") == "bd"


def test_a_row_is_open_until_it_was_seen_to_have_ended() -> None:
    hold = held("ab", "ab")
    first, second = (job(name).ref for name in "ab")
    hold.saw(first, job("a"), ended=False)
    assert hold.open == [second, first], "the one that was asked longest ago comes first"
    hold.saw(second, job("b", queue.JobState.COMPLETED), ended=True)
    assert hold.open == [first]
    hold.saw(first, None, ended=True)
    assert hold.open == []
    assert hold.now[first] == job("a"), "what is nowhere any more is shown as it was"


def test_only_completed_failed_and_quarantined_are_final() -> None:
    final = {state for state in queue.JobState if holding.settled(job("a", state))}
    state = queue.JobState
    assert final == {state.COMPLETED, state.FAILED, state.QUARANTINED}


def test_a_job_that_is_only_remembered_is_not_there() -> None:
    there = job("a")
    kept = there.model_copy(update={"captured_at": datetime.now(UTC)})
    assert (holding.present(there), holding.present(kept)) == (there, None)
