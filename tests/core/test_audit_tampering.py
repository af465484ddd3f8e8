"""Tampering with the audit: with the anchor, every way of it is found and named."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcore import errors
from mrcore.model import base, plans
from mrcore.store import database, files
from mrcore.trust import anchor, audit, auth
from tests import waiting
from tests.core import harness

T0 = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 5

Row = tuple[int, str, str]
Tampering = Callable[[list[Row]], list[Row]]


def entry(text: str = "") -> audit.Entry:
    return audit.Entry(at=T0, stage="intent", login="asha", action="queue.retry", text=text)


def fill(ledger: database.Database, rows: int) -> None:
    for n in range(rows):
        ledger.run_here(lambda connection, n=n: audit.append(connection, entry(str(n))))


class Place:
    """A ledger's file and its anchor, and somebody who can write both the rows and the triggers."""

    def __init__(self, where: Path) -> None:
        self.file = where / "ledger.sqlite"
        self.anchor = where / "elsewhere" / "anchor.json"

    def ledger(self) -> database.Database:
        ledger = files.ledger(self.file.parent)
        ledger.after = anchor.Keeper(self.anchor).keep
        return ledger

    def write(self, rows: int) -> None:
        ledger = self.ledger()
        fill(ledger, rows)
        ledger._close()

    def verify(self) -> audit.Verified:
        return audit.verify_file(self.file, anchor.read(self.anchor))

    def rows(self) -> list[Row]:
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            return connection.execute("SELECT * FROM audit ORDER BY seq").fetchall()

    def tamper(self, tampering: Tampering) -> None:
        rows = self.rows()
        with contextlib.closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute("DROP TRIGGER audit_keeps_rows")
            connection.execute("DROP TRIGGER audit_keeps_words")
            connection.execute("DELETE FROM audit")
            connection.executemany("INSERT INTO audit VALUES (?, ?, ?)", tampering(rows))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A ledger with five rows and its anchor."""
    place = Place(tmp_path)
    place.write(ROWS)
    return place


def sealed(seq: int, previous: str, body: str, **changed: object) -> Row:
    """A row with a right hash."""
    body = audit.canonical({**json.loads(body), "seq": seq, "prev": previous, **changed})
    return seq, body, audit._hash(body)


def changed(n: int) -> Tampering:
    def do(rows: list[Row]) -> list[Row]:
        seq, body, digest = rows[n]
        return [*rows[:n], (seq, body.replace("asha", "ravi"), digest), *rows[n + 1 :]]

    return do


def resealed(n: int) -> Tampering:
    """One row changed, with its own hash made right again."""

    def do(rows: list[Row]) -> list[Row]:
        seq, body, _ = rows[n]
        previous = json.loads(body)["prev"]
        return [*rows[:n], sealed(seq, previous, body, login="ravi"), *rows[n + 1 :]]

    return do


def rewritten(n: int) -> Tampering:
    """The whole chain made anew from a row on: it fits together."""

    def do(rows: list[Row]) -> list[Row]:
        kept = rows[:n]
        for number, (seq, body, _) in enumerate(rows[n:]):
            previous = kept[-1][2] if kept else ""
            login = {} if number else {"login": "ravi"}
            kept.append(sealed(seq, previous, body, **login))
        return kept

    return do


def removed(n: int) -> Tampering:
    return lambda rows: [*rows[:n], *rows[n + 1 :]]


def closed_up(n: int) -> Tampering:
    """A row removed, and those after it made to follow the one before it."""

    def do(rows: list[Row]) -> list[Row]:
        kept = rows[:n]
        for seq, body, _ in rows[n + 1 :]:
            kept.append(sealed(seq - 1, kept[-1][2] if kept else "", body))
        return kept

    return do


def cut(n: int) -> Tampering:
    return lambda rows: rows[:n]


def swapped(n: int, m: int) -> Tampering:
    """Two rows in each other's place."""

    def do(rows: list[Row]) -> list[Row]:
        rows = list(rows)
        rows[n], rows[m] = (rows[n][0], *rows[m][1:]), (rows[m][0], *rows[n][1:])
        return rows

    return do


def doubled(n: int) -> Tampering:
    return lambda rows: [*rows, (max(row[0] for row in rows) + 1, *rows[n][1:])]


def inserted(seq: int) -> Tampering:
    return lambda rows: [(seq, *rows[0][1:]), *rows]


def broken(n: int, body: str) -> Tampering:
    """A row whose body is not one, with the hash that it has."""
    return lambda rows: [*rows[:n], (rows[n][0], body, audit._hash(body)), *rows[n + 1 :]]


def test_untouched_rows_are_whole(place: Place) -> None:
    verified = place.verify()
    assert (verified.rows, verified.why, verified.broken_at) == (ROWS, "", None)


@pytest.mark.parametrize(
    ("tampering", "broken_at", "why"),
    [
        (changed(0), 1, "Row 1 was changed."),
        (changed(2), 3, "Row 3 was changed."),
        (changed(4), 5, "Row 5 was changed."),
        (resealed(2), 4, "Row 4 does not follow the row before it."),
        (resealed(4), 5, "Row 5 is not the one that the anchor names"),
        (rewritten(0), 5, "Row 5 is not the one that the anchor names"),
        (rewritten(3), 5, "Row 5 is not the one that the anchor names"),
        (removed(0), 1, "Row 1 is missing."),
        (removed(2), 3, "Row 3 is missing."),
        (removed(4), 5, "Row 5 is missing, which the anchor names: the end was cut off."),
        (closed_up(2), 5, "Row 5 is missing, which the anchor names"),
        (cut(2), 3, "Row 5 is missing, which the anchor names"),
        (cut(0), 1, "Row 5 is missing, which the anchor names"),
        (swapped(1, 3), 2, "Row 2 does not follow the row before it."),
        (doubled(2), 6, "Row 6 does not follow the row before it."),
        (inserted(0), 0, "Row 0 was added."),
        (inserted(-7), -7, "Row -7 was added."),
        (broken(2, "no json"), 3, "Row 3 was changed."),
        (broken(2, "[]"), 3, "Row 3 was changed."),
        (broken(2, "{}"), 3, "Row 3 was changed."),
    ],
)
def test_tampering_is_found_and_named(
    place: Place, tampering: Tampering, broken_at: int, why: str
) -> None:
    place.tamper(tampering)
    verified = place.verify()
    assert verified.broken_at == broken_at
    assert verified.why.startswith(why)


def numbers() -> st.SearchStrategy[int]:
    return st.integers(0, ROWS - 1)


TAMPERINGS = st.lists(
    st.one_of(
        numbers().map(changed),
        numbers().map(resealed),
        numbers().map(rewritten),
        numbers().map(removed),
        numbers().map(closed_up),
        numbers().map(cut),
        numbers().map(doubled),
        st.tuples(numbers(), numbers()).map(lambda pair: swapped(*pair)),
        st.builds(broken, numbers(), st.text(max_size=20)),
    ),
    min_size=1,
    max_size=4,
)


@given(TAMPERINGS)
def test_whatever_somebody_does_to_the_rows_is_found(tamperings: list[Tampering]) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("CREATE TABLE audit (seq INTEGER PRIMARY KEY, body TEXT, hash TEXT)")
        for n in range(ROWS):
            audit.append(connection, entry(str(n)))
        end = anchor.newest(connection)
        genuine = [tuple(row) for row in connection.execute("SELECT * FROM audit")]
        rows: list[Row] = list(genuine)
        for tampering in tamperings:
            with contextlib.suppress(
                IndexError, ValueError, KeyError, TypeError
            ):  # no such row now
                rows = tampering(rows)
        connection.execute("DELETE FROM audit")
        connection.executemany("INSERT INTO audit VALUES (?, ?, ?)", rows)
        assert bool(audit.verify(connection, end).why) == (rows != genuine)


def test_an_older_copy_of_the_ledger_is_found(place: Place, tmp_path: Path) -> None:
    older = tmp_path / "older.sqlite"
    shutil.copy(place.file, older)
    place.write(3)
    shutil.copy(older, place.file)
    assert place.verify().why.startswith("Row 8 is missing, which the anchor names")


def test_another_ledger_is_found(place: Place, tmp_path: Path) -> None:
    other = Place(tmp_path / "other")
    other.file.parent.mkdir()
    ledger = other.ledger()
    ledger.run_here(lambda connection: audit.append(connection, entry("another")))
    ledger._close()
    other.write(9)
    shutil.copy(other.file, place.file)
    assert place.verify().why.startswith("Row 5 is not the one that the anchor names")


def test_the_anchor_is_private_elsewhere_and_moves_on_with_the_rows(place: Place) -> None:
    first = anchor.read(place.anchor)
    assert first is not None
    assert first.seq == ROWS
    assert place.anchor.stat().st_mode & 0o777 == 0o600
    place.write(2)
    second = anchor.read(place.anchor)
    assert second is not None
    assert second.seq == ROWS + 2
    assert [path.name for path in place.anchor.parent.iterdir()] == ["anchor.json"]


def test_rows_that_the_anchor_does_not_know_yet_are_whole(place: Place) -> None:
    """The core ended after the commit, before the anchor was written."""
    before = place.anchor.read_bytes()
    place.write(2)
    place.anchor.write_bytes(before)
    assert place.verify() == audit.verify_file(place.file, None)
    assert place.verify().rows == ROWS + 2


def test_new_rows_do_not_hide_that_the_end_was_cut_off(place: Place) -> None:
    before = place.anchor.read_bytes()
    place.tamper(cut(2))
    ledger = files.ledger(place.file.parent)
    keeper = anchor.Keeper(place.anchor)
    ledger.after = keeper.keep
    fill(ledger, 2)
    assert place.anchor.read_bytes() == before
    assert "the end was cut off" in keeper.lost
    fill(ledger, 6)
    ledger._close()
    assert place.anchor.read_bytes() == before
    assert place.verify().why.startswith("Row 5 is not the one that the anchor names")


@pytest.mark.parametrize("removed", [True, False])
def test_who_wrote_the_anchor_remembers_it_when_somebody_rewrites_both(
    place: Place, removed: bool
) -> None:
    ledger = files.ledger(place.file.parent)
    keeper = anchor.Keeper(place.anchor)
    ledger.after = keeper.keep
    fill(ledger, 1)
    place.tamper(cut(3))
    row = place.rows()[-1]
    if removed:
        place.anchor.unlink()
    else:
        anchor.write(place.anchor, anchor.Anchor(row[0], row[2]))
    before = place.anchor.read_bytes() if place.anchor.exists() else None
    for _ in range(5):
        fill(ledger, 1)
        assert keeper.lost.startswith("Row 6 is ")
    ledger._close()
    assert (place.anchor.read_bytes() if place.anchor.exists() else None) == before


async def test_the_running_core_remembers_the_anchor_of_its_start(place: Place) -> None:
    async with harness.unserved(place.file.parent, audit_anchor=place.anchor) as here:
        await waiting.until(lambda: here.auditing.verdict() == base.OK)
        place.anchor.unlink()
        place.tamper(cut(2))
        await here.ledger.run(lambda connection: audit.append(connection, entry()))
        verdict = await waiting.until(
            lambda: v if (v := here.auditing.verdict()) != base.OK else None
        )
    assert (verdict.level, verdict.code) == (base.Level.BAD, "audit_chain_broken")
    assert not place.anchor.exists()


async def test_many_commits_at_once_move_the_anchor_on_to_the_last(tmp_path: Path) -> None:
    place, written = Place(tmp_path), []
    ledger = files.ledger(tmp_path)
    keeper = anchor.Keeper(place.anchor)

    def keep(connection: sqlite3.Connection) -> None:
        keeper.keep(connection)
        known = anchor.read(place.anchor)
        assert known is not None
        written.append(known.seq)

    ledger.after = keep
    waiters = [ledger.run(lambda connection: audit.append(connection, entry())) for _ in range(100)]
    await asyncio.gather(*waiters)
    await ledger.close()
    assert written == sorted(written)
    assert written[-1] == 100
    assert len(written) < 100


def test_an_anchor_that_cannot_be_written_loses_no_row(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ledger = files.ledger(tmp_path)
    keeper = anchor.Keeper(tmp_path / "file" / "anchor.json")
    ledger.after = keeper.keep
    fill(ledger, 1)
    assert "cannot be" in keeper.trouble
    assert ledger.run_here(audit.verify).rows == 1
    (tmp_path / "file").unlink()
    fill(ledger, 1)
    assert keeper.trouble == ""
    ledger._close()


@pytest.mark.parametrize("text", ["", "{}", '{"seq": "x", "hash": ""}', "[1]", "\x00"])
def test_an_anchor_that_is_none_is_said_and_not_replaced(place: Place, text: str) -> None:
    place.anchor.write_text(text)
    with pytest.raises(errors.StoreError, match="anchor"):
        place.verify()
    place.write(1)
    assert place.anchor.read_text() == text


# -- the core's check of itself


async def checked(place: Place) -> base.Verdict:
    """The verdict of core/check/audit once the core has read its audit."""
    async with harness.unserved(place.file.parent, audit_anchor=place.anchor) as here:
        await waiting.until(lambda: here.monitor.tried)

        async def verdict() -> base.Verdict | None:
            sample = await here.monitor.source("core").sample()
            (check,) = [e for e in sample.entities if e.ref == "core/check/audit"]
            return check.verdict if check.verdict.code != "audit_unread" else None

        found = await waiting.until(verdict, what="the audit to be read")
        assert found is not None
        return found


async def test_the_core_says_at_its_start_that_the_audit_is_whole(place: Place) -> None:
    verdict = await checked(place)
    assert verdict == base.OK


@pytest.mark.parametrize(
    ("tampering", "why"), [(changed(2), "Row 3 was changed."), (cut(2), "Row 5 is missing")]
)
async def test_the_core_says_at_its_start_that_the_audit_was_tampered_with(
    place: Place, tampering: Tampering, why: str
) -> None:
    place.tamper(tampering)
    verdict = await checked(place)
    assert (verdict.level, verdict.code) == (base.Level.BAD, "audit_chain_broken")
    assert verdict.why.startswith(why)
    assert "mrcore audit verify" in verdict.why


async def test_the_core_warns_where_there_was_no_anchor_and_begins_one(place: Place) -> None:
    place.anchor.unlink()
    verdict = await checked(place)
    assert (verdict.level, verdict.code) == (base.Level.WARN, "audit_no_anchor")


async def test_the_core_warns_when_the_anchor_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    jobs = harness.Jobs()
    (ref,) = jobs.add("7")
    async with harness.unserved(
        tmp_path / "state", jobs, audit_anchor=tmp_path / "file" / "anchor.json"
    ) as here:
        await waiting.until(lambda: here.monitor.tried)
        asha = auth.Login("asha", ("operator",), "token")
        request = plans.PlanRequest(action="queue.retry", selection=harness.selection(ref))
        plan = await here.door.plan(asha, request)
        await here.door.apply(asha, plan.plan_id, plans.ApplyRequest())
        await waiting.until(lambda: here.auditing.verdict().code == "audit_anchor")
        assert here.auditing.verdict().level is base.Level.WARN
        await waiting.until(lambda: jobs.chunks, what="the retry")
