"""The folder for sockets: it is ours alone, whatever the environment says."""

from __future__ import annotations

import os
import stat
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
