"""What a step says of what it found: of the one thing that it is about, and only what is known."""

from __future__ import annotations

from mrcore.model import base
from mrcore.runbooks import library
from tests.core.runbooks import looked

BLUE, GREEN = "deploy/colour/blue", "deploy/colour/green"


def why(name: str, step: str, *things: base.Entity, subject: str = "") -> tuple[str, str]:
    """What a step of a shipped runbook finds, and what it says of it."""
    kinds = {thing.kind for thing in things}
    _, known, _ = looked.run(name, [*things, looked.source("deploy", *kinds)], subject)
    return known.now(step).found, known.now(step).why


def colour(ref: str, **facts: object) -> base.Entity:
    return looked.thing(ref, name=ref.rsplit("/", 1)[-1], **facts)


def test_a_part_about_nothing_that_is_known_is_left_out() -> None:
    live = colour(GREEN, live=True, state="unhealthy")
    assert why("H", "live", live) == ("unhealthy", "it is unhealthy: it is not healthy")
    named = colour(GREEN, live=True, state="unhealthy", release="v42")
    assert why("H", "live", named)[1] == "it is unhealthy, release v42: it is not healthy"


def test_of_all_that_are_well_none_is_named_as_if_it_alone_were_meant() -> None:
    live = colour(GREEN, live=True, state="unhealthy", release="v42")
    stopped = colour(BLUE, state="stopped", release="v41")
    assert why("H", "gate", live, stopped) == ("ok", "")
    assert why("H", "live", stopped, live)[1].startswith("it is unhealthy, release v42")


def test_where_some_of_a_part_is_known_the_rest_reads_as_words() -> None:
    session = looked.thing(
        "pg/session/7", pid=7, app="billing", state="idle in transaction", blocks=[8, 9]
    )
    ask = looked.run("F", [session])[2]
    step = next(each for each in library.load(None)["F"].steps if each.id == "idle")
    said = ask.say(step.say, session.ref)
    assert said == "app billing, idle in transaction for not known, blocks 2"
