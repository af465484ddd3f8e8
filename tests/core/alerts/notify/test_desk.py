"""A whole core that tells: from a sample to the server, its detail, its pings and its commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click.testing
import pytest
from pydantic import SecretStr

from mrcore import cli, errors
from mrcore.alerts.notify import channel, pinging, resending
from mrcore.model import backend
from mrcore.runbooks import library
from mrcore.store import outbox
from tests import waiting
from tests.core import doors, harness
from tests.core.alerts import dependent, test_core
from tests.core.alerts.notify import hooks, post, test_channels, test_notifier
from tests.core.expr import recorded
from tests.core.test_door import ready
from tests.standins import alertmanager

TOKEN = "a-token-of-twenty-signs"


@pytest.fixture
def hook() -> Iterator[hooks.Server]:
    with hooks.serving() as server:
        yield server


async def test_a_core_tells_pings_outside_and_shows_both(
    state: Path, tmp_path: Path, hook: hooks.Server
) -> None:
    own = tmp_path / "rules.toml"
    own.write_text(test_core.RULES)
    there = alertmanager.Alertmanager()

    def answer(got: hooks.Got) -> hooks.Answer:
        return there.answer(got) if got.path.startswith("/am/") else (200, "", {})

    hook.answer = answer
    alerts = {
        "rules": own,
        "group_wait_s": 0,
        "ping_url": f"{hook.url}/alive",
        "ping_every_s": 1,
        "channels": {
            "ops": {"kind": "webhook", "url": f"{hook.url}/ops"},
            "am": {"kind": "alertmanager", "url": f"{hook.url}/am", "resend_s": 1},
        },
    }
    async with harness.unserved(state, test_core.evicting(), alerts=alerts) as here:
        await ready(here)
        paths = ("/ops", "/alive", "/am/api/v2/alerts")
        await waiting.until(
            lambda: {got.path for got in hook.got} >= set(paths), what="that all are told"
        )
        again = len([got for got in hook.got if got.path == paths[2]])
        await waiting.until(
            lambda: len([got for got in hook.got if got.path == paths[2]]) > again,
            what="that Alertmanager is told again",
        )
        told = next(got.json for got in hook.got if got.path == "/ops")
        assert told["items"][0]["alert"] == test_core.ALERT
        assert len(there.alerts) == 1

        async def shown() -> list[str]:
            detail = await here.monitor.source("core").detail(test_core.ALERT)
            section = next(each for each in detail.sections if each.id == "told")
            return [str(field.value) for field in section.fields]

        await waiting.until(
            lambda: _all_sent(shown), what="that both are noted as sent", timeout_s=30
        )
        checks = {e.name: e for e in await here.monitor.source("core").probe()}
        assert {"channel ops", "channel am", "ping"} <= checks.keys()
        assert isinstance(checks["ping"], backend.Check)


async def _all_sent(shown: object) -> bool:
    lines = await shown()  # type: ignore[operator]
    return len(lines) == 2 and all(": sent " in line for line in lines)


async def test_an_outside_that_does_not_answer_is_a_check(hook: hooks.Server) -> None:
    looked = [None, recorded.T0, recorded.T0]
    made = pinging.Pinger(
        SecretStr(f"{hook.url}/alive/{test_channels.SECRET}"),
        60,
        looked=lambda: looked.pop(0),
        now=lambda: recorded.T0,
    )
    assert not await made.ping()
    assert hook.got == []
    (check,) = made.checks()
    assert check.verdict.why == "Not all rules were asked yet, so nothing was pinged."
    hook.answer = lambda got: (500, got.path, {})
    assert not await made.ping()
    (check,) = made.checks()
    assert (check.verdict.code, check.verdict.level.value) == ("not_pinged", "warn")
    assert "answered 500" in check.verdict.why
    assert test_channels.SECRET not in check.verdict.why
    hook.answer = lambda got: (200, "", {})
    assert await made.ping()
    assert next(iter(made.checks())).verdict.code == ""


async def test_what_was_told_is_sent_again_as_it_was_told(
    tmp_path: Path, hook: hooks.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = alertmanager.Alertmanager()
    hook.answer = there.answer
    am = test_channels.opened("alertmanager", url=f"{hook.url}/am")
    assert isinstance(am, channel.Resending)
    to = post.routes(am=(post.P1,))
    async with post.opened(tmp_path, dependent.KNOWN, {"am": am}, to) as here:
        book, now = here.room.book, here.room.now
        again = resending.Resender(
            "am", am, here.room.ledger, to, here.sealer, alerts=book.entities, now=now
        )
        looks = test_notifier.a_run(here.room.at)
        here.room.sample("core", [looks])
        here.room.fail("pg")  # P2
        dependent.queues(here.room)  # pending, then suppressed
        await test_notifier.wedge(here)
        await again.resend()
        assert hook.got == []  # its message waits for the diagnosis
        here.room.sample("core", [test_notifier.diagnosed(looks, here.room.at)])
        hook.answer = lambda got: (503, "no", {})
        await test_notifier.wedge(here, after_s=60)
        hook.answer = there.answer
        await again.resend()  # sooner than the message is tried again
        assert len(there.annotations) == 1
        await test_notifier.wedge(here, after_s=60)
        first, second = there.annotations
        assert (first["diagnosis"], second) == ("maxmemory is reached", first)
        assert {dict(labels)["mr_alert"] for labels in there.alerts} == {dependent.WEDGED}
        monkeypatch.setattr(outbox, "unsent", unreadable)
        await again.resend()
        assert len(there.annotations) == 3
        await test_notifier.wedge(here, ok=True, after_s=1)
        await again.resend()
        assert len(there.annotations) == 5
        assert there.firing(here.room.at) == set()
        hook.answer = lambda got: (503, "no", {})
        await again.resend()
        assert "answered 503" in again.why


def unreadable(connection: object, channel: str) -> set[str]:
    raise errors.StoreError("The ledger cannot be read.")


async def test_a_heartbeat_is_pinged_with_its_own_token_and_by_no_other(state: Path) -> None:
    own = {"nightly": {"every_s": 3600, "token": TOKEN}, "other": {"every_s": 60}}
    async with doors.opened(state, alerts={"heartbeats": own}) as here:
        async with here.by_tcp(TOKEN) as http:
            path = "/api/v1/heartbeats/nightly"
            began = await http.post(path, params={"signal": "start", "run": "r1"})
            assert (began.status_code, began.json()["state"]) == (200, "started")
            ended = await http.post(path, params={"signal": "0", "run": "r1"})
            assert (ended.json()["state"], ended.json()["exit_code"]) == ("up", 0)
            failed = await http.post(path, params={"signal": "7"})
            assert failed.json()["verdict"]["code"] == "failed"
            assert (await http.post("/api/v1/heartbeats/other")).status_code == 401
            assert (await http.get("/api/v1/me")).status_code == 401
        async with here.by_tcp(await here.token("vera", "viewer")) as http:
            assert (await http.post(path)).status_code == 403
        async with here.by_tcp(await here.token("olga", "operator")) as http:
            assert (await http.post("/api/v1/heartbeats/other")).json()["state"] == "up"
            assert (await http.post("/api/v1/heartbeats/none")).status_code == 404


def run(*words: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(cli.cli, ["alerts", *words])


def test_the_command_sends_a_test_checks_and_lists_rules(
    tmp_path: Path, hook: hooks.Server
) -> None:
    own = tmp_path / "settings.json"
    table = {"kind": "webhook", "url": f"{hook.url}/{test_channels.SECRET}"}
    own.write_text(json.dumps({"alerts": {"channels": {"ops": table}}}))
    where = ("--settings", str(own), "--state", str(tmp_path))
    done = run("test", "ops", *where)
    assert (done.exit_code, done.output) == (0, "ops was told.\n")
    assert hook.got[0].json["items"][0]["summary"] == "This is a test: nothing is wrong."
    hook.answer = lambda got: (500, got.path, {})
    failed = run("test", "ops", "--json", *where)
    assert failed.exit_code == 1
    assert json.loads(failed.output)["sent"] is False
    assert test_channels.SECRET not in failed.output
    assert "there is no channel 'boss'" in str(run("test", "boss", *where).exception).lower()
    rules = json.loads(run("rules", "--json", *where).output)
    assert {"id", "expr", "severity", "for_s", "runbook"} <= rules[0].keys()
    assert run("check", *where).output.endswith("rules and 1 channels are well.\n")
    wrong = tmp_path / "rules.toml"
    wrong.write_text('[[rule]]\nid = "x"\nexpr = "nothing.at_all == 1"\n')
    said = run("check", str(wrong), *where)
    assert (said.exit_code, f"{wrong}:" in said.output) == (2, True)


def test_a_rule_leads_to_a_runbook_that_ships_or_is_ones_own(tmp_path: Path) -> None:
    books, settings, rules = (tmp_path / name for name in ("books", "settings.json", "rules.toml"))
    settings.write_text(json.dumps({"runbooks": {"folder": str(books)}}))
    where = ("--settings", str(settings), "--state", str(tmp_path))
    books.mkdir()
    text = test_core.RULES + 'runbook = "ZZ"\n'
    rules.write_text(text + text.replace('id = "redis', 'id = "Redis'))
    refused = run("check", str(rules), *where)
    first, second = refused.output.splitlines()
    there = "there is no runbook 'ZZ'; there are A, B, C, D, E, F, G, H, I, J."
    assert first == f"{rules}:7: rule redis_eviction_policy: {there}"
    assert second.startswith(f"{rules}:10: rule Redis_eviction_policy: an id is of small letters")
    assert refused.exit_code == 2
    own = dict(library.shipped())["J.md"].replace('id = "J"', 'id = "ZZ"', 1)
    (books / "ZZ.md").write_text(own)
    rules.write_text(text)
    assert run("check", str(rules), *where).exit_code == 0


async def test_a_core_does_not_start_with_a_rule_whose_runbook_is_nowhere(
    state: Path, tmp_path: Path
) -> None:
    own = tmp_path / "rules.toml"
    own.write_text(test_core.RULES + 'runbook = "ZZ"\n')
    with pytest.raises(errors.RuleError, match="there is no runbook 'ZZ'; there are A, B"):
        async with harness.unserved(state, test_core.evicting(), alerts={"rules": own}):
            pass


async def test_the_command_lists_what_fires(state: Path, tmp_path: Path) -> None:
    own = tmp_path / "rules.toml"
    own.write_text(test_core.RULES)
    alerts = {"rules": own}
    async with harness.running(state, test_core.evicting(), alerts=alerts) as here:
        await test_core.until(here.core, "the alert", phase="firing")
        from mrcore.cli import alerts as command

        found = await command._live(state)
        assert [each.rule for each in found] == ["redis_eviction_policy"]
        assert command._line(found[0]).startswith("P2   firing     redis_eviction_policy")
