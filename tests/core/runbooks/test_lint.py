"""What the lint finds: every mistake at its line, and nothing that only comes of another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click import testing

from mrcore import catalogue
from mrcore.cli import runbook as verb
from mrcore.runbooks import parse
from tests.core.runbooks import room

SESSIONS = """+++
id = "M3"
title = "sessions"
about = "queue"
symptom = "pg.used > 80%"
recovers = "few are taken"
severity = "SEV3"
owner = "platform"
params = { session = { type = "session" }, who = { type = "text" } }
+++

## look

```toml
[step.look]
kind = "diagnose"
verdicts = [
  { bad = "paused", when = "queue.paused" },
  { bad = "full", when = "pg.used > 90%" },
  { ok = true, when = "not queue.paused" } ]
```

## way

```toml
[step.way]
kind = "decide"
routes = [
  { when = 'look == "paused"', goto = "fixit" },
  { when = 'look == "unknown"', runbook = "A" } ]
```

## fixit

```toml
[step.fixit]
kind = "fix"
when = 'look == "full"'
action = "pg.cancel"
on = { of = "{{params.session}}" }
risk = "high"
verify = { when = "pg.used < 80%", within = "20s" }
rollback = "none: run it again"
```

## wait

```toml
[step.calm]
kind = "wait"
until = { when = "pg.used < 70%" }
```

## hand

Do it.

```toml
[step.hand]
kind = "manual"
when = 'fixit != "done" and calm == "done" and params.who == "me"'
done = "none: only people know"
```

## note

It is written down.

```toml
[step.told]
kind = "note"
when = 'hand == "done" or way == "fixit" or look in ("unknown", "ok")'
```
"""


def problems(text: str) -> list[str]:
    """What is said of a text, each without its file."""
    return [each.removeprefix("T.md:") for each in parse.reading(text, "T.md").problems]


def changed(*pairs: tuple[str, str]) -> list[str]:
    """What is said of the text with some of it in other words."""
    text = SESSIONS
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after, 1)
    return problems(text)


def line(needle: str, text: str = SESSIONS) -> int:
    return text[: text.index(needle)].count("\n") + 1


def test_it_is_well_formed() -> None:
    assert problems(SESSIONS) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "when = 'look == \"full\"'",
            "when = 'look == \"ful\"'",
            "look is never 'ful' here: it is paused, full or ok. Did you mean full?",
        ),
        ('look == "full"', '"ful" == look', "look is never 'ful' here"),
        ('look == "full"', 'look != "fulll"', "look is never 'fulll' here"),
        ('look == "full"', 'look in ("full", "pausedd")', "look is never 'pausedd' here"),
        ('look == "full"', 'queue.paused or not (look == "ful")', "look is never 'ful' here"),
        ('look == "full"', 'look == "unknown"', "it is paused, full or ok."),
        ('way == "fixit"', 'way == "A"', "way is never 'A' here: it is fixit."),
        ('fixit != "done"', 'fixit != "ok"', "fixit is never 'ok' here: it is done."),
        ('calm == "done"', 'calm == "passed"', "calm is never 'passed' here: it is done."),
        ('hand == "done"', 'hand == "don"', "it is done. Did you mean done?"),
        ('"unknown", "ok"', '"unknown", "okay"', "it is paused, full, ok or unknown."),
    ],
)
def test_what_a_step_never_finds_is_asked_for_in_vain(before: str, after: str, said: str) -> None:
    (found,) = changed((before, after))
    assert said in found
    assert found.startswith(f"{line(before)}: ")


def test_it_is_asked_for_in_vain_in_proofs_sentences_and_long_texts() -> None:
    (proof,) = changed(('until = { when = "pg.used < 70%"', "until = { when = 'look == \"nil\"'"))
    assert "until" not in proof
    assert "look is never 'nil' here" in proof
    (said,) = changed(('kind = "wait"', 'kind = "wait"\nsay = \'it {look == "nil"}\''))
    assert "say 1:6: look is never 'nil' here" in said
    (long,) = changed(
        ("when = 'look == \"full\"'", "when = '''\nlook == \"full\"\nor look == \"x\"'''")
    )
    assert long.startswith(f"{line('[step.fixit]') + 4}: ")


def test_what_proves_nothing_and_a_note_find_nothing() -> None:
    unproven = ('verify = { when = "pg.used < 80%", within = "20s" }', 'verify = "none: by eye"')
    (found,) = changed(unproven)
    assert "fixit is never 'done' here: it finds nothing." in found


@pytest.mark.parametrize(
    ("rollback", "said"),
    [
        ('"queue.nuke"', "pg.cancel cannot be undone"),
        ('"queue.pause"', "pg.cancel cannot be undone"),
        ('"none:"', 'rollback = "none: why" says why.'),
        ('""', "pg.cancel cannot be undone"),
    ],
)
def test_what_cannot_be_undone_says_why(rollback: str, said: str) -> None:
    (found,) = changed(('rollback = "none: run it again"', f"rollback = {rollback}"))
    assert said in found
    (without,) = changed(('rollback = "none: run it again"\n', ""))
    assert 'rollback = "none: why" says so' in without


def test_what_can_be_undone_need_not_say_how() -> None:
    assert catalogue.ACTIONS["queue.resume"].undoable
    assert problems(room.TEXT) == []

    def with_(rollback: str) -> list[str]:
        action = 'action = "queue.resume"'
        return problems(room.TEXT.replace(action, f"{action}\nrollback = {rollback}"))

    assert with_('"queue.pause"') == []
    assert with_('"none: pause it by hand"') == []
    assert "there is no 'queue.nuke'." in with_('"queue.nuke"')[0]
    assert "Did you mean queue.pause?" in with_('"queue.pausee"')[0]


def test_a_fix_on_the_wrong_thing_is_told_with_all_else_that_is_wrong() -> None:
    found = changed(
        ("{{params.session}}", "{{subject}}"),
        ('risk = "high"', 'risk = "low"\nwat = 1'),
        ('within = "20s"', 'within = "20"'),
        ('rollback = "none: run it again"', 'rollback = "no"'),
        ('action = "pg.cancel"', 'action = "pg.cancel"\nargs = { x = 1 }'),
    )
    assert [each.partition(": ")[2][:24] for each in found] == [
        "pg.cancel takes no argum",
        "pg.cancel acts on a sess",
        "risk of pg.cancel is hig",
        "there is no 'wat' here.",
        "within is a time, for ex",
        "pg.cancel cannot be undo",
    ]


def test_the_front_matter_hides_no_step() -> None:
    ful = ('look == "full"', 'look == "ful"')
    for front in (
        ('owner = "platform"', "owner = "),
        ('owner = "platform"', 'ownr = "platform"'),
        ('about = "queue"', 'about = "quue"'),
        ('type = "text"', 'type = "txt"'),
        ("+++\nid", "id"),
        ("}\n+++", "}"),
    ):
        found = changed(front, ful)
        assert any("look is never 'ful'" in each for each in found), front
        assert all("no metric" not in each and "{{" not in each for each in found), found
    several = changed(('owner = "platform"', "ownr = 1"), ('severity = "SEV3"', 'severity = "S"'))
    assert len(several) == 3


def test_a_slip_in_what_a_fix_is_on_is_no_mistake_of_what_it_does() -> None:
    on = '{ of = "{{subject}}", colection = "sessions", query = { limit = 5 } }'
    (found,) = changed(('{ of = "{{params.session}}" }', on))
    assert "there is no 'colection' here. Did you mean collection?" in found


def test_a_verdict_is_wrong_where_it_stands() -> None:
    (missing, unknown) = changed(('bad = "full", when', 'bad = "full", whn'))
    at = line('bad = "full"')
    assert missing == f"{at}: when is missing."
    assert unknown.startswith(f"{at}: there is no 'whn' here.")


def test_two_steps_of_one_name_are_both_read() -> None:
    twice = '[step.look]\nkind = "diagnos"\nverdicts = []\n'
    for before in ("```\n\n## way", "## way\n\n```toml\n[step.way]"):
        inside = before.startswith("```")
        after = f"{twice}{before}" if inside else f"## again\n```toml\n{twice}```\n{before}"
        found = changed(
            (before, after),
            ('[step.look]\nkind = "diagnose"', '[step.look]\nwhat = 1\nkind = "diagnose"'),
        )
        assert len(found) == 3, found
        assert "there is no 'what' here" in found[0]
        assert found[0].startswith(f"{line('[step.look]') + 1}: ")
        assert "there are two steps 'look'." in found[1]
        assert "there is no kind 'diagnos' of step." in found[2]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('action = "pg.cancel"', 'action = "pg.cancle"', "there is no action 'pg.cancle'."),
        ("[step.fixit]", "[step.fixit", "this is no TOML"),
        ('[step.fixit]\nkind = "fix"', '[step.fixit]\nkind = "fixx"', "there is no kind 'fixx'"),
        ("[step.look]", "[step.look", "this is no TOML"),
        ('[step.look]\nkind = "diagnose"', "[step.look]", "kind is missing."),
        ("[step.look]", "step.look]", "this is no TOML"),
        ("```toml\n[step.look]", "```tml\n[step.look]", "begins with ```toml"),
        ("params = {", "paramz = {", "Did you mean params?"),
        ("[step.look]", "[stp.look]", "there is no 'stp' here"),
        ('bad = "paused"', 'bad = "Paused"', "'Paused' is no code"),
        ('"not queue.paused" } ]\n```', '"not queue.paused" } ]', "this block does not end"),
        ("verdicts = [\n", "verdicts = 1\nverdictz = [\n", "verdicts has to be a list"),
    ],
)
def test_a_step_that_cannot_be_read_is_there_by_its_name(
    before: str, after: str, said: str
) -> None:
    found = changed((before, after))
    assert said in found[0]
    assert [each for each in found[1:] if "verdictz" not in each] == []


def test_a_text_that_is_no_utf_8_is_said_where(tmp_path: Path) -> None:
    path = tmp_path / "T.md"
    path.write_bytes(
        room.TEXT.replace("Jobs pile", "J\N{LATIN SMALL LETTER O WITH DIAERESIS}bs").encode(
            "latin-1"
        )
    )
    done = testing.CliRunner().invoke(verb.command, ["lint", str(path)])
    assert (done.exit_code, done.output) == (1, f"{path}:12: this is no UTF-8 text.\n")
