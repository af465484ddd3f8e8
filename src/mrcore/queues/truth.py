"""How a queue is, in a sentence: the worst thing first. Pure.

Every engine fills `Facts` with what it can tell, and leaves out what it cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from mrcore.model import base
from mrcore.queues import words

BACKLOG_S = 120.0
"""From what age on the oldest waiting job is late."""

OVERDUE_S = 60.0
"""How late a delayed job or a schedule may be before somebody should know."""

GROWING_S = 60.0
"""For how long more has to come in than goes out before a queue grows."""

WINDOW_S = 60.0
"""Over how long rates are means: one worker may take seconds for each job."""

KNOWN_S = 10.0
"""How long a queue has to be looked at before its rates are known at all."""

LATELY_S = 300.0
"""The window of `failed_lately`."""

STORM_PER_S = 1.0
"""From how many retries a second on, where nothing gets done by them, they are a storm."""


@dataclass(frozen=True)
class Facts:
    """What is known of a queue. None: the engine cannot tell; rates are jobs a second.

    `waiting` counts prioritized jobs too; `unseen` says what the engine cannot tell at all and why;
    `no_worker_since` is when the last worker was there; `growing_since` since when more comes in
    than goes out; `overdue` counts delayed jobs that are due since `overdue_at`; `missed` names
    schedules that are due and were not enqueued; `retries_per_s` are attempts that failed and were
    put back.
    """

    now: datetime
    waiting: int = 0
    active: int = 0
    workers: int | None = None
    no_worker_since: datetime | None = None
    oldest_at: datetime | None = None
    ghosts: int = 0
    paused_since: datetime | None = None
    paused: bool = False
    paused_by: str = ""
    paused_why: str = ""
    growing_since: datetime | None = None
    in_per_s: float | None = None
    out_per_s: float | None = None
    fail_per_s: float | None = None
    retries_per_s: float | None = None
    overdue: int = 0
    overdue_at: datetime | None = None
    limited_until: datetime | None = None
    failed_lately: int = 0
    missed: tuple[str, ...] = ()
    missed_at: datetime | None = None
    unseen: str = ""

    @property
    def held(self) -> bool:
        """Whether somebody paused it."""
        return self.paused or self.paused_since is not None


class Totals(NamedTuple):
    """Counters of a queue that only grow; None: the engine has none."""

    at: datetime
    enqueued: float | None = None
    completed: float | None = None
    failed: float | None = None
    retried: float | None = None


class Rates(NamedTuple):
    """Jobs a second over a window; None where that cannot be told (yet)."""

    in_per_s: float | None = None
    out_per_s: float | None = None
    fail_per_s: float | None = None
    retries_per_s: float | None = None


def rates(past: Sequence[Totals], now: Totals) -> Rates:
    """How quickly the counters grew since the oldest look of a window, which comes first.

    A counter that shrank began anew: what it said before tells nothing. Between looks that are
    close together a few jobs more or less would make another rate each time.
    """
    passed = [((now.at - then.at).total_seconds(), then) for then in past]
    known = [(took_s, then) for took_s, then in passed if took_s >= KNOWN_S]
    return Rates(
        _rate(now.enqueued, [(took_s, then.enqueued) for took_s, then in known]),
        _rate(now.completed, [(took_s, then.completed) for took_s, then in known]),
        _rate(now.failed, [(took_s, then.failed) for took_s, then in known]),
        _rate(now.retried, [(took_s, then.retried) for took_s, then in known]),
    )


def _rate(value: float | None, past: Sequence[tuple[float, float | None]]) -> float | None:
    """From what it was so many seconds ago, the longest ago first."""
    if value is None:
        return None
    grown = ((value - old) / took_s for took_s, old in past if old is not None and old <= value)
    return next(grown, None)


class Drain(NamedTuple):
    """In how many seconds a queue is empty as it goes on; None: never, or unknown, and why."""

    s: float | None
    why: str = ""

    @property
    def never(self) -> bool:
        """Whether it will not be empty, as far as one can tell."""
        return self.s is None and self.why.startswith("never")

    @property
    def said(self) -> str:
        """`drains in 3 min`, `drains never: no worker`."""
        if self.s is None:
            return f"drains {self.why}"
        return f"drains in {words.age(self.s)}" if self.s > 0 else "nothing waits"


def drain_s(facts: Facts) -> Drain:
    """When nothing will wait any more, as it goes on: the reason where that is never."""
    if not facts.waiting:
        return Drain(0.0)
    if facts.held:
        return Drain(None, "never: it is paused")
    if facts.workers == 0:
        return Drain(None, "never: no worker")
    if facts.in_per_s is None or facts.out_per_s is None:
        return Drain(None, "at an unknown time: no rates yet")
    out_per_s = facts.out_per_s + (facts.fail_per_s or 0.0)
    if out_per_s <= 0:
        return _still(facts)
    if out_per_s <= facts.in_per_s:
        return Drain(None, "never: more comes in than goes out")
    return Drain(facts.waiting / (out_per_s - facts.in_per_s))


def _still(facts: Facts) -> Drain:
    """Of a queue of which nothing went out; one that is worked on may be about to end."""
    if facts.active:
        return Drain(
            None, f"at an unknown time: {words.some(facts.active)} at work, none has ended"
        )
    if facts.fail_per_s is None and facts.failed_lately:
        return Drain(None, "at an unknown time: jobs fail, their rate is not known")
    return Drain(None, "never: nothing goes out")


def verdict(facts: Facts) -> base.Verdict:
    """The worst that is so, with its code and a sentence; OK where nothing is.

    Sentences hold instants, not ages and rates, which would make any two samples differ.
    """
    for look in (
        _unseen, _no_worker, _ghosts, _paused, _backlog, _overdue, _limited, _storm, _missed,
        _failing,
    ):  # fmt: skip
        if (found := look(facts)) is not None:
            return found
    return base.OK


def _waits(facts: Facts) -> str:
    """`412 jobs wait, the oldest since 13:56 UTC`."""
    said = f"{words.some(facts.waiting)} {'waits' if facts.waiting == 1 else 'wait'}"
    if facts.oldest_at is None:
        return said
    since = f"since {words.clock(facts.oldest_at, facts.now)}"
    return f"{said} {since}" if facts.waiting == 1 else f"{said}, the oldest {since}"


def _bad(code: str, why: str) -> base.Verdict:
    return base.Verdict(level=base.Level.BAD, code=code, why=why)


def _warn(code: str, why: str) -> base.Verdict:
    return base.Verdict(level=base.Level.WARN, code=code, why=why)


def _unseen(facts: Facts) -> base.Verdict | None:
    if not facts.unseen:
        return None
    return base.Verdict(level=base.Level.UNKNOWN, code="unseen", why=facts.unseen)


def _no_worker(facts: Facts) -> base.Verdict | None:
    if facts.workers != 0 or not facts.waiting:
        return None
    since = facts.no_worker_since
    what = "no worker" if since is None else f"no worker since {words.clock(since, facts.now)}"
    held = f"; {_held(facts)}" if facts.held else ""
    return _bad("no_worker", f"{what}: {_waits(facts)}{held}; drains never: no worker")


def _ghosts(facts: Facts) -> base.Verdict | None:
    if not facts.ghosts:
        return None
    are = "is" if facts.ghosts == 1 else "are"
    return _bad(
        "ghosts",
        f"{words.some(facts.ghosts)} {are} in the hands of dead workers; they go back into the "
        "queue once one lives",
    )


def _paused(facts: Facts) -> base.Verdict | None:
    if not facts.held:
        return None
    said = _held(facts)
    if facts.waiting:
        said += f": {_waits(facts)}"
    return _warn("paused", said)


def _held(facts: Facts) -> str:
    """`paused since 13:56 UTC by asha (mail is down)`, as far as it is known."""
    since = f" since {words.clock(facts.paused_since, facts.now)}" if facts.paused_since else ""
    by = f" by {facts.paused_by}" if facts.paused_by else ""
    why = f" ({facts.paused_why})" if facts.paused_why else ""
    return f"paused{since}{by}{why}"


def _backlog(facts: Facts) -> base.Verdict | None:
    if not facts.waiting:
        return None
    late_s = (facts.now - facts.oldest_at).total_seconds() if facts.oldest_at else 0.0
    grows = facts.growing_since is not None and (
        facts.now - facts.growing_since >= timedelta(seconds=GROWING_S)
    )
    if late_s <= BACKLOG_S and not grows:
        return None
    said = _waits(facts)
    if grows and facts.growing_since is not None:
        said += f"; growing since {words.clock(facts.growing_since, facts.now)}"
    drains = drain_s(facts)
    return _warn("backlog", f"{said}; {drains.said}" if drains.never else said)


def _overdue(facts: Facts) -> base.Verdict | None:
    if not facts.overdue:
        return None
    late_s = (facts.now - facts.overdue_at).total_seconds() if facts.overdue_at else OVERDUE_S + 1
    if late_s <= OVERDUE_S:
        return None
    be = "is" if facts.overdue == 1 else "are"
    said = f"{facts.overdue:,} delayed {be} overdue"
    if facts.overdue_at is not None:
        said += f", the first since {words.clock(facts.overdue_at, facts.now)}"
    return _bad("overdue", f"{said}: nobody moves them into the queue")


def _limited(facts: Facts) -> base.Verdict | None:
    if facts.limited_until is None or facts.limited_until <= facts.now or not facts.waiting:
        return None
    until = f"{facts.limited_until:%H:%M:%S} UTC"
    return _warn("rate_limited", f"rate limited until {until}: {_waits(facts)}")


def _storm(facts: Facts) -> base.Verdict | None:
    again = facts.retries_per_s
    if again is None or again < STORM_PER_S or again <= (facts.out_per_s or 0.0):
        return None
    return _warn("retry_storm", "retry storm: more attempts fail and go again than succeed")


def _missed(facts: Facts) -> base.Verdict | None:
    if not facts.missed:
        return None
    names = ", ".join(facts.missed[:3]) + (" …" if len(facts.missed) > 3 else "")
    when = f" at {words.clock(facts.missed_at, facts.now)}" if facts.missed_at else ""
    return _warn("schedule_missed", f"schedule missed{when}: {names}")


def _failing(facts: Facts) -> base.Verdict | None:
    if not facts.failed_lately:
        return None
    lately = f"{facts.failed_lately:,} failed within {LATELY_S / 60:.0f} minutes"
    return _warn("failing", lately)
