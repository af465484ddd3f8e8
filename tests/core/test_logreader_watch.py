"""Which files become streams, and what is said of those that cannot be read."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcore import errors
from mrcore.logreader import answers, follow, page, query, watch

NOW = 1_795_208_400.0
NOBODY = 65534


@pytest.fixture
def closing() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


@contextlib.contextmanager
def without_rights(path: Path) -> Iterator[None]:
    """As a user who may not read `path`, also when the tests run as root."""
    mode = path.stat().st_mode
    path.chmod(0)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        path.chmod(mode)


def test_a_folder_gives_its_log_files_and_new_ones(
    tmp_path: Path, closing: contextlib.ExitStack
) -> None:
    for name in ("worker.log", "backend-blue.log", "worker.log.1", ".hidden.log", "notes.txt"):
        (tmp_path / name).write_text("INFO x\n")
    found = watch.Watch(folder=str(tmp_path))
    closing.callback(found.close)
    found.poll(NOW)
    assert sorted(found.streams) == ["backend-blue", "worker"]
    (tmp_path / "postgres.log").write_text("INFO new\n")
    found.poll(NOW + watch.LOOK_S)
    assert sorted(found.streams) == ["backend-blue", "postgres", "worker"]


def test_a_name_that_is_no_text_is_shown_with_escapes(
    tmp_path: Path, closing: contextlib.ExitStack
) -> None:
    bad = os.fsencode(tmp_path) + b"/bad\xff.log"
    Path(os.fsdecode(bad)).write_text("INFO x\n")
    (tmp_path / "link\udcfe.log").symlink_to(tmp_path)
    room = answers.Room(watch.Watch(folder=str(tmp_path)))
    closing.callback(room.watch.close)
    room.poll(NOW)
    streams = {row["name"]: row for row in answers.PLAIN["sample"](room, NOW)["streams"]}
    assert sorted(streams) == ["bad\\xff", "link\\xfe"]
    assert streams["bad\\xff"]["path"] == f"{tmp_path}/bad\\xff.log"
    assert json.dumps(streams, ensure_ascii=False).encode()
    assert "link\\xfe.log is" in streams["link\\xfe"]["problem"]["sentence"]
    line = answers.PLAIN["stream"](room, NOW, stream="bad\\xff")
    assert line["lines"] == 1


def test_globs_and_names(tmp_path: Path, closing: contextlib.ExitStack) -> None:
    for name in ("a/app.log", "b/app.log", "c/out.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("INFO x\n")
    (tmp_path / "link.log").symlink_to(tmp_path / "a" / "app.log")
    found = watch.Watch(
        files=[f"{tmp_path}/*/app.log", f"{tmp_path}/c/out.txt", f"{tmp_path}/link.log"],
        names={f"{tmp_path}/c/out.txt": "api"},
    )
    closing.callback(found.close)
    found.poll(NOW)
    assert sorted(found.streams) == ["api", "app", "b/app", "link"]
    assert all(stream.problem is None for stream in found.streams.values())


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "worker.log", "", "..", "worker/../x"]
)
def test_a_name_only_leads_to_a_configured_file(
    tmp_path: Path, closing: contextlib.ExitStack, name: str
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "secret.log").write_text("INFO secret\n")
    (tmp_path / "logs" / "worker.log").write_text("INFO x\n")
    found = watch.Watch(folder=str(tmp_path / "logs"))
    closing.callback(found.close)
    found.poll(NOW)
    with pytest.raises(errors.NotFound, match="there are: worker"):
        found.chosen(name)


def test_what_is_not_a_regular_file_is_said_to_be_none(
    tmp_path: Path, closing: contextlib.ExitStack
) -> None:
    os.mkfifo(tmp_path / "pipe.log")
    (tmp_path / "folder.log").mkdir()
    (tmp_path / "link.log").symlink_to("/etc/passwd")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "sock.log"))
    found = watch.Watch(folder=str(tmp_path))
    closing.callback(found.close)
    found.poll(NOW)
    why = {name: str(stream.problem) for name, stream in found.streams.items()}
    assert "is a pipe, which cannot be followed" in why["pipe"]
    assert "is a folder" in why["folder"]
    assert "is a symbolic link (name its target in `files`)" in why["link"]
    assert "is a socket" in why["sock"]
    assert all(stream.state(NOW) == follow.WAITING for stream in found.streams.values())


def test_a_file_without_permission_says_so_and_is_followed_once_there_is(
    tmp_path: Path, closing: contextlib.ExitStack
) -> None:
    path = tmp_path / "a.log"
    path.write_text("INFO x\n")
    one = follow.Stream("a", str(path), links=True, from_start=False)
    closing.callback(one.close)
    with without_rights(path):
        one.poll(NOW)
    assert isinstance(one.problem, errors.NotPermitted)
    assert "permission denied" in str(one.problem)
    one.poll(NOW)
    assert one.problem is None
    assert one.state(NOW) == follow.FOLLOWING


def test_a_folder_without_permission_says_so_and_keeps_what_is_open(
    tmp_path: Path, closing: contextlib.ExitStack
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "a.log"
    path.write_text("INFO x\n")
    found = watch.Watch(folder=str(folder))
    closing.callback(found.close)
    found.poll(NOW)
    with without_rights(folder):
        found.poll(NOW + watch.LOOK_S)
    assert isinstance(found.problem, errors.NotPermitted)
    assert isinstance(found.streams["a"].problem, errors.NotPermitted)
    answer = page.read(page.Ask(found.chosen("a"), query.Wanted()), NOW)
    assert answer is not None
    assert [row["text"] for row in answer.rows()] == ["INFO x"]


def test_a_vanished_file_is_waited_for_and_then_let_go(
    tmp_path: Path, closing: contextlib.ExitStack
) -> None:
    path, kept = tmp_path / "logs" / "a.log", tmp_path / "kept.log"
    path.parent.mkdir()
    path.write_text("INFO x\n")
    found = watch.Watch(folder=str(path.parent), files=[str(kept)])
    closing.callback(found.close)
    found.poll(NOW)
    assert str(found.streams["kept"].problem) == f"{kept} does not exist."
    path.unlink()
    found.poll(NOW + 1)
    assert found.streams["a"].state(NOW + 1) == follow.WAITING
    assert str(found.streams["a"].problem) == f"{path} does not exist."
    path.write_text("INFO back\n")
    found.poll(NOW + 2)
    assert found.streams["a"].problem is None
    path.unlink()
    found.poll(NOW + 3)
    found.poll(NOW + 4 + watch.GONE_KEPT_S)
    assert sorted(found.streams) == ["kept"]


def test_a_folder_that_comes_later(tmp_path: Path, closing: contextlib.ExitStack) -> None:
    folder = tmp_path / "logs"
    found = watch.Watch(folder=str(folder))
    closing.callback(found.close)
    found.poll(NOW)
    assert isinstance(found.problem, errors.NotFound)
    folder.mkdir()
    (folder / "a.log").write_text("INFO x\n")
    found.poll(NOW + watch.LOOK_S)
    assert found.problem is None
    assert sorted(found.streams) == ["a"]


def test_too_many_files_are_counted(tmp_path: Path, closing: contextlib.ExitStack) -> None:
    for number in range(watch.STREAMS_MAX + 3):
        (tmp_path / f"{number}.log").touch()
    found = watch.Watch(folder=str(tmp_path))
    closing.callback(found.close)
    found.poll(NOW)
    assert len(found.streams) == watch.STREAMS_MAX
    assert found.too_many == 3


def test_counts_of_a_stream(tmp_path: Path, closing: contextlib.ExitStack) -> None:
    path = tmp_path / "a.log"
    path.write_text("ERROR before it was followed\n    at x\n")
    one = follow.Stream("a", str(path), links=True, from_start=False)
    closing.callback(one.close)
    one.poll(NOW)
    assert (one.tally.lines, one.tally.errors) == (0, 0)
    assert [line.text for line in one.tally.notable] == ["ERROR before it was followed"]
    with path.open("a") as file:
        file.write("INFO fine, 0 errors\nERROR boom\n    Error: inside of a trace\nWARN hm\nERR")
    one.poll(NOW)
    assert (one.tally.lines, one.tally.errors) == (4, 1)
    with path.open("a") as file:
        file.write(
            "OR begun earlier\n" + "".join(f"2026-11-20T21:00:0{n}Z WARN {n}\n" for n in range(9))
        )
    one.poll(NOW)
    assert (one.tally.lines, one.tally.errors) == (14, 2)
    assert [line.text[-6:] for line in one.tally.notable] == [f"WARN {n}" for n in range(4, 9)]
    assert one.wrote_at == NOW
