"""The source `deploy`: colours, their health, and a switch that is believed when it is seen."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mrcore import errors, sources
from mrcore.model import base, deploy, plans, stack
from mrcore.sources import base as source_base
from mrcore.stack import switching
from tests.contract import acting, rig

GREEN = "deploy/colour/green"
BY = plans.By(login="asha", roles=("admin",))


class Place:
    """A folder with a script and `.current_env`, and the health of two colours."""

    def __init__(self, folder: Path) -> None:
        self.current = folder / ".current_env"
        self.script = folder / "switch.sh"
        self.current.write_text("blue\n")
        shutil.copyfile(switching.SCRIPT, self.script)
        self.answers: dict[str, tuple[int, dict[str, Any]]] = {
            colour: (200, {"success": True, "release": f"{colour}-1", "uptime": 60})
            for colour in ("blue", "green")
        }
        self.urls: dict[str, str] = {}
        self.asks_preflight = False
        self.preflights: list[str] = []  # which colours were asked
        self.more: dict[str, Any] = {}
        self.switch_more: dict[str, Any] = {}

    def says(self, text: str) -> None:
        """Another script, pinned as it is."""
        self.script.write_text(f"#!/bin/sh\n{text}\n")

    def table(self) -> dict[str, Any]:
        colours = {colour: {"health": url} for colour, url in self.urls.items()}
        for told in colours.values() if self.asks_preflight else ():
            told["preflight"] = told["health"].replace("health", "preflight")
        pin = {
            "argv": [str(self.script), "{colour}", str(self.current)],
            "sha256": hashlib.sha256(self.script.read_bytes()).hexdigest(),
        }
        switch = {"adapter": "script", **pin, **self.switch_more}
        return {"current": str(self.current), "colours": colours, "switch": switch, **self.more}

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[source_base.Source]:
        async with sources.build("deploy", self.table())[0] as source:
            yield source


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    it = Place(tmp_path)
    async with contextlib.AsyncExitStack() as servers:
        for colour in it.answers:
            server = await asyncio.start_server(_health(it, colour), "127.0.0.1", 0)
            await servers.enter_async_context(server)
            it.urls[colour] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/health"
        yield it


def _health(it: Place, colour: str) -> Any:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        code, body = it.answers[colour]
        if b"/api/preflight" in request:
            it.preflights.append(colour)
        raw = json.dumps(body).encode()
        head = f"HTTP/1.1 {code} X\r\nContent-Length: {len(raw)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + raw)
        writer.close()

    return answer


async def colours(source: source_base.Source) -> dict[str, deploy.Colour]:
    sample = await source.sample()
    return {e.name: e for e in sample.entities if isinstance(e, deploy.Colour)}


async def planned(source: source_base.Source) -> list[source_base.Planned]:
    selection = plans.Selection(refs=(GREEN,))
    return [p async for p in source.plan("deploy.switch", selection, {}, lambda n, of: None)]


async def switched(source: source_base.Source) -> plans.TargetOutcome:
    parts = await planned(source)
    (target,) = (part for part in parts if isinstance(part, plans.Target))
    (outcome,) = await source.apply("deploy.switch", [target], {}, BY)
    return outcome


async def test_colours_say_which_is_live_what_runs_and_how_it_is(place: Place) -> None:
    async with place.opened() as source:
        found = await colours(source)
        assert [(c.live, c.release, c.state) for c in found.values()] == [
            (True, "blue-1", "healthy"),
            (False, "green-1", "healthy"),
        ]
        assert [c.actions for c in found.values()] == [(), ("deploy.switch",)]
        place.answers["blue"] = place.answers["green"] = (503, {"success": False})
        found = await colours(source)
        assert (found["blue"].verdict.level, found["blue"].state) == ("bad", "unhealthy")
        assert (found["green"].verdict.level, found["green"].state) == ("warn", "unhealthy")
        assert "503" in found["blue"].why


async def test_a_colour_without_traffic_may_be_stopped(place: Place) -> None:
    with socket.socket() as unheard:  # bound, and nobody listens
        unheard.bind(("127.0.0.1", 0))
        place.urls["green"] = f"http://127.0.0.1:{unheard.getsockname()[1]}/"
        async with place.opened() as source:
            green = (await colours(source))["green"]
            assert (green.state, green.verdict.level) == ("stopped", "ok")
            place.current.write_text("green")
            green = (await colours(source))["green"]
            assert (green.state, green.verdict.level) == ("unhealthy", "bad")


async def test_only_a_colour_that_is_well_is_asked_for_its_preflight(place: Place) -> None:
    place.asks_preflight = True
    well, ill = place.answers["green"], (503, {"success": False})
    async with place.opened() as source:
        place.answers["green"] = ill
        begins = (await colours(source))["green"].preflight
        assert begins is not None
        assert (begins.code, place.preflights) == ("unknown", []), "a 503 in its log is no user's"
        assert "503" in begins.why
        place.answers["green"] = well
        found = (await colours(source))["green"].preflight
        assert found is not None
        assert (found.level, place.preflights) == ("ok", ["green"]), "not only after 30 s"


@pytest.mark.parametrize("content", [None, "purple", "", "\xff"])
async def test_nobody_knows_what_is_live_without_the_file(
    place: Place, content: str | None
) -> None:
    if content is None:
        place.current.unlink()
    else:
        place.current.write_bytes(content.encode("latin-1"))
    async with place.opened() as source:
        for colour in (await colours(source)).values():
            assert colour.verdict.level is base.Level.UNKNOWN
            assert str(place.current) in colour.verdict.why
            assert not colour.actions
        with pytest.raises(errors.Unreachable):
            await planned(source)


async def test_a_switch_says_before_what_it_means(place: Place) -> None:
    async with place.opened() as source:
        place.answers["green"] = (503, {"success": False, "release": "green-1"})
        _, writer = await asyncio.open_connection("127.0.0.1", _port(place.urls["blue"]))
        target, *remarks = await planned(source)
        writer.close()
        assert isinstance(target, plans.Target)
        port = _port(place.urls["green"])
        assert (target.label, target.note) == ("green", f"127.0.0.1:{port}, release green-1")
        texts = [r.text for r in remarks if isinstance(r, plans.Remark)]
        assert texts[0] == "blue (blue-1) → green (green-1)"
        assert texts[1] == "blue has 1 open connection"
        assert texts[2].startswith("green is not healthy: 503")
        (outcome,) = await source.apply("deploy.switch", [target], {}, BY)
        assert outcome.outcome is plans.Outcome.FAILED
        assert "green is not healthy" in outcome.why
        assert place.current.read_text() == "blue\n"


async def test_a_script_that_starts_its_colour_is_not_kept_from_it(place: Place) -> None:
    place.switch_more = {"starts": True}
    place.answers["green"] = (503, {"success": False})
    async with place.opened() as source:
        outcome = await switched(source)
        assert (outcome.outcome, outcome.memento) == (plans.Outcome.DONE, {"from": "blue"})
        assert place.current.read_text() == "green\n"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo nginx: password=hunter22 >&2; exit 3", "ended with 3"),
        ("echo did nothing", "ended with 0, but the traffic goes to blue, not to green"),
        ('echo green > "$2"; exit 1', "The traffic goes to green all the same."),
        ('rm "$2"', "cannot be read"),
    ],
)
async def test_a_switch_is_believed_only_when_it_is_seen(
    place: Place, script: str, says: str
) -> None:
    place.says(script)
    async with place.opened() as source:
        outcome = await switched(source)
    assert outcome.outcome is plans.Outcome.FAILED
    assert says in outcome.why
    assert "hunter22" not in outcome.why


async def test_a_changed_script_is_no_target(place: Place) -> None:
    async with place.opened() as source:
        place.says('echo green > "$2"')
        (left,) = await planned(source)
    assert isinstance(left, plans.LeftOut)
    assert hashlib.sha256(place.script.read_bytes()).hexdigest() in left.why


async def test_undo_goes_back_only_from_where_we_went(place: Place) -> None:
    async with place.opened() as source:
        deed = rig.Deed("deploy.switch", (GREEN,), moved_on=GREEN)
        targets = await acting.targets(source, deed)
        outcomes = await acting.apply(source, deed, targets)
        place.current.write_text("blue\n")
        assert not await acting.plan_undo(source, deed.action, targets, outcomes)
        place.current.write_text("green\n")
        (one,) = await acting.plan_undo(source, deed.action, targets, outcomes)
        assert (one.target.label, one.target.name) == ("green back to blue", "blue")


async def test_the_trouble_of_one_unit_is_its_own(place: Place) -> None:
    unit = {"adapter": "script", "argv": ["/bin/true"], "sha256": "0" * 64}
    broken = place.current.with_name("broken.pid")
    broken.write_text("x")
    place.more = {
        "units": {
            "broken": unit | {"pid_file": str(broken)},
            "away": unit | {"pid_file": "/nowhere/it.pid"},
        }
    }
    place.answers["blue"] = (200, {"success": True})
    async with place.opened() as source:
        sample = await source.sample()
        levels = {
            e.name: (e.verdict.level.value, e.actions)
            for e in sample.entities
            if isinstance(e, stack.Process)
        }
        assert levels == {"broken": ("unknown", ()), "away": ("warn", ("process.restart",))}
        assert (await colours(source))["blue"].verdict == base.OK


async def test_a_restart_that_a_tool_only_claims_has_failed(place: Place) -> None:
    place.says("exit 0")
    digest = hashlib.sha256(place.script.read_bytes()).hexdigest()
    argv = [str(place.script)]
    pid_file = place.current.with_name("it.pid")
    pid_file.write_text("1")
    unit = {"adapter": "script", "argv": argv, "sha256": digest, "pid_file": str(pid_file)}
    place.more = {"units": {"api": unit}}
    async with place.opened() as source:
        deed = rig.Deed("process.restart", ("deploy/process/api",), moved_on="")
        (target,) = await acting.targets(source, deed)
        assert target.label.startswith("switch.sh on script, running since 2")
        (outcome,) = (await acting.apply(source, deed, [target])).values()
    assert outcome.outcome is plans.Outcome.FAILED
    assert "did not restart" in outcome.why


async def test_who_restarts_a_colours_unit_hears_of_the_colours(place: Place) -> None:
    unit = {"adapter": "script", "argv": ["/bin/true"], "sha256": "0" * 64, "pid_file": "/no.pid"}
    table = place.table()
    table["units"] = {"api-blue": unit}
    table["colours"]["blue"]["unit"] = "api-blue"
    place.answers["green"] = (503, {"success": False})
    async with sources.build("deploy", table)[0] as source:
        selection = plans.Selection(refs=("deploy/process/api-blue",))
        parts = source.plan("process.restart", selection, {}, lambda n, of: None)
        texts = [part.text async for part in parts if isinstance(part, plans.Remark)]
    assert texts[0] == "blue has the traffic"
    assert texts[1].startswith("green, the other colour, is not healthy: 503")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"colours": {"blue": {"unit": "x"}, "green": {}}}, "'x', which is not a unit"),
        ({"colours": {"blue": {}}}, "two or more colours"),
        ({"colours": {"--blue": {}, "green": {}}}, "colours.--blue"),
        ({"switch": {"argv": ["/s.sh"], "sha256": "0" * 64}}, "does not have {colour}"),
        ({"units": {"x": {"adapter": "ansible"}}}, "sources.deploy.units.x.adapter is 'ansible'"),
        ({"current": None}, "needs `current`"),
    ],
)
async def test_wrong_settings_name_what_is_wrong(
    place: Place, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(errors.SettingsError) as caught:
        sources.build("deploy", place.table() | change)
    assert says in str(caught.value)


def _port(url: str) -> int:
    return int(url.split(":")[2].split("/")[0])


async def test_a_release_that_is_bad_at_the_gate_gets_no_traffic(place: Place) -> None:
    place.switch_more = {"gate_s": 0.2}
    async with place.opened() as source:
        targets = [each for each in await planned(source) if isinstance(each, plans.Target)]
        place.answers["green"] = (503, {"success": False})
        outcome = (await source.apply("deploy.switch", targets, {}, BY))[0]
        assert outcome.outcome is plans.Outcome.FAILED
        assert place.current.read_text() == "blue\n"
        place.answers["green"] = (200, {"success": True, "uptime": 60})
        outcome = (await source.apply("deploy.switch", targets, {}, BY))[0]
        assert outcome.outcome is plans.Outcome.DONE
        assert place.current.read_text() == "green\n"
