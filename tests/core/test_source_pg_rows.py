"""Which session is in whose way, and the sentences for it: over rows as Postgres has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mrcore.model import base
from mrcore.sources.pg import rows

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERVER: dict[str, Any] = {
    "version": "18.4",
    "database": "mentor",
    "started_at": NOW - timedelta(days=1),
    "in_recovery": False,
    "max_connections": 100,
    "reserved": 2,
    "superuser_reserved": 3,
    "sees_all": True,
    "login": "mr_watcher",
    "superuser": False,
    "signals": True,
    "superusers": "10",
    "own_roles": None,
    "now": NOW,
    "transactions": 1000,
    "hits": 900,
    "reads": 100,
}


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def backend(pid: int, state: str = "idle", since_s: float = 1.0, **more: Any) -> dict[str, Any]:
    """A client backend in a state since then."""
    return {
        "pid": pid,
        "backend_type": "client backend",
        "datname": "mentor",
        "usesysid": 16400,
        "usename": "mentor_app",
        "application_name": "mentor",
        "client_addr": "10.0.0.7",
        "client_port": 5000 + pid,
        "state": state,
        "wait_event_type": None,
        "wait_event": None,
        "backend_start": ago(3600),
        "xact_start": None if state == "idle" else ago(since_s),
        "query_start": ago(since_s),
        "state_change": ago(since_s),
        "wrote": False,
        "query": "SELECT 1",
        "waitstart": None,
        "blocked_by": None,
        **more,
    }


def look(*backends: dict[str, Any], own: tuple[int, ...] = (), **server: Any) -> rows.Look:
    return rows.look({**SERVER, **server}, backends, own, 0.5)


def verdict(seen: rows.Look, pid: int) -> base.Verdict:
    found, _ = rows.sessions("pg", seen)
    return next(session.verdict for session in found if session.pid == pid)


@pytest.mark.parametrize("state", rows.IDLE_IN_TX)
@pytest.mark.parametrize(
    ("since_s", "level"), [(59, "ok"), (60, "warn"), (299, "warn"), (300, "bad")]
)
def test_idle_in_transaction_is_told_by_its_age(state: str, since_s: float, level: str) -> None:
    seen = look(backend(1, state, since_s))
    assert verdict(seen, 1).level == level
    assert rows.idle_in_tx(seen) == 1
    if level != "ok":
        assert verdict(seen, 1).why.startswith(f"{state} for more than")


def test_a_long_idle_or_active_session_is_fine() -> None:
    seen = look(backend(1, "idle", 9999), backend(2, "active", 9999))
    assert verdict(seen, 1) == verdict(seen, 2) == base.OK


def test_who_blocks_is_bad_after_thirty_seconds_and_says_whom() -> None:
    holder = backend(4711, "idle in transaction", 40)
    waiter = backend(
        4802, "active", 100, waitstart=ago(29), blocked_by="4711", application_name="kpi"
    )
    early = look(holder, waiter)
    assert verdict(early, 4711) == base.Verdict(code="blocking", why="blocks 4802 (kpi, active)")
    assert verdict(early, 4802).why == "waits for 4711 (mentor, idle in transaction)"
    late = look(holder, {**waiter, "waitstart": ago(31)})
    assert verdict(late, 4711).level == "bad"
    assert verdict(late, 4711).why == "blocks 4802 (kpi, active) for > 30 s"
    assert verdict(late, 4802).level == "warn"


def test_before_postgres_14_the_wait_is_reckoned_from_the_statement() -> None:
    seen = look(backend(1, "active", 40), backend(2, "active", 31, blocked_by="1"))
    assert verdict(seen, 1).level == "bad"


def test_both_directions_of_blocking_and_its_root() -> None:
    seen = look(
        backend(1, "idle in transaction", 5),
        backend(2, "active", 4, blocked_by="1 1"),
        backend(3, "active", 3, blocked_by="2 1"),
    )
    found = {session.pid: session for session in rows.sessions("pg", seen)[0]}
    assert found[3].blocked_by == (1, 2)
    assert found[2].blocked_by == (1,)
    assert found[1].blocks == (2, 3)
    ways = rows.Blocking(seen)
    assert ways.roots == {1}
    assert ways.chain(3) == [(0, 1), (0, 2)]
    assert rows.server("pg", seen, 0).blocked == 2


def test_a_deadlock_is_a_ring_that_ends() -> None:
    seen = look(backend(1, "active", 1, blocked_by="2"), backend(2, "active", 1, blocked_by="1"))
    assert rows.Blocking(seen).chain(1) == [(0, 2)]
    assert rows.Blocking(seen).roots == set()


def test_blockers_that_are_no_clients_have_names() -> None:
    vacuum = backend(9, "active", 1, backend_type="autovacuum worker")
    seen = look(vacuum, backend(1, "active", 1, blocked_by="0 9 77"))
    assert [session.pid for session in rows.sessions("pg", seen)[0]] == [1]
    assert verdict(seen, 1).why == (
        "waits for a prepared transaction, 9 (autovacuum worker), 77 (gone)"
    )
    assert rows.Blocking(seen).ref("pg", 9) == ""


def test_sentences_do_not_change_while_nothing_changes() -> None:
    holder = backend(1, "idle in transaction", 70)
    waiter = backend(2, "active", 40, blocked_by="1", waitstart=ago(40))
    later = NOW + timedelta(seconds=5)
    assert rows.sessions("pg", look(holder, waiter)) == rows.sessions(
        "pg", look(holder, waiter, now=later)
    )


def test_our_own_sessions_take_slots_and_are_not_shown() -> None:
    ours = backend(5, "active", 0, application_name="mrcore")
    seen = look(backend(1), ours, own=(5,))
    server = rows.server("pg", seen, 0)
    assert [session.pid for session in rows.sessions("pg", seen)[0]] == [1]
    assert (server.sessions, server.by_state) == (2, {"idle": 1})
    assert server.by_app == {"mentor": 1, "mrcore": 1}


@pytest.mark.parametrize(("taken", "level"), [(75, "ok"), (76, "warn"), (90, "warn"), (91, "bad")])
def test_saturation_is_against_what_an_application_may_use(taken: int, level: str) -> None:
    server = rows.server("pg", look(*map(backend, range(1, taken + 1))), 0)
    assert server.verdict.level == level  # of 100 - 2 - 3
    if level != "ok":
        assert server.verdict.why == f"{taken} of 95 usable connections are taken"


def test_what_matters_is_kept_when_there_are_too_many() -> None:
    idle = [backend(pid) for pid in range(10, 10 + rows.MOST_SESSIONS)]
    holder, waiter = backend(1, "idle in transaction", 9), backend(2, "active", 1, blocked_by="1")
    found, left_out = rows.sessions("pg", look(*idle, backend(3, "active"), waiter, holder))
    assert len(found) == rows.MOST_SESSIONS
    assert left_out == 3
    assert {session.pid for session in found[:3]} == {1, 2, 3}


def test_many_applications_do_not_fill_the_row() -> None:
    seen = look(*(backend(pid, application_name=f"job-{pid}") for pid in range(100)))
    by_app = rows.server("pg", seen, 0).by_app
    assert len(by_app) == rows.MOST_APPS + 1
    assert sum(by_app.values()) == 100


def test_hidden_rows_are_sessions_when_they_have_a_user_and_a_database() -> None:
    nothing = dict.fromkeys(("state", "state_change", "xact_start", "query_start", "backend_start"))
    hidden = backend(1, backend_type=None, client_addr=None, client_port=None, **nothing)
    launcher = {**hidden, "pid": 2, "datname": None}
    seen = look(hidden, launcher)
    (session,), _ = rows.sessions("pg", seen)
    assert (session.ref, session.state, session.client) == ("pg/session/1/0", "", "")
    assert rows.server("pg", seen, 0).by_state == {"hidden": 1}


def test_a_pid_that_is_used_again_is_another_ref() -> None:
    first, second = backend(1), backend(1, backend_start=ago(1))
    assert rows.session_ref("pg", first) != rows.session_ref("pg", second)
    assert rows.session_ref("pg", first) == "pg/session/1/1772362800000000"


def test_rates_are_differences_and_never_negative() -> None:
    before = look()
    after = look(now=NOW + timedelta(seconds=2), transactions=1100, hits=990, reads=110)
    assert rows.rates(None, after) == {}
    assert rows.rates(before, after) == {"pg.tps": 50.0, "pg.hit_ratio": 90.0}
    assert rows.rates(after, before) == {}
    reset = look(now=NOW + timedelta(seconds=2), transactions=0, hits=0, reads=0)
    assert rows.rates(before, reset) == {}
