"""The folder for sockets: it is ours alone, whatever the environment says."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mrcore import errors, folder

NOBODY = 65534
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An XDG_RUNTIME_DIR, and a folder for temporary files beside it."""
    base, temporary = tmp_path / "run", tmp_path / "tmp"
    base.mkdir(mode=0o700)
    temporary.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    monkeypatch.setattr(folder.tempfile, "gettempdir", lambda: str(temporary))
    return base


def test_it_is_private_and_the_same_every_time(base: Path, tmp_path: Path) -> None:
    where = folder.StateFolder(tmp_path / "state")
    assert where.runtime.parent == base / "mr"
    assert where.runtime == where.runtime
    for level in (base / "mr", where.runtime):
        assert stat.S_IMODE(level.stat().st_mode) == 0o700


@as_root
def test_another_users_folder_is_left_alone(base: Path, tmp_path: Path) -> None:
    os.chown(base, NOBODY, NOBODY)
    runtime = folder.StateFolder(tmp_path / "state").runtime
    assert runtime.parent == tmp_path / "tmp" / f"mr-{os.getuid()}"
    assert list(base.iterdir()) == []


@pytest.mark.parametrize("level", ["root", "leaf"])
@pytest.mark.parametrize("how", ["link", "file", "open", pytest.param("owner", marks=as_root)])
def test_what_somebody_else_has_put_there_is_refused(
    base: Path, tmp_path: Path, level: str, how: str
) -> None:
    where = folder.StateFolder(tmp_path / "state")
    found = where.runtime.parent if level == "root" else where.runtime
    where.runtime.rmdir()
    if level == "root":
        found.rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    if how == "link":
        found.symlink_to(elsewhere)
    elif how == "file":
        found.touch()
    else:
        found.mkdir()
        found.chmod(0o777 if how == "open" else 0o700)
        if how == "owner":
            os.chown(found, NOBODY, NOBODY)
    with pytest.raises(errors.StackError, match=str(found)):
        _ = where.runtime


def test_what_cannot_be_made_is_a_sentence(base: Path, tmp_path: Path) -> None:
    where = folder.StateFolder(tmp_path / "state")
    base.rmdir()
    (tmp_path / "tmp").rmdir()
    with pytest.raises(errors.StackError, match="folder for sockets cannot be made"):
        _ = where.runtime


def modes(path: Path) -> dict[str, int]:
    """Permissions of a folder and of what is in it."""
    every = {entry.name: entry for entry in path.iterdir()} | {".": path}
    return {name: stat.S_IMODE(entry.lstat().st_mode) for name, entry in every.items()}


def test_a_state_folder_that_others_may_read_is_taken_from_them(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    folder.StateFolder(state).make()
    assert modes(state) == {".": 0o700}
    state.chmod(0o755)
    for name, mode in (("ledger.sqlite", 0o644), ("settings.json", 0o660), ("tool", 0o755)):
        (state / name).touch()
        (state / name).chmod(mode)
    (state / "logs").mkdir(mode=0o755)
    outside = tmp_path / "outside"
    outside.touch(mode=0o644)
    (state / "link").symlink_to(outside)
    folder.StateFolder(state).make()
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644
    assert {name: mode for name, mode in modes(state).items() if name != "link"} == {
        ".": 0o700,
        "ledger.sqlite": 0o600,
        "settings.json": 0o600,
        "tool": 0o700,
        "logs": 0o700,
    }


@pytest.mark.parametrize(("mode", "name"), [(0o755, "thesis.tex"), (0o1777, "core.lock")])
def test_a_folder_that_is_something_else_is_left_as_it_is(
    tmp_path: Path, mode: int, name: str
) -> None:
    (tmp_path / name).touch(mode=0o644)
    tmp_path.chmod(mode)
    before = modes(tmp_path)
    folder.StateFolder(tmp_path).make()
    assert modes(tmp_path) == before


@as_root
def test_what_is_another_users_is_left_to_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "postgres").mkdir(parents=True)
    (state / "core.lock").touch()
    (state / "postgres").chmod(0o755)
    os.chown(state / "postgres", NOBODY, NOBODY)
    folder.StateFolder(state).make()
    assert modes(state)["postgres"] == 0o755


def test_a_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    state = folder.StateFolder(tmp_path / "s").make()
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: state.key("redact.key", 32), range(16)))
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32
    assert (state / "redact.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.path.iterdir()] == ["redact.key"]
    (state / "redact.key").write_bytes(b"short")
    with pytest.raises(errors.StackError, match="not a key of 32 bytes"):
        state.key("redact.key", 32)
