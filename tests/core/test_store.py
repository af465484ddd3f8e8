"""The store: survives kill -9 at any moment and a full disk, migrates after a copy."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mrcore import errors
from mrcore.store import database, files, migrations
from mrcore.trust import anchor, audit
from tests import waiting


def rows(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT name FROM thing ORDER BY name")]


@pytest.fixture
def schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of numbered SQL files that stands for the release's own."""
    folder = tmp_path / "schema"
    folder.mkdir()
    (folder / "0001_first.sql").write_text("CREATE TABLE thing (name TEXT);")
    monkeypatch.setattr(migrations, "numbered", lambda schema: sorted(folder.iterdir()))
    return folder


@pytest.mark.parametrize("attempt", range(3))
async def test_what_was_kept_is_there_after_kill_9(tmp_path: Path, attempt: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.core.ledger_writer", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout
        until = random.Random(attempt).randint(5, 60)
        for line in writer.stdout:
            if int(line) >= until:
                break
        writer.kill()
        said = [int(line), *(int(rest) for rest in writer.stdout.read().split())]
    known = anchor.read(tmp_path / "elsewhere" / "anchor.json")
    verified = audit.verify_file(tmp_path / "ledger.sqlite", known)
    assert verified.why == ""
    assert verified.rows >= max(said)
    assert known is not None
    assert known.seq >= max(said) - 1


async def test_a_full_disk_is_a_store_error_and_leaves_nothing_half_done(
    tmp_path: Path, schema: Path
) -> None:
    file = database.Database(tmp_path / "x.sqlite", "any", pages_max=8)

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO thing VALUES ('before')")
        connection.execute("INSERT INTO thing VALUES (?)", ("x" * 100_000,))

    with pytest.raises(errors.StoreError, match="full"):
        await file.run(fill)
    assert "full" in file.trouble
    assert await file.run(rows) == []
    assert file.trouble == ""
    await file.close()


async def test_an_error_of_the_work_itself_rolls_back(tmp_path: Path, schema: Path) -> None:
    file = database.Database(tmp_path / "x.sqlite", "any")

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO thing VALUES ('a')")
        raise errors.PlanTaken("taken")

    with pytest.raises(errors.PlanTaken):
        await file.run(work)
    assert await file.run(rows) == []
    await file.close()


async def test_migration_copies_first_and_keeps_what_was_there(
    tmp_path: Path, schema: Path
) -> None:
    path = tmp_path / "x.sqlite"
    file = database.Database(path, "any")
    await file.run(lambda connection: connection.execute("INSERT INTO thing VALUES ('a')"))
    await file.close()
    (schema / "0002_second.sql").write_text("ALTER TABLE thing ADD COLUMN size INTEGER;")
    again = database.Database(path, "any")
    assert await again.run(rows) == ["a"]
    await again.run(lambda connection: connection.execute("SELECT size FROM thing"))
    await again.close()
    with sqlite3.connect(f"{path}.before-2") as copy:
        assert rows(copy) == ["a"]
        assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    copy.close()


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path, schema: Path) -> None:
    path = tmp_path / "x.sqlite"
    file = database.Database(path, "any")
    await file.run(lambda connection: connection.execute("INSERT INTO thing VALUES ('a')"))
    await file.close()
    broken = schema / "0002_second.sql"
    broken.write_text("ALTER TABLE thing ADD COLUMN size INTEGER; SELECT nonsense;")
    with pytest.raises(errors.StoreError, match="nonsense"):
        await database.Database(path, "any").run(rows)
    broken.unlink()
    again = database.Database(path, "any")
    assert await again.run(rows) == ["a"]
    await again.close()


async def test_two_who_make_the_same_file_at_once_make_it_once(
    tmp_path: Path, schema: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, version = tmp_path / "x.sqlite", migrations._version
    (schema / "0002_second.sql").write_text("INSERT INTO thing VALUES ('once; -- and only'); -- ;")

    file = database.Database(path, "any")

    def overtaken(connection: sqlite3.Connection) -> int:
        """What is read first, before another process makes the file."""
        found = version(connection)
        monkeypatch.setattr(migrations, "_version", version)
        database.Database(path, "any").run_here(rows)
        return found

    monkeypatch.setattr(migrations, "_version", overtaken)
    assert await file.run(rows) == ["once; -- and only"]
    await file.close()


async def test_a_file_of_a_newer_release_is_refused_with_a_sentence(
    tmp_path: Path, schema: Path
) -> None:
    path = tmp_path / "x.sqlite"
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 7")
    newer.close()
    file = database.Database(path, "any")
    with pytest.raises(errors.StoreError, match="newer release"):
        await file.run(rows)
    assert "newer release" in file.trouble
    await file.close()


async def test_a_corrupt_history_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_bytes(b"no database at all" * 1_000)
    history = files.history(tmp_path)
    count = await history.run(
        lambda connection: connection.execute("SELECT count(*) FROM rollup").fetchone()[0]
    )
    await history.close()
    assert count == 0


async def test_a_history_that_rots_while_it_is_open_is_made_anew(tmp_path: Path) -> None:
    history = files.history(tmp_path)
    await history.run(lambda connection: connection.execute("SELECT 1"))
    await history.close()
    path = tmp_path / "history.sqlite"
    kept = path.read_bytes()
    path.write_bytes(kept[:4096] + b"\xff" * (len(kept) - 4096))
    history = files.history(tmp_path)
    count = "SELECT count(*) FROM rollup"

    async def readable() -> bool:
        try:
            await history.run(lambda connection: connection.execute(count).fetchone())
        except errors.StoreError:
            return False
        return True

    await waiting.until(readable)
    await history.close()


async def test_a_corrupt_ledger_is_never_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database at all" * 1_000)
    ledger = files.ledger(tmp_path)
    with pytest.raises(errors.StoreError, match="not a database"):
        await ledger.run(audit.verify)
    await ledger.close()
    assert path.read_bytes().startswith(b"no database")


async def test_the_files_are_private(tmp_path: Path) -> None:
    ledger = files.ledger(tmp_path)
    await ledger.run(audit.verify)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    await ledger.close()
    assert set(modes.values()) == {0o600}


async def test_who_looks_for_long_holds_up_nobody_who_writes(tmp_path: Path, schema: Path) -> None:
    file = database.Database(tmp_path / "x.sqlite", "any")
    begun, go_on = threading.Event(), threading.Event()

    def slowly(connection: sqlite3.Connection) -> list[str]:
        before = rows(connection)
        begun.set()
        assert go_on.wait(20)
        return before

    looking = asyncio.create_task(file.look(slowly))
    await asyncio.to_thread(begun.wait, 20)
    await file.run(lambda connection: connection.execute("INSERT INTO thing VALUES ('a')"))
    assert not looking.done()
    go_on.set()
    assert await looking == []
    assert await file.look(rows) == ["a"]
    await file.close()


async def test_who_looks_can_change_nothing_and_says_nothing_of_writing(
    tmp_path: Path, schema: Path
) -> None:
    file = database.Database(tmp_path / "x.sqlite", "any")
    for _ in range(2):
        with pytest.raises(errors.StoreError, match="readonly"):
            await file.look(lambda connection: connection.execute("DELETE FROM thing"))
    assert file.trouble == ""
    assert await file.look(rows) == []
    await file.close()
    assert {path.name for path in tmp_path.iterdir()} == {"x.sqlite", "schema"}
