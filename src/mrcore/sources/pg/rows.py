"""From rows of pg_stat_activity to entities: who runs, who waits, who is in the way."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mrcore import redact
from mrcore.model import base, postgres, ref
from mrcore.sources.pg import rights

MOST_SESSIONS = 2000
MOST_APPS = 30
IDLE_WARN = timedelta(seconds=60)
IDLE_BAD = timedelta(minutes=5)
BLOCKING_BAD = timedelta(seconds=30)
USED_WARN = 0.80
USED_BAD = 0.95

IDLE_IN_TX = ("idle in transaction", "idle in transaction (aborted)")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


Row = rights.Row


@dataclass(frozen=True)
class Look:
    """One snapshot: the server's row, every client backend, and our own backends' pids."""

    server: Row
    clients: Sequence[Row]
    others: Mapping[int, str]
    own: frozenset[int]
    round_trip_ms: float = 0.0
    clock_off_ms: float = 0.0

    @property
    def now(self) -> datetime:
        """The server's clock, which its instants are told by."""
        now: datetime = self.server["now"]
        return now

    @functools.cached_property
    def rights(self) -> rights.Rights:
        """What our role may do to these sessions."""
        return rights.Rights(self.server)


def look(server: Row, rows: Iterable[Row], own: Iterable[int], round_trip_ms: float) -> Look:
    """Tell client backends from the server's own processes.

    Without pg_monitor `backend_type` is null; a client then is who has a user and a database.
    """
    clients, others = [], {}
    for row in rows:
        kind = row["backend_type"]
        if kind == "client backend" or (kind is None and row["usename"] and row["datname"]):
            clients.append(row)
        else:
            others[row["pid"]] = kind or "process"
    return Look(server, clients, others, frozenset(own), round_trip_ms)


def session_ref(source: str, row: Row) -> base.Ref:
    """`pg/session/<pid>/<backend_start in µs>`: a pid that is used again is another session."""
    started = row["backend_start"]
    return ref.make(
        source,
        "session",
        row["pid"],
        0 if started is None else (started - _EPOCH) // timedelta(microseconds=1),
    )


class Blocking:
    """Who waits for whom, by pid, among the clients of one look."""

    def __init__(self, seen: Look) -> None:
        self._now = seen.now
        self._rows = {row["pid"]: row for row in seen.clients}
        self._others = seen.others
        self.blocked_by = {
            pid: tuple(sorted({int(blocker) for blocker in row["blocked_by"].split()}))
            for pid, row in self._rows.items()
            if row["blocked_by"]
        }
        self.blocks: dict[int, list[int]] = {}
        for pid, blockers in sorted(self.blocked_by.items()):
            for blocker in blockers:
                self.blocks.setdefault(blocker, []).append(pid)

    def waited(self, pid: int) -> timedelta:
        """How long `pid` waits; before Postgres 14 at most that, from its statement's start."""
        row = self._rows[pid]
        since = row["waitstart"] or row["query_start"]
        return self._now - since if since else timedelta(0)

    @property
    def roots(self) -> set[int]:
        """Those that block others and wait for nobody."""
        return self.blocks.keys() - self.blocked_by.keys()

    def chain(self, pid: int) -> list[tuple[int, int]]:
        """Whom `pid` waits for, and whom those wait for: (steps away, pid), each once.

        A deadlock is a ring for as long as deadlock_timeout; it ends where it began.
        """
        found: list[tuple[int, int]] = []
        known, step = {pid}, [pid]
        while step:
            depth = found[-1][0] + 1 if found else 0
            reached = [up for down in step for up in self.blocked_by.get(down, ())]
            step = [up for up in dict.fromkeys(reached) if up not in known]
            known.update(step)
            found += [(depth, up) for up in step]
        return found

    def ref(self, source: str, pid: int) -> base.Ref:
        """The session's ref; empty for what is no client."""
        row = self._rows.get(pid)
        return session_ref(source, row) if row is not None else ""

    def name(self, pid: int) -> str:
        """`4711 (mentor, idle in transaction)`."""
        if pid == 0:
            return "a prepared transaction"
        if (row := self._rows.get(pid)) is None:
            return f"{pid} ({self._others.get(pid, 'gone')})"
        said = [word for word in (row["application_name"] or row["usename"], row["state"]) if word]
        return redact.repeated(f"{pid} ({', '.join(said)})") if said else str(pid)


def verdict(row: Row, ways: Blocking, now: datetime) -> base.Verdict:
    """What is wrong with a session: it blocks others, waits, or idles in a transaction.

    The sentences hold thresholds, not ages, so that a row that stays as it is stays equal.
    """
    pid, level, code, said = row["pid"], base.Level.OK, "", []
    idle = _idle(row, now)
    if idle >= IDLE_WARN:
        bad = idle >= IDLE_BAD
        level, code = (base.Level.BAD if bad else base.Level.WARN), "idle_in_tx"
        said.append(f"{row['state']} for more than {'5 min' if bad else '60 s'}")
    if waiters := ways.blocks.get(pid):
        long = any(ways.waited(waiter) >= BLOCKING_BAD for waiter in waiters)
        said.append(f"blocks {_some(map(ways.name, waiters))}" + (" for > 30 s" if long else ""))
        code = code or "blocking"
        level = base.Level.BAD if long else level
    if blockers := ways.blocked_by.get(pid):
        long = ways.waited(pid) >= BLOCKING_BAD
        said.append(f"waits for {_some(map(ways.name, blockers))}")
        code = code or "blocked"
        level = base.Level.WARN if long and level is base.Level.OK else level
    return base.Verdict(level=level, code=code, why="; ".join(said)) if said else base.OK


def session(source: str, row: Row, ways: Blocking, seen: Look) -> postgres.Session:
    """One client backend as an entity."""
    wait = f"{row['wait_event_type']}:{row['wait_event']}" if row["wait_event_type"] else ""
    return postgres.Session(
        ref=session_ref(source, row),
        verdict=verdict(row, ways, seen.now),
        actions=seen.rights.actions(row),
        pid=row["pid"],
        backend_start=row["backend_start"],
        user=row["usename"] or "",
        database=row["datname"] or "",
        app=redact.repeated(row["application_name"] or ""),
        client=_client(row),
        state=row["state"] or "",
        state_since=row["state_change"],
        xact_start=row["xact_start"],
        query_start=row["query_start"],
        wait=wait,
        query=redact.repeated(row["query"] or ""),
        blocked_by=ways.blocked_by.get(row["pid"], ()),
        blocks=tuple(ways.blocks.get(row["pid"], ())),
    )


def sessions(source: str, seen: Look) -> tuple[list[postgres.Session], int]:
    """The sessions that matter most, at most MOST_SESSIONS, and how many are left out.

    Ours are never among them.
    """
    ways = Blocking(seen)
    rows = [row for row in seen.clients if row["pid"] not in seen.own]
    left_out = max(0, len(rows) - MOST_SESSIONS)
    if left_out:
        rows.sort(key=lambda row: _matters(row, ways, seen.now))
    return [session(source, row, ways, seen) for row in rows[:MOST_SESSIONS]], left_out


def server(source: str, seen: Look, left_out: int) -> postgres.PostgresServer:
    """The server against its limits.

    Our own connections count as `sessions` and in `by_app`, because they take slots; not in
    `by_state`, because one of them is always the one that asks.
    """
    row = seen.server
    foreign = [client for client in seen.clients if client["pid"] not in seen.own]
    apps = Counter(redact.repeated(client["application_name"] or "") for client in seen.clients)
    starts = [client["xact_start"] for client in foreign if client["xact_start"]]
    return postgres.PostgresServer(
        ref=ref.make(source, "postgres", "main"),
        verdict=_saturation(row, len(seen.clients)),
        version=row["version"],
        database=row["database"],
        started_at=row["started_at"],
        in_recovery=row["in_recovery"],
        max_connections=row["max_connections"],
        reserved=row["reserved"],
        superuser_reserved=row["superuser_reserved"],
        sessions=len(seen.clients),
        left_out=left_out,
        by_state=dict(sorted(Counter(client["state"] or "hidden" for client in foreign).items())),
        by_app=_most(apps),
        blocked=sum(1 for client in foreign if client["blocked_by"]),
        oldest_xact_start=min(starts, default=None),
    )


def idle_in_tx(seen: Look) -> int:
    """Sessions that sit in a transaction, the aborted ones too."""
    return sum(1 for client in seen.clients if client["state"] in IDLE_IN_TX)


def _idle(row: Row, now: datetime) -> timedelta:
    since = row["state_change"]
    return now - since if row["state"] in IDLE_IN_TX and since else timedelta(0)


def _client(row: Row) -> str:
    if row["client_addr"] is None:
        return "" if row["client_port"] is None else "local"
    return f"{row['client_addr']}:{row['client_port']}"


def _some(names: Iterable[str], most: int = 5) -> str:
    """A list that stays readable: the first few, and how many more."""
    all_ = list(names)
    more = f" and {len(all_) - most} more" if len(all_) > most else ""
    return ", ".join(all_[:most]) + more


def _matters(row: Row, ways: Blocking, now: datetime) -> tuple[bool, bool, float]:
    """Those in the way or waiting first, then those that do something, oldest first."""
    pid = row["pid"]
    involved = pid in ways.blocks or pid in ways.blocked_by
    since = row["xact_start"] or row["state_change"] or now
    return (not involved, row["state"] in (None, "idle"), since.timestamp())


def _saturation(row: Row, taken: int) -> base.Verdict:
    usable = row["max_connections"] - row["reserved"] - row["superuser_reserved"]
    used = taken / max(usable, 1)
    if used < USED_WARN:
        return base.OK
    return base.Verdict(
        level=base.Level.BAD if used >= USED_BAD else base.Level.WARN,
        code="connections",
        why=f"{taken} of {usable} usable connections are taken",
    )


def _most(apps: Counter[str]) -> dict[str, int]:
    """The biggest applications; the rest as one, so that random names do not fill the row."""
    named = apps.most_common(MOST_APPS)
    rest = apps.total() - sum(count for _, count in named)
    return dict(sorted(named)) | ({"…": rest} if rest else {})


def rates(before: Look | None, after: Look) -> dict[str, float]:
    """Transactions a second and the share of reads from shared buffers, between two looks.

    Counters that went back (a reset, a restart) give nothing rather than a lie.
    """
    if before is None:
        return {}
    seconds = (after.now - before.now).total_seconds()
    ended = after.server["transactions"] - before.server["transactions"]
    hits = after.server["hits"] - before.server["hits"]
    reads = after.server["reads"] - before.server["reads"]
    found: dict[str, float] = {}
    if seconds > 0 and ended >= 0:
        found["pg.tps"] = ended / seconds
    if hits >= 0 and reads >= 0 and hits + reads > 0:
        found["pg.hit_ratio"] = 100.0 * hits / (hits + reads)
    return found
