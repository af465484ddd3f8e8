"""Environments side by side, and going from one to another without leaving."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from mrcore import errors
from mrcore.model import base, wire
from mrtui import lookout, outlook, start, world
from mrtui.cli import check, show
from mrtui.columns import context, table
from mrtui.screens import envs, home
from tests import waiting
from tests.tui import facts, shots, simulated
from tests.tui.test_screens_golden import SIZES, arrived, differs


class Calm(simulated.Simulated):
    """A core where all is well: its own source and nothing else."""

    async def live(self) -> wire.Snapshot:
        found = await super().live()
        own = [changed for changed in found.sources if changed.source == "core"]
        calm = facts.environment(name=self.environment, protected=self.protected)
        only = wire.Changed(source="core", at=facts.NOW, upserts=(calm,))
        return found.model_copy(update={"sources": (only,) if own else ()})


def cores() -> dict[str, simulated.Simulated]:
    """Five environments: where we are, two that are well, one that is away, one that is wrong."""
    made = {
        "local": simulated.Simulated(),
        "prod-blue": Calm(),
        "prod-green": Calm(),
        "staging": simulated.Simulated(),
    }
    for name, core in made.items():
        core.environment = name
    made["prod-blue"].protected = True
    made["prod-green"].environment = "green"
    made["staging"].down = "The core at https://10.0.0.7:8700 has gone: connection refused."
    return made


def contexts(known: dict[str, simulated.Simulated]) -> Sequence[start.Context]:
    """As the contexts file would name them, and one entry that is wrong."""

    def refuse() -> simulated.Simulated:
        raise errors.SettingsError("contexts.toml: context 'old' has urll; it takes url.")

    made = [
        start.Context(name, f"https://10.0.0.{n}:8700", lambda core=core: core)  # type: ignore[misc]
        for n, (name, core) in enumerate(known.items(), start=4)
    ]
    made[0] = made[0]._replace(address="/home/asha/.local/state/mr/local")
    return [*made, start.Context("old", "", refuse)]


def started(known: dict[str, simulated.Simulated]) -> dict[str, object]:
    listed = contexts(known)
    return {"contexts": lambda: listed, "address": listed[0].address}


@pytest.mark.parametrize("size", [*SIZES, (160, 45)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_environments_look_as_they_did(size: tuple[int, int]) -> None:
    known = cores()
    async with shots.running(size, known["local"], **started(known)) as (control, pilot):
        await control.enter("envs")
        room = control.screen
        assert isinstance(room, envs.Envs)
        await waiting.until(
            lambda: all(e.last.verdict.why != "asking" for e in room._eyes.values())
        )
        await shots.settled(pilot)
        assert not differs("envs", size, show.text(control)), "UPDATE_GOLDEN=1 accepts it"


async def test_every_environment_is_asked_by_itself_and_one_that_hangs_delays_none() -> None:
    known = cores()
    known["prod-blue"].silent = True
    eyes = [lookout.Eye(context, simulated.Clock(), deadline_s=0.2) for context in contexts(known)]
    found = {each.name: each for each in await asyncio.gather(*(eye.look() for eye in eyes))}
    blue = found["prod-blue"]
    assert (blue.verdict.level, blue.verdict.code) == (base.Level.UNKNOWN, lookout.AWAY)
    assert blue.verdict.why == "no answer in 0.2 s"
    assert found["prod-green"].verdict.level is base.Level.OK
    assert found["prod-green"].environment == "green"
    assert found["local"].verdict.level is base.Level.BAD
    assert found["local"].verdict.why == "check smtp BadCredentials"
    assert "connection refused" in found["staging"].verdict.why
    assert "urll" in found["old"].verdict.why
    assert outlook.worst(list(found.values())) is base.Level.BAD
    assert outlook.worst([found["prod-green"], blue]) is base.Level.UNKNOWN
    warns = blue.model_copy(update={"verdict": base.Verdict(level=base.Level.WARN, code="x")})
    assert outlook.worst([warns, found["prod-green"]]) is base.Level.WARN
    assert outlook.worst([found["prod-green"], warns, blue]) is base.Level.UNKNOWN
    assert check.CODES[outlook.worst([warns, blue])] == 3
    rank = context.TABLE.orders[0][1]
    view = table.View(world.World(), facts.NOW)
    assert rank(found["local"], view) < rank(blue, view) < rank(warns, view)
    assert outlook.worst([]) is base.Level.UNKNOWN


async def test_what_was_known_stays_with_its_age_while_an_environment_is_away() -> None:
    known, clock = cores(), simulated.Clock()
    eye = lookout.Eye(contexts(known)[1], clock)
    assert (await eye.look()).protected is True
    known["prod-blue"].down = "The core has gone."
    clock.forward(60)
    away = await eye.look()
    assert (away.verdict.level, away.verdict.why) == (base.Level.UNKNOWN, "The core has gone.")
    assert (away.protected, away.at, away.troubles) == (True, facts.NOW, ())
    known["prod-blue"].down = ""
    assert (await eye.look()).verdict.level is base.Level.OK
    assert eye.last.at == clock.at


async def test_a_name_that_nobody_resolves_takes_one_thread_and_no_others_time() -> None:
    asked, answer = [], threading.Event()

    def resolve(host: str, port: int) -> object:
        asked.append((host, port))
        answer.wait(20)
        raise OSError(-2, "Name or service not known")

    known = cores()
    listed = contexts(known)
    named = listed[1]._replace(address="https://blue.example.org:8700")
    eye = lookout.Eye(named, simulated.Clock(), deadline_s=0.1, resolve=resolve)
    for _ in range(3):
        assert (await eye.look()).verdict.why == "no answer in 0.1 s"
    assert asked == [("blue.example.org", 8700)]
    answer.set()

    async def said() -> bool:
        return "is not known: Name or service" in (await eye.look()).verdict.why

    await waiting.until(said)
    numbers = lookout.Eye(listed[1], simulated.Clock(), resolve=resolve)
    assert (await numbers.look()).verdict.level is base.Level.OK
    assert len(asked) < 5


async def test_enter_looks_at_another_environment_and_takes_nothing_along() -> None:
    known = cores()
    async with shots.running((120, 40), known["local"], **started(known), read_only=False) as (
        control,
        pilot,
    ):
        control.theme = "contrast"
        control.acting.begin("queue.retry", ("huey/job/emailQueue/8123",))
        await waiting.until(lambda: known["local"].applied, what="the operation")
        await pilot.press(*":envs", "enter")
        await waiting.until(lambda: isinstance(control.screen, envs.Envs), what="envs")
        await waiting.until(lambda: arrived(control, "green"), what="answers")
        await waiting.until(lambda: not arrived(control, "asking"), what="answers")
        control.screen.grid.cursor_ref = "mrtui/context/prod-blue"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await waiting.until(lambda: control.world.environment == "prod-blue", what="the other")
        await waiting.until(lambda: arrived(control, "mr ▸ prod-blue"), what="its header")
        assert isinstance(control.screen, home.Home)
        assert not control.acting.pending
        assert control.rights.protected
        assert control.theme == "contrast"
        assert arrived(control, "what you began in local goes on there")
        assert not control.world.table("queue")
        await pilot.press("minus")  # the view before was another environment's
        assert isinstance(control.screen, home.Home)
        known["local"].tell(facts.environment())
        await pilot.press(*":ctx prod-green", "enter")
        await waiting.until(lambda: arrived(control, "mr ▸ green"), what="the third")
        await pilot.press(*":ctx local", "enter")
        await waiting.until(lambda: arrived(control, "mr ▸ local"), what="the way back")
        await waiting.until(lambda: control.world.table("queue"), what="its queues")


async def test_a_screen_that_only_looks_goes_on_so_elsewhere() -> None:
    known = cores()
    async with shots.running((120, 40), known["local"], **started(known), read_only=True) as (
        control,
        pilot,
    ):
        await pilot.press(*":ctx prod-green", "enter")
        await waiting.until(lambda: arrived(control, "mr ▸ green"), what="the other")
        assert arrived(control, "read-only")
        assert control.rights.refusal("queue.retry").endswith("--read-only")


async def test_an_environment_that_is_away_says_why_and_one_that_does_not_exist_is_named() -> None:
    known = cores()
    async with shots.running((120, 40), known["local"], **started(known)) as (control, pilot):
        await pilot.press(*":ctx nowhere", "enter")
        await waiting.until(lambda: arrived(control, "no environment 'nowhere'"), what="refusal")
        assert control.world.environment == "local"
        await pilot.press(*":ctx staging", "enter")
        await waiting.until(lambda: arrived(control, "connection refused"), what="the reason")
        assert arrived(control, "mr ▸ staging")
        await pilot.press(*":ctx old", "enter")
        await waiting.until(lambda: arrived(control, "has urll"), what="what is wrong")
        await pilot.press(*":ctx", "enter")
        await waiting.until(lambda: isinstance(control.screen, envs.Envs), what="all of them")
        await pilot.press(*":ctx local", "enter")
        await waiting.until(lambda: control.world.environment == "local", what="the way back")


async def test_contexts_that_cannot_be_read_are_said_where_they_are_asked_for() -> None:
    def unreadable() -> Sequence[start.Context]:
        raise errors.SettingsError("The contexts in contexts.toml cannot be read: line 3.")

    async with shots.running((120, 40), contexts=unreadable) as (control, pilot):
        for command in (":envs", ":ctx prod"):
            await pilot.press(*command, "enter")
            await waiting.until(lambda: arrived(control, "cannot be read: line 3"), what=command)


def test_an_environment_is_where_we_are_by_name_and_address() -> None:
    here = start.Start(place="local", address="/state/local")
    known = contexts(cores())
    assert here.at(known[0]._replace(address="/state/local"))
    assert not here.at(known[0])
    assert not here.at(known[1]._replace(address="/state/local"))
