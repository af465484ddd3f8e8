"""Every runbook that ships is well formed, and a mistake in one is found at its line."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from mrcore import catalogue, errors
from mrcore.alerts import rule as rules
from mrcore.cli import runbook as verb
from mrcore.runbooks import library, parse
from tests.core.runbooks import room

SHIPPED = dict(library.shipped())


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_runbook_is_well_formed_and_reads_well(name: str) -> None:
    found = parse.read(SHIPPED[name], name)
    assert f"{found.id}.md" == name
    assert [step for step in found.steps if step.kind == "diagnose"]
    assert [step for step in found.steps if step.kind in ("fix", "manual")]
    for step in found.steps:
        known = catalogue.ACTIONS.get(step.action)
        assert step.kind != "fix" or known is not None
        assert step.kind not in ("fix", "manual", "wait") or step.proof or step.unproven
    prose = SHIPPED[name].split("```")[::2]
    assert max(len(line) for part in prose for line in part.splitlines()) <= 110


def test_every_rule_leads_to_a_runbook_that_there_is() -> None:
    known = library.load(None)
    assert set(known) == set("ABCDEFGHIJ")
    led = {rule.runbook for rule in rules.load(rules.shipped(), None).values() if rule.runbook}
    assert led <= known.keys()


def test_ones_own_replace_those_that_ship(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text(room.TEXT.replace('id = "T"', 'id = "A"'))
    known = library.load(tmp_path)
    assert (known["A"].title, len(known)) == ("jobs pile up", 10)
    with pytest.raises(errors.RunbookError, match="is not there"):
        library.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('owner = "platform"', 'ownr = "platform"', ":2: owner is missing"),
        ('owner = "platform"', 'owner = "platform"\nwhat = 1', "9: there is no 'what'"),
        ('kind = "diagnose"', 'kind = "diagnos"', "18: there is no kind 'diagnos' of step"),
        ("queue.workers == 0", "queue.wrkers == 0", "Did you mean queue.workers?"),
        ("queue.workers == 0", "queue.workers == 0s", "cannot be compared"),
        ('"queue.resume"', '"queue.resme"', "Did you mean queue.resume?"),
        ('of = "{{subject}}"', 'of = "{{sbject}}"', "there is no {{sbject}}"),
        ('consumers == "paused"', 'consmers == "paused"', "Did you mean consumers?"),
        ("verify = {", "verfy = {", "verify is missing"),
        ('done = "none: only people know"', 'done = "none:"', 'or "none: why"'),
        ('"none: only people know"', '"none: only people know"\nx = 1', "there is no 'x'"),
        ('within = "20s"', 'within = "20"', "within is a time"),
        ('hold = "10s"', "hold = 10", "hold has to be text"),
        ("ok = true", "ok = false", "either bad"),
        ("[step.tell]", "[step.worker]", "there are two steps 'worker'"),
        ("[step.tell]", "[step.tell", "this is no TOML"),
        ("[step.tell]", "[stp.tell]", "a step begins with [step.NAME]"),
        ("+++\nJobs", "Jobs", "does not end"),
    ],
)
def test_a_mistake_is_named_with_its_line(before: str, after: str, said: str) -> None:
    assert before in room.TEXT
    with pytest.raises(errors.RunbookError) as caught:
        parse.read(room.TEXT.replace(before, after, 1), "T.md")
    assert all(each.startswith("T.md:") for each in caught.value.problems)
    assert any(said in each for each in caught.value.problems), caught.value.problems


def test_a_decision_leads_forward_and_to_what_is_there() -> None:
    way = (
        '\n## w\n```toml\n[step.way]\nkind = "decide"\nroutes = [ { otherwise = true, %s } ]\n```\n'
    )
    for route, said in (
        ('goto = "consumers"', "does not come later"),
        ('goto = "nowhere"', "is no step"),
    ):
        with pytest.raises(errors.RunbookError, match=said):
            parse.read(room.TEXT + way % route, "T.md")
    made = parse.read(room.TEXT + way % 'runbook = "ZZ"', "T.md")
    assert list(library.dangling({"T": made}))


@hypothesis.settings(max_examples=100)
@hypothesis.given(data=st.data())
def test_any_text_is_a_runbook_or_says_where_it_is_none(data: st.DataObject) -> None:
    lines = room.TEXT.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    new = data.draw(
        st.sampled_from(["", "+++", "```", "[step.x]", 'kind = "fix"', "x = {", "=", "#"])
    )
    lines[at : at + data.draw(st.integers(0, 2))] = [new]
    problems: tuple[str, ...] = ()
    try:
        parse.read("\n".join(lines), "T.md")
    except errors.RunbookError as error:
        problems = error.problems
    for each in problems:
        assert 1 <= int(each.split(":")[1]) <= len(lines) + 1


@hypothesis.settings(max_examples=50)
@hypothesis.given(scale=st.floats(1, 1000))
def test_every_time_is_divided_by_the_time_scale(scale: float) -> None:
    made = parse.read(room.TEXT, "T.md", scale)
    proof = made.step("resume").proof
    assert proof is not None
    times = (made.hold_s, made.within_s, proof.within_s, proof.hold_s)
    assert times == pytest.approx([each / scale for each in (10, 60, 20, 5)])


def test_the_verb_reads_them_all() -> None:
    from click.testing import CliRunner

    assert CliRunner().invoke(verb.command, ["lint"]).exit_code == 0
    listed = CliRunner().invoke(verb.command, ["list", "--json"])
    assert '"id": "J"' in listed.output
    assert "CLIENT" not in CliRunner().invoke(verb.command, ["show", "A"]).output


def test_the_verb_names_each_mistake(tmp_path: Path) -> None:
    from click.testing import CliRunner

    (tmp_path / "T.md").write_text(room.TEXT.replace("queue.resume", "queue.resme"))
    done = CliRunner().invoke(verb.command, ["lint", str(tmp_path / "T.md")])
    assert done.exit_code == 1
    assert "T.md:33: there is no action 'queue.resme'." in done.output
