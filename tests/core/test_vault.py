"""The vault: a key made once, and a sentence where it is lost."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from pydantic import JsonValue

from mrcore import errors
from mrcore.acting import vault

THING: dict[str, JsonValue] = {"message": "é\u0000", "ttl_ms": 12}


def test_what_is_sealed_can_be_opened_by_the_next_process_and_is_not_readable(
    tmp_path: Path,
) -> None:
    path = tmp_path / vault.NAME
    body = vault.Vault(path).seal(THING)
    assert b"message" not in body
    assert vault.Vault(path).open(body) == THING
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [vault.NAME]


def test_a_key_is_made_once_by_whoever_comes_first(tmp_path: Path) -> None:
    path, bodies = tmp_path / vault.NAME, []
    begin = threading.Barrier(8)

    def seal() -> None:
        begin.wait()
        bodies.append(vault.Vault(path).seal(THING))

    threads = [threading.Thread(target=seal) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [vault.Vault(path).open(body) for body in bodies] == [THING] * 8


@pytest.mark.parametrize("found", ["gone", "another", "nonsense"])
def test_without_its_key_the_undo_is_lost_in_words(tmp_path: Path, found: str) -> None:
    path = tmp_path / vault.NAME
    body = vault.Vault(path).seal(THING)
    path.unlink()
    if found == "another":
        vault.Vault(path).ready()
    if found == "nonsense":
        path.write_text("nonsense")
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(vault.Lost, match="The undo is lost"):
        vault.Vault(path).open(body)
    assert (path.read_bytes() if path.exists() else None) == before


def test_what_is_no_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / vault.NAME
    path.write_text("nonsense")
    with pytest.raises(errors.StoreError, match="is not a key"):
        vault.Vault(path).ready()
    assert path.read_text() == "nonsense"


def test_a_body_that_was_changed_is_lost(tmp_path: Path) -> None:
    own = vault.Vault(tmp_path / vault.NAME)
    body = own.seal(THING)
    with pytest.raises(vault.Lost):
        own.open(body[:-9] + b"A" + body[-8:])
