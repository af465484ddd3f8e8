"""All that is set for a stack reaches its core: nothing is dropped without a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mrcore import alert_settings, folder, settings
from mrcore.alerts import rule
from mrcore.rights import authority
from mrcore.sources import base
from mrcore.stack import addresses, core_settings, credentials, plan

SECRET = "hunter2hunter2hunter2"
EVERY: dict[str, Any] = {
    "environment": "staging",
    "protected": True,
    "read_only": True,
    "listen": "127.0.0.1:1",
    "tls_certificate": "certificate.pem",
    "tls_key": "/etc/mr/key.pem",
    "hosts": ["core.example.org"],
    "socket": "core.sock",
    "socket_group": "mrcore",
    "logins": {"asha": ["operator", "auditor"]},
    "idle_exit_s": 1.5,
    "keep_runs_days": 2.0,
    "keep_failures_days": 3.0,
    "audit_anchor": "anchor.json",
    "time_scale": 4.0,
    "limits": {"dangerous_per_minute": 5},
    "alerts": {
        "rules": "rules.toml",
        "channels": {
            "oncall": {"kind": "slack", "url": f"https://hooks.example/{SECRET}"},
            "pager": {
                "kind": "webhook",
                "url": "https://pager.example",
                "headers": {"Authorization": SECRET},
                "severities": ["P1"],
            },
            "all": {"kind": "apprise", "urls": [f"json://{SECRET}"]},
        },
        "escalate_to": ["pager"],
        "group_wait_s": 6.0,
        "group_interval_s": 7.0,
        "diagnosis_wait_s": 8.0,
        "windows": {"night": {"cron": "0 2 * * *", "minutes": 30, "reason": "backup"}},
        "heartbeats": {"backup": {"every_s": 60, "token": SECRET}},
        "ping_url": f"https://ping.example/{SECRET}",
        "ping_every_s": 9.0,
    },
    "runbooks": {"folder": "runbooks"},
    "stack": {"postgres": f"postgresql://me:{SECRET}@h/d", "redis": "redis://h"},
    "sources": {"other": {"kind": "redis", "url": f"redis://:{SECRET}@h"}},
}
"""Each setting as nobody has it by default; paths that are not absolute are the user's."""

FIELDS = settings.Settings.model_fields


def planned(own: settings.Settings, state: Path) -> plan.Plan:
    place = folder.StateFolder(state).make()
    words = credentials.of(place)
    return plan.Plan(place, own, words, addresses.choose(own.stack, words), None, "small")


def told(own: settings.Settings, state: Path) -> settings.Settings:
    """The settings as the stack's core reads them."""
    whole = planned(own, state)
    whole.state.write_json("settings.json", whole.core_settings())
    return settings.load(state / "settings.json")


@pytest.fixture
def every(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> settings.Settings:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(EVERY))
    return settings.load(file)


@pytest.mark.parametrize(
    ("model", "table"),
    [
        (settings.Settings, EVERY),
        (settings.LimitSettings, EVERY["limits"]),
        (settings.RunbookSettings, EVERY["runbooks"]),
        (settings.StackSettings, EVERY["stack"]),
        (alert_settings.AlertSettings, EVERY["alerts"]),
    ],
)
def test_what_is_tried_here_is_every_setting(model: type[BaseModel], table: dict[str, Any]) -> None:
    usual, set_ = model(), model.model_validate(table)
    assert [n for n in model.model_fields if getattr(usual, n) == getattr(set_, n)] == []


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in core_settings.OWNED])
def test_what_is_set_reaches_the_core(name: str, every: settings.Settings, state: Path) -> None:
    wanted, found = getattr(every, name), getattr(told(every, state), name)
    if name == "sources":
        assert found["other"] == wanted["other"]
        return
    assert whole_paths(found) == found
    assert found == whole_paths(wanted)


def whole_paths(value: Any) -> Any:
    """The same, with each path as it is seen from where the user was."""
    if isinstance(value, Path):
        return value.absolute()
    if isinstance(value, BaseModel):
        return value.model_copy(update={n: whole_paths(each) for n, each in value})
    return value


def test_a_path_in_a_table_is_seen_from_where_the_user_was(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mail = {"kind": "email", "host": "h", "sender": "a@b.c", "to": ["d@e.f"], "ca": "ca.pem"}
    given: dict[str, Any] = {
        "alerts": {"channels": {"mail": mail, "fax": {"ca": "ca.pem"}}},
        "sources": {
            "host": {"paths": {"data": "data", "root": "/"}},
            "board": {"kind": "bullboard", "url": "http://h", "key": "key.pem"},
            "gone": {"kind": "fax", "ca": "ca.pem"},
        },
    }
    core = planned(settings.Settings(**given), state).core_settings()
    channels, sources = core["alerts"]["channels"], core["sources"]
    assert channels["mail"] == {**mail, "ca": str(tmp_path / "ca.pem")}
    assert sources["host"] == {"paths": {"data": str(tmp_path / "data"), "root": "/"}}
    assert sources["board"]["key"] == str(tmp_path / "key.pem")
    # What is no channel and no source is told as it is, and refused by the core in a sentence.
    assert (channels["fax"], sources["gone"]) == ({"ca": "ca.pem"}, given["sources"]["gone"])


def test_what_the_stack_keeps_for_itself_is_said(every: settings.Settings, state: Path) -> None:
    core = planned(every, state).core_settings()
    assert FIELDS.keys() - core.keys() == core_settings.OWNED
    assert every.stack.postgres.get_secret_value() not in json.dumps(core)


def test_without_a_word_the_stack_says_where_its_core_is(state: Path) -> None:
    whole = planned(settings.Settings(), state)
    core = whole.core_settings()
    assert core["listen"] == f"127.0.0.1:{whole.places.control_port}"
    assert core["audit_anchor"] == str(state / "audit-anchor.json")
    socket = f"unix:{whole.state.runtime / 'core.sock'}"
    assert whole.backend_names()["MR_CORE_URL"] == socket
    usual = {name: getattr(told(whole.settings, state), name) for name in FIELDS}
    mine = {"listen", "audit_anchor", "sources"}
    assert [n for n in FIELDS.keys() - mine if usual[n] != getattr(whole.settings, n)] == []


def test_the_backends_find_the_core_on_the_users_socket(
    every: settings.Settings, state: Path, tmp_path: Path
) -> None:
    names = planned(every, state).backend_names()
    assert names["MR_CORE_URL"] == f"unix:{tmp_path / 'core.sock'}"


def test_secrets_are_in_the_private_file_and_shown_nowhere(
    every: settings.Settings, state: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    again = told(every, state)
    file = state / "settings.json"
    assert file.stat().st_mode & 0o777 == 0o600
    channel = again.alerts.channels["oncall"]["url"]
    assert channel.get_secret_value() == EVERY["alerts"]["channels"]["oncall"]["url"]
    assert SECRET in settings.secrets_of(again)
    assert SECRET not in repr(again.alerts)
    assert SECRET not in "".join(capfd.readouterr())


def test_a_rule_of_ones_own_and_read_only_hold_in_a_stack(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(
        '[[rule]]\nid = "mine"\nexpr = "queue.waiting > 10"\nseverity = "P2"\nsummary = "{name}"\n'
    )
    file = tmp_path / "settings.toml"
    file.write_text('read_only = true\n[alerts]\nrules = "mine.toml"\n')
    own = told(settings.load(file), state)
    monkeypatch.chdir(state)  # where a stack's core runs
    rules = rule.load(rule.shipped(), own.alerts.rules, own.time_scale)
    assert "mine" in rules
    assert authority.of(own, base.utc_now).read_only
