"""Every channel against what it talks to: HTTP and SMTP servers, and a program, all real."""

from __future__ import annotations

import asyncio
import email
import email.policy
import hashlib
import hmac
import json
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd import smtp

from mrcore import errors, settings
from mrcore.alerts import notify, telling
from mrcore.alerts.notify import channel, message
from mrcore.model import alert
from tests.core.alerts.notify import hooks
from tests.core.expr import recorded
from tests.standins import alertmanager

SECRET = "hunter2-hunter2"
SUBJECT = "redis/node/main"


def item(kind: str = "fired", name: str = "main", **facts: Any) -> message.Item:
    made: dict[str, Any] = {
        "alert": f"core/alert/redis_wedged/{name}",
        "kind": telling.Kind(kind),
        "severity": alert.Severity.P1,
        "rule": "redis_wedged",
        "name": name,
        "subject": SUBJECT,
        "summary": "Redis takes no writes: <!channel> maxmemory",
        "why": "it fires; P1 goes to ops",
        "at": recorded.T0,
        "fired_at": recorded.T0,
        "runbook": "J",
        "diagnosis": "memory is full",
    }
    return message.Item.model_validate({**made, **facts})


def told(*items: message.Item) -> message.Message:
    return message.Message(
        key="k1",
        environment="test",
        group="redis/redis_wedged",
        at=recorded.T0,
        items=items or (item(),),
    )


def opened(kind: str, **table: Any) -> channel.Channel:
    """A channel as the settings of a core make it."""
    made = settings.Settings.model_validate({"alerts": {"channels": {"ops": table}}})
    assert SECRET not in repr(made)
    table = {"kind": kind, **made.alerts.channels["ops"]}
    return notify.build("ops", table, lambda: recorded.T0).channel


@pytest.fixture
def hook() -> Iterator[hooks.Server]:
    with hooks.serving() as server:
        yield server


async def test_a_webhook_has_everything_signed_and_a_key(hook: hooks.Server) -> None:
    headers = {"Authorization": f"Bearer {SECRET}"}
    ops = opened("webhook", url=f"{hook.url}/x", headers=headers, password=SECRET)
    await ops.send(told())
    (got,) = hook.got
    assert (got.method, got.path) == ("POST", "/x")
    assert got.headers["idempotency-key"] == "k1"
    assert got.headers["authorization"] == f"Bearer {SECRET}"
    signed = hmac.new(SECRET.encode(), got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-mr-signature"] == f"sha256={signed}"
    assert got.json["title"] == "[test] P1 firing: redis_wedged on main"
    assert got.json["items"][0]["diagnosis"] == "memory is full"
    assert "why: it fires; P1 goes to ops" in got.json["text"]


@pytest.mark.parametrize("kind", ["webhook", "slack", "ntfy", "alertmanager"])
async def test_a_refusal_says_what_was_answered_and_no_secret(
    hook: hooks.Server, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    hook.answer = lambda got: (
        429,
        f"no {got.path} {got.body!r} for {SECRET}",
        {"Retry-After": "7"},
    )
    caplog.set_level(logging.DEBUG)
    table: dict[str, Any] = {"url": f"{hook.url}/{SECRET}"}
    table |= {"topic": SECRET, "token": SECRET} if kind == "ntfy" else {}
    with pytest.raises(errors.NotSent, match=r"127\.0\.0\.1 answered 429: no .") as refused:
        await opened(kind, **table).send(told())
    assert refused.value.after_s == 7
    assert SECRET not in str(refused.value)
    ours = [each for each in caplog.records if each.name.startswith("mrcore")]
    assert SECRET not in str([each.getMessage() for each in ours])


async def test_a_redirect_is_no_answer_and_is_not_followed(hook: hooks.Server) -> None:
    hook.answer = lambda got: (307, "", {"Location": f"{hook.url}/elsewhere"})
    with pytest.raises(errors.NotSent, match="answered 307"):
        await opened("webhook", url=hook.url).send(told())
    assert len(hook.got) == 1


async def test_who_is_not_there_cannot_be_reached() -> None:
    with hooks.serving() as server:
        url = f"{server.url}/{SECRET}"
    with pytest.raises(errors.NotSent, match=r"127\.0\.0\.1 cannot be reached") as failed:
        await opened("slack", url=url).send(told())
    assert SECRET not in str(failed.value)


async def test_slack_shows_plain_text_that_calls_nobody(hook: hooks.Server) -> None:
    await opened("slack", url=f"{hook.url}/services/{SECRET}").send(told())
    body = hook.got[0].json
    assert body["text"] == "[test] P1 firing: redis_wedged on main"
    header, section, _ = body["blocks"]
    assert header["text"]["text"] == body["text"]
    assert section["text"]["type"] == "plain_text"
    assert "<!channel>" in section["text"]["text"]


async def test_slack_takes_what_is_long(hook: hooks.Server) -> None:
    many = [item(name=f"n{n}", summary="x" * 500) for n in range(50)]
    await opened("slack", url=hook.url).send(told(*many))
    section = hook.got[0].json["blocks"][1]["text"]["text"]
    assert len(section) <= 3000


async def test_ntfy_is_told_at_the_servers_root(hook: hooks.Server) -> None:
    ops = opened("ntfy", url=hook.url, topic="t0pic-of-mine", token=SECRET)
    await ops.send(told())
    await ops.send(told(item("resolved")))
    fired, ended = (got.json for got in hook.got)
    assert (fired["topic"], fired["priority"]) == ("t0pic-of-mine", 5)
    assert fired["tags"] == ["rotating_light"]
    assert (ended["priority"], ended["tags"]) == (3, ["white_check_mark"])
    assert hook.got[0].headers["authorization"] == f"Bearer {SECRET}"


async def test_alertmanager_accepts_ours_and_a_lost_request_resolves_nothing(
    hook: hooks.Server,
) -> None:
    there = alertmanager.Alertmanager()
    hook.answer = there.answer
    ops = opened("alertmanager", url=f"{hook.url}/am/", resend_s=60, labels={"team": "core"})
    assert isinstance(ops, channel.Resending)
    await ops.send(told(item(), item(name="b", subject="redis/node/b")))
    assert len(there.alerts) == 2
    at = recorded.T0
    assert there.firing(at + timedelta(seconds=179)) == {"redis_wedged"}
    assert there.firing(at + timedelta(seconds=180)) == set()
    assert there.annotations[0]["diagnosis"] == "memory is full"
    await ops.resend([item()])
    assert len(there.alerts) == 2  # it is the same one
    assert there.annotations[-1] == there.annotations[0]
    over = at + timedelta(seconds=9)
    await ops.send(told(item(at=at), item("resolved", at=over)))
    await ops.send(told(item("resolved", name="b", subject="redis/node/b", at=over)))
    assert there.firing(over) == set()


class Letters:
    """What an SMTP server was given, or why it does not take it."""

    def __init__(self) -> None:
        self.got: list[email.message.EmailMessage] = []
        self.refuse = ""

    async def handle_DATA(  # noqa: N802
        self, server: smtp.SMTP, session: smtp.Session, envelope: smtp.Envelope
    ) -> str:
        if self.refuse:
            return self.refuse
        content = envelope.content
        assert isinstance(content, bytes)
        found = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(found, email.message.EmailMessage)
        self.got.append(found)
        return "250 OK"


@pytest.fixture
async def letters() -> AsyncIterator[tuple[Letters, int]]:
    kept = Letters()
    loop = asyncio.get_running_loop()
    made = await loop.create_server(lambda: smtp.SMTP(kept, loop=loop), "127.0.0.1", 0)
    async with made:
        yield kept, made.sockets[0].getsockname()[1]


async def test_a_mail_says_what_why_and_has_one_id_for_all_tries(
    letters: tuple[Letters, int],
) -> None:
    kept, port = letters
    ops = opened(
        "email",
        host="127.0.0.1",
        port=port,
        security="none",
        sender="mr@example.org",
        to=["a@example.org", "b@example.org"],
    )
    await ops.send(told())
    await ops.send(told())
    first, again = kept.got
    assert first["Subject"] == "[test] P1 firing: redis_wedged on main"
    assert first["Message-ID"] == again["Message-ID"] == "<k1@example.org>"
    assert first["To"] == "a@example.org, b@example.org"
    assert "found: memory is full" in first.get_content()
    kept.refuse = "452 mailbox full"
    with pytest.raises(errors.NotSent, match="answered 452: mailbox full"):
        await ops.send(told())


async def test_a_mail_server_that_is_away_or_has_no_tls_is_said(
    letters: tuple[Letters, int],
) -> None:
    table = {"host": "127.0.0.1", "sender": "mr@example.org", "to": ["a@example.org"]}
    with pytest.raises(errors.NotSent, match="STARTTLS"):
        await opened("email", port=letters[1], user="mr", password=SECRET, **table).send(told())
    with pytest.raises(errors.NotSent, match=r"127.0.0.1:1 cannot be used"):
        await opened("email", port=1, security="none", **table).send(told())
    with pytest.raises(errors.SettingsError, match="a password is not sent without"):
        opened("email", security="none", user="mr", password=SECRET, **table)


async def test_a_command_is_told_through_its_environment(tmp_path: Path) -> None:
    out = tmp_path / "out"
    program = (
        "import json, os, sys;"
        "open(sys.argv[1], 'w').write(json.dumps({k: v for k, v in os.environ.items()"
        " if k.startswith('MR_')})); sys.exit(int(sys.argv[2]))"
    )
    await opened("command", argv=[sys.executable, "-c", program, str(out), "0"]).send(told())
    found = json.loads(out.read_text())
    assert found["MR_KEY"] == "k1"
    assert found["MR_TITLE"] == "[test] P1 firing: redis_wedged on main"
    assert json.loads(found["MR_MESSAGE"])["items"][0]["rule"] == "redis_wedged"
    with pytest.raises(errors.NotSent, match="ended with 3: it said nothing"):
        await opened("command", argv=[sys.executable, "-c", program, str(out), "3"]).send(told())
    with pytest.raises(errors.NotSent, match="cannot be started"):
        await opened("command", argv=["/nowhere/at/all"]).send(told())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"kind": "pigeon"}, "is no kind of channel"),
        ({"kind": "webhook", "url": f"ftp://{SECRET}"}, "has to begin with http"),
        ({"kind": "webhook"}, "url: Field required"),
        ({"kind": "command", "argv": ["notify"]}, "is not an absolute path"),
        ({"kind": "slack", "url": f"http://x/{SECRET}", "colour": 1}, "colour: Extra inputs"),
        ({"kind": "apprise", "urls": [f"json://{SECRET}"]}, "Apprise is not installed"),
    ],
)
def test_a_channel_that_is_set_wrong_is_refused_by_name(
    table: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)  # also where it is installed
    with pytest.raises(errors.SettingsError, match=said) as wrong:
        opened(**table)
    assert SECRET not in str(wrong.value)


def test_an_escalation_to_nowhere_is_refused() -> None:
    own = settings.Settings.model_validate({"alerts": {"escalate_to": ["boss"]}})
    with pytest.raises(errors.SettingsError, match="'boss', which is no channel"):
        notify.load(own.alerts, lambda: recorded.T0)


def test_the_secrets_of_channels_are_known_before_they_are_opened() -> None:
    own = settings.Settings.model_validate(
        {"alerts": {"channels": {"s": {"kind": "slack", "url": f"http://x/{SECRET}"}}}}
    )
    assert f"http://x/{SECRET}" in settings.secrets_of(own)
