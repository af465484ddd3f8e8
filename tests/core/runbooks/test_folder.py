"""A folder with a broken runbook in it: what is listed, what is refused, and what goes on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click import testing

from mrcore import errors
from mrcore.cli import runbook as verb
from mrcore.runbooks import library, record, shelf
from tests.core.runbooks import room
from tests.core.runbooks.test_lint import SESSIONS

BROKEN = room.TEXT.replace('id = "T"', 'id = "B"').replace("queue.resume", "queue.resme")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "M3.md").write_text(SESSIONS)
    (tmp_path / "mine.md").write_text(BROKEN)
    return tmp_path


def test_the_good_ones_of_a_folder_are_listed_and_shown(folder: Path) -> None:
    def asked(*words: str) -> testing.Result:
        return testing.CliRunner().invoke(verb.command, [*words, "--folder", str(folder)])

    complaint = f"{folder}/mine.md:33: there is no action 'queue.resme'. Did you mean queue.resume?"
    for words in (("list",), ("list", "--json"), ("show", "M3"), ("show", "M3", "--json")):
        done = asked(*words)
        assert (done.exit_code, done.stderr) == (1, complaint + "\n")
        assert "M3" in done.stdout
    ids = {each["id"] for each in json.loads(asked("list", "--json").stdout)}
    assert ids == {*"ACDEFGHIJ", "M3"}, "a broken one of one's own is not replaced by B that ships"
    assert asked("show", "M3").stdout == SESSIONS
    done = asked("show", "B")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", complaint + "\n")
    assert isinstance(asked("show", "ZZ").exception, errors.BadRequest)


def test_a_core_refuses_a_folder_with_a_broken_one_and_says_how_to_see_all(folder: Path) -> None:
    (folder / "also.md").write_text("nothing")
    with pytest.raises(errors.RunbookError) as caught:
        library.load(folder)
    said = str(caught.value)
    assert said.startswith(f"{folder}/also.md:1: the first line of a runbook is +++")
    assert said.endswith(f" 2 more: mrcore runbook lint --folder {folder}.")


def test_a_file_that_is_not_there_is_no_mistake_of_a_runbook(tmp_path: Path) -> None:
    def lint(*words: str) -> BaseException | None:
        return testing.CliRunner().invoke(verb.command, ["lint", *words]).exception

    for words, said in (
        (("nope.md",), "There is no file nope.md."),
        ((str(tmp_path),), f"{tmp_path} is a folder."),
        (("--folder", str(tmp_path / "no")), "is not there."),
    ):
        found = lint(*words)
        assert isinstance(found, errors.MrError)  # of which `mrcore` makes a sentence and 2
        assert said in str(found)


def test_two_files_of_one_id_are_told(folder: Path) -> None:
    (folder / "mine.md").write_text(SESSIONS)
    both = [str(folder / "M3.md"), str(folder / "mine.md")]
    done = testing.CliRunner().invoke(verb.command, ["lint", *both])
    assert done.output == f"{both[1]}:1: {both[0]} has the id M3 already.\n"


def test_a_runbook_that_is_broken_is_one_that_others_can_lead_to(folder: Path) -> None:
    way = SESSIONS.replace('runbook = "A"', 'runbook = "B"')
    (folder / "M3.md").write_text(way)
    assert len(library.look(folder).problems) == 1


def test_a_run_whose_runbook_is_none_any_more_keeps_no_other_from_going_on() -> None:
    def body(number: int, text: str) -> str:
        known = record.Record(
            id=number, runbook="T", title="t", text=text, where="T.md", subject=room.QUEUE,
            began_by="", login="", began_at=room_now,
        )  # fmt: skip
        return known.model_dump_json()

    room_now = "2026-01-01T00:00:00Z"
    kept = shelf.Shelf({}, 1.0)
    at = datetime(2026, 1, 2, tzinfo=UTC)
    (stranded,) = kept.put_all([body(1, BROKEN), body(2, room.TEXT)], [], at)
    assert list(kept.active) == [2]
    assert (stranded.id, stranded.state) == (1, "aborted")
    assert "does not read its runbook any more: T.md:" in stranded.body
