"""Hostile strings, served by a real core, reach a real terminal in our grammar and no other.

Each of the worst cases goes through every pane, dialog and command; of the generated ones
`make test` takes 2,000 and `make proof` 100,000, each through one of the panes in turn and through
`mrtui status`, and of every round what fits through a plan's dialog, the title and the clipboard.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mrcore import client, errors
from mrcore.model import plans
from tests.e2e import (
    hostile,
    hostile_room,
    hostile_rows,
    running,
    strict,
    terminal,
)

pytestmark = pytest.mark.xdist_group("hostile")

PANES = (
    "queues", "postgres", "redis", "logs", "schedules", "workers", "stack", "deploy", "sources",
    "audit", "operations", "plans", "tokens", "troubles", "home",
)  # fmt: skip
"""The screens that are about everything."""


# Panes


def test_the_worst_through_every_pane(room: hostile_room.Room) -> None:
    for word in PANES:
        room.go(word)
    assert "[/oops]" in room.screen.text
    assert "␛]52;c;ZXZpbA==␇" in room.screen.text


def test_two_thousand_through_the_panes_in_turn(room: hostile_room.Room) -> None:
    _in_turn(room, 2_000, seed=1)


@pytest.mark.proof
@pytest.mark.timeout(3_600)
def test_a_hundred_thousand_through_the_panes_in_turn(
    room: hostile_room.Room, record_property: Callable[[str, object], None]
) -> None:
    number = _in_turn(room, 100_000, seed=2)
    record_property(
        "measured", f"{number:,} hostile strings, {room.screen.received:,} bytes, all ours"
    )


def _in_turn(room: hostile_room.Room, count: int, seed: int) -> int:
    """So many strings, each through one pane and through `status`; the panes change in turn.

    Of each round as much as they hold also through a dialog, the title and the clipboard.
    """
    every = hostile.strings(seed, count)
    panes, number = itertools.cycle(PANES), 0
    while batch := list(itertools.islice(every, hostile_room.A_ROUND)):
        number += len(batch)
        room.serve([*batch, *hostile.strings(number, hostile_room.A_ROUND - len(batch))])
        room.go(next(panes))
        _beside_the_panes(room)
        room.printed(running.MRTUI, "status")
    room.serve_the_worst()
    return number


def _beside_the_panes(room: hostile_room.Room) -> None:
    """This round's strings in a plan's dialog, the title and the clipboard; it ends at home."""
    screen, before = room.screen, len(room.screen.shown.copied)
    _delete_dialog(room)
    assert room.mark in screen.text
    screen.press("pagedown", "pagedown", "escape")
    screen.until(lambda text: "Apply to 1" not in text)
    screen.until(lambda _: room.mark in screen.shown.titles[-1])
    screen.grammar.copies = True
    screen.press("Y")
    screen.until(lambda _: len(screen.shown.copied) > before)
    screen.grammar.copies = False
    assert room.mark in screen.shown.copied[-1]
    screen.press("1")
    screen.until("HEALTH")


def test_what_belongs_to_one_thing(room: hostile_room.Room) -> None:
    screen = room.screen
    room.open("mr/worker/0", "worker ▸", 20)
    room.open("mr/queue/0", "queues ▸ 0  ")
    room.open("mr/job/0/x", "queues ▸ 0 ▸ r", 20)
    for key in ("left", "t", "right"):  # the older attempt, the full trace, the newer
        screen.press(key)
        room.shows(20)
    for kind, number in (("operation", "1"), ("audit", "1"), ("plan", "0000"), ("token", "1")):
        screen.press(f":open mr://core/{kind}/{number}\r")
        there = rf"\A.*▸ {kind}|✖ mr://core/{kind}/{number} leads nowhere"
        screen.until(there)  # not only in what is typed
    screen.press(":open mr://mr/strange/x\r")
    screen.until(r"\A.*strange|✖ mr://mr/strange/x leads nowhere")


# Dialogs, news, title, clipboard


def _armed(room: hostile_room.Room) -> None:
    """Arm, unless that is done; what the core tells as the reason is hostile."""
    screen = room.screen
    if "▲ armed" in screen.text.splitlines()[0]:
        return
    screen.press("A")
    screen.until("It is protected")
    screen.press("INC-1\r")
    screen.until(lambda text: "▲ armed" in text.splitlines()[0] and "1 of 1 done" in text)


def _disarmed(room: hostile_room.Room) -> None:
    """Disarm, unless that is done or has run out."""
    screen = room.screen
    screen.press("1")
    screen.until("HEALTH")
    if "▲ armed" in screen.text.splitlines()[0]:
        screen.press("A")
        screen.until("You are armed")
        screen.press("y")
        screen.until(lambda text: "▲ armed" not in text.splitlines()[0])


def test_arming_with_its_title_and_disarming(room: hostile_room.Room) -> None:
    screen = room.screen
    screen.press("1")
    screen.until("HEALTH")
    _armed(room)
    screen.until(
        lambda _: any("armed" in title and "[/oops]" in title for title in screen.shown.titles)
    )
    screen.press("A")
    screen.until("You are armed")
    screen.press("n")
    screen.until(lambda text: "You are armed" not in text)


def _delete_dialog(room: hostile_room.Room) -> None:
    screen = room.screen
    room.go("redis")
    _armed(room)
    screen.until("D delete")
    screen.press("D")
    screen.until(r"Apply to 1|not armed: A arms")
    if "not armed: A arms" in screen.text:  # it has run out since it was looked at
        _armed(room)
        screen.press("D")
    screen.until("Apply to 1")


def test_the_dialogs_of_plans(room: hostile_room.Room) -> None:
    screen = room.screen
    _delete_dialog(room)
    assert room.mark in screen.text
    screen.press("pagedown", "down", "escape")
    screen.until(lambda text: "Apply to 1" not in text)
    room.go("deploy")
    screen.until("S send traffic here")
    screen.press("S")
    screen.until("Ask for approval")
    screen.press("escape")
    screen.until(lambda text: "Ask for approval" not in text)


def test_a_plan_of_another_login_waits_for_this_one(room: hostile_room.Room) -> None:
    screen = room.screen
    token = running.mrcore(
        "token", "create", "asha", "--role", "admin", "--state", str(room.core.state)
    )
    plan_id = room.core.do(_waits(room.core.state, token.stdout.strip()))
    room.go("plans")
    screen.press(f"/{plan_id[:4]}\r")
    screen.until(lambda text: f"/{plan_id[:4]}/" in text and "asha" in text)
    screen.press("enter")
    screen.until("Approve")
    assert room.mark in screen.text
    screen.press("escape")
    screen.until(lambda text: "Approve" not in text)
    screen.press("escape")
    screen.until(lambda text: f"/{plan_id[:4]}/" not in text)


async def _waits(state: Path, token: str) -> str:
    """A critical plan of the token's login, whose apply waits for another."""
    refs = plans.Selection(refs=(hostile_rows.a_colour(),))
    async with client.CoreClient.at(state=state, token=token) as asha:
        arm = await asha.plan(
            "core.arm", plans.Selection(refs=(await _place(asha),)), {"minutes": 9}
        )
        await asha.apply(arm.plan_id, reason="\x1b]2;owned\x07[/oops]")
        plan = await asha.plan("deploy.switch", refs, {})
        with pytest.raises(errors.NeedsApproval):
            await asha.apply(plan.plan_id, reason="\x9b2J[/]\u202e", confirm=plan.confirm)
        return plan.plan_id


async def _place(asha: client.CoreClient) -> str:
    live = await asha.live()
    return next(e.ref for s in live.sources for e in s.upserts if e.kind == "environment")


def test_what_is_refused_and_what_failed_is_news(room: hostile_room.Room) -> None:
    screen = room.screen
    _delete_dialog(room)
    screen.press("tab", "enter")
    screen.until(r"✖ refused.* · operation \d+: ")
    room.core.served.refuses = True
    room.go("deploy")
    screen.until("S send traffic here")
    screen.press("S")
    screen.until(rf"\n ✖ {room.mark}")
    room.core.served.refuses = False


def test_revealing(room: hostile_room.Room) -> None:
    screen = room.screen
    room.open("mr/queue/0", "queues ▸ 0  ")
    _armed(room)
    screen.until("V reveal")
    screen.press("V")
    screen.until("not redacted")
    screen.press("escape")
    screen.until(lambda text: "not redacted" not in text)


def test_palette_help_and_prompt(room: hostile_room.Room) -> None:
    screen = room.screen
    room.go("queues")
    screen.press("?")
    screen.until("esc closes")
    screen.press("escape")
    screen.until(lambda text: "esc closes" not in text)
    screen.press("\x10")
    screen.until("Search")
    screen.press("[/oops]", "\x1b[200~[@click=x]\x9b\u202e\x1b[201~")
    screen.until("No matches found")
    screen.press("escape")
    screen.until(lambda text: "No matches found" not in text)
    # A terminal takes ESC out of what is pasted: it would end it.
    worst = [one.replace("\x1b", "") for one in hostile.WORST]
    texts = hostile.packed(worst, hostile_room.TEXT_CELLS)
    for sign in ":/":
        screen.press(sign)
        screen.until(rf"\n {sign}")
        for number, pasted in enumerate(texts):
            screen.press("\x15", f"\x1b[200~{pasted} end {number}\x1b[201~")
            screen.until(rf"\n {sign}.* end {number} *\n")
        screen.press("escape")
        screen.until(lambda text: f" end {len(texts) - 1}" not in text)


def test_what_is_copied_holds_no_control_character(room: hostile_room.Room) -> None:
    screen = room.screen
    room.open("mr/queue/0", "queues ▸ 0  ")
    before = len(screen.shown.copied)
    screen.grammar.copies = True
    for key in [*"y" * 12, "Y"]:
        number = len(screen.shown.copied)
        screen.press(key)
        screen.until(lambda _, n=number: len(screen.shown.copied) > n)  # type: ignore[misc]
        if key == "y":
            screen.press("down")
    screen.grammar.copies = False
    copied = screen.shown.copied[before:]
    assert len(copied) == 13
    assert all(each.isprintable() for each in copied)
    assert len({*copied}) > 6


def test_what_is_printed_to_be_selected(room: hostile_room.Room) -> None:
    screen = room.screen
    room.go("queues")
    screen.grammar.leaves = True
    screen.press(":select\r")
    screen.until("Enter goes back")
    screen.press("\r")
    room.shows(len(room.texts), "▸ queues  ")
    screen.grammar.leaves = False


def test_a_line_of_ten_million_characters(room: hostile_room.Room) -> None:
    """A source should cut it; this one serves it as a log line, a trace, an error, a verdict."""
    assert len(hostile.HUGE.encode()) > 10_000_000
    room.core.served.huge = hostile.HUGE
    room.serve([*hostile.strings(5, 500)])
    for word in ("logs", "queues"):
        room.go(word)
    room.open("mr/queue/0", "queues ▸ 0  ")
    room.open("mr/job/0/x", "queues ▸ 0 ▸ r", 5)
    room.core.served.huge = ""
    room.serve_the_worst()
    room.go("queues")


@pytest.mark.proof
def test_smaller_terminals(room: hostile_room.Room) -> None:
    _disarmed(room)  # of forty columns, arming and troubles leave none to the way
    argv = [*running.MRTUI, "--state", str(room.core.state)]
    with terminal.run(argv, columns=40, rows=10, env=room.folders, kind=strict.Strict) as screen:
        screen.until(room.mark, timeout_s=60)
        _small(room, screen, PANES)
        screen.grow(80, 24)
        _small(room, screen, PANES[::3])
        screen.grow(120, 40)
        _small(room, screen, PANES)


def _small(room: hostile_room.Room, screen: strict.Strict, words: Sequence[str]) -> None:
    """These panes, one queue, one dialog."""
    for word in words:
        screen.press(f":{word}\r")
        end = "" if word == "home" else word[-3:]  # of the way, only its end is sure
        screen.until(lambda text, end=end: end in text.split("\n")[0])  # type: ignore[misc]
    screen.press(":open mr://mr/queue/0\r")
    screen.until(rf"\[failed 1\](?s:.*){room.mark}")
    screen.press("X")
    screen.until("Cancel|does nothing")
    screen.press("escape")
    screen.until(lambda text: "Cancel" not in text)
