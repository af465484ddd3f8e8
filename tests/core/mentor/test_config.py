"""Each variable of the environment reaches what it is for, under the playbook's own name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from mrcore import errors
from mrcore.mentor import (
    clock,
    config,
    exotel,
    health,
    origins,
    razorpay,
    release,
    turn,
    upstreams,
)
from mrcore.mentor.board import told

Env = Mapping[str, str]
Read = Callable[[Env], Any]

READ: dict[str, tuple[str, Read, Any]] = {
    # name: a value, what reads it, and what it is then
    "DB_HOST": ("db", lambda env: config.Config.read(env).database.host, "db"),
    "DB_PORT": ("6000", lambda env: config.Config.read(env).database.port, 6000),
    "DB_USERNAME": ("me", lambda env: config.Config.read(env).database.username, "me"),
    "DB_PASSWORD": ("x", lambda env: config.Config.read(env).database.password, "x"),
    "DB_NAME": ("other", lambda env: config.Config.read(env).database.name, "other"),
    "REDIS_HOST": ("r", lambda env: config.Config.read(env).redis.options()["host"], "r"),
    "REDIS_PORT": ("7000", lambda env: config.Config.read(env).redis.options()["port"], 7000),
    "REDIS_PASSWORD": ("x", lambda env: config.Config.read(env).redis.options()["password"], "x"),
    "REDIS_DB": ("3", lambda env: config.Config.read(env).redis.options()["db"], 3),
    "EMAIL_HOST": ("smtp", lambda env: config.Config.read(env).email.host, "smtp"),
    "EMAIL_PORT": ("25", lambda env: config.Config.read(env).email.port, 25),
    "EMAIL_USER": ("me", lambda env: config.Config.read(env).email.user, "me"),
    "EMAIL_PASS": ("x", lambda env: config.Config.read(env).email.password, "x"),
    "NODE_ENV": ("production", lambda env: config.Config.read(env).environment, "production"),
    "JWT_SECRET": ("x", lambda env: config.Config.read(env).jwt_secret, "x"),
    "MR_HEALTH": ("shallow", lambda env: config.Config.read(env).health, "shallow"),
    "MR_RELEASE": ("2.1", lambda env: config.Config.read(env).release.name, "2.1"),
    "MR_SECRET_VERSION": ("v7", lambda env: config.Config.read(env).secret_version, "v7"),
    "BULL_BOARD_USERNAME": ("me", lambda env: told.Told.read(env).username, "me"),
    "BULL_BOARD_PASSWORD": ("x", lambda env: told.Told.read(env).password, "x"),
    "MR_CORE_URL": ("unix:/s", lambda env: told.Told.read(env).url, "unix:/s"),
    "MR_CORE_TOKEN_FILE": ("/t", lambda env: told.Told.read(env).token_file, Path("/t")),
    "MR_CORE_CA": ("/ca", lambda env: told.Told.read(env).ca, Path("/ca")),
    "CORS_ORIGINS": (
        "https://a",
        lambda env: origins.read(env) - set(origins.LOCAL),
        {"https://a"},
    ),
    "EXOTEL_SID": ("x", lambda env: exotel.Settings.read(env).sid, "x"),
    "EXOTEL_API_KEY": ("x", lambda env: exotel.Settings.read(env).api_key, "x"),
    "EXOTEL_API_TOKEN": ("x", lambda env: exotel.Settings.read(env).api_token, "x"),
    "EXOTEL_CALLER_ID": ("x", lambda env: exotel.Settings.read(env).caller_id, "x"),
    "EXOTEL_SUBDOMAIN": (exotel.MUMBAI, lambda env: exotel.Settings.read(env).account_url, None),
    "EXOTEL_SMS_SENDER_ID": ("x", lambda env: exotel.Settings.read(env).sms_sender_id, "x"),
    "EXOTEL_WEBHOOK_TOKEN": ("x", lambda env: exotel.Settings.read(env).webhook_token, "x"),
    "BACKEND_PUBLIC_URL": (
        "http://b/",
        lambda env: exotel.Settings.read(env).public_url,
        "http://b",
    ),
    "MR_EXOTEL_URL": ("http://e/", lambda env: exotel.Settings.read(env).simulated, "http://e"),
    "RAZORPAY_KEY_ID": ("x", lambda env: razorpay.Settings.read(env).key_id, "x"),
    "RAZORPAY_KEY_SECRET": ("x", lambda env: razorpay.Settings.read(env).key_secret, "x"),
    "RAZORPAY_WEBHOOK_SECRET": ("x", lambda env: razorpay.Settings.read(env).webhook_secret, "x"),
    "RAZORPAY_URL": ("http://r/", lambda env: razorpay.Settings.read(env).url, "http://r"),
    "TURN_URL": ("turn:h:1", lambda env: turn.Account.read(env).url, "turn:h:1"),
    "TURN_USERNAME": ("me", lambda env: turn.Account.read(env).user, "me"),
    "TURN_PASSWORD": ("x", lambda env: turn.Account.read(env).password, "x"),
    "MR_TIME_SCALE": ("5", health.interval_s, 1.0),
    "MR_SMTP_PORT": ("2525", lambda env: upstreams.Order.read(env).smtp_port, 2525),
    "MR_UPSTREAMS_PORT": ("99", lambda env: upstreams.Order.read(env).http_port, 99),
    "MR_BACKENDS": ("http://a/,http://b", lambda env: len(upstreams.Order.read(env).urls), 2),
    "MR_SCALE": ("large", lambda env: upstreams.Order.read(env).scale.name, "large"),
    "MR_SEED": ("7", lambda env: upstreams.Order.read(env).seed, 7),
    "MR_SECRETS_TOKEN": ("x", lambda env: upstreams.Order.read(env).secrets_token, "x"),
    "MISS_OZONE_API_KEY": (
        "x",
        lambda env: upstreams.Order.read(env).secret["MISS_OZONE_API_KEY"],
        "x",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_a_variable_is_read_by_its_name(name: str) -> None:
    value, read, wanted = READ[name]
    found = read({name: value})
    if isinstance(found, SecretStr):
        assert value not in str(found)
        found = found.get_secret_value()
    assert found == wanted if wanted is not None else value in found


@pytest.mark.parametrize("name", ["DB_PORT", "REDIS_PORT", "REDIS_DB", "EMAIL_PORT"])
def test_what_is_no_number_is_refused_by_name(name: str) -> None:
    with pytest.raises(errors.SettingsError, match=f"{name} is 'many'"):
        config.Config.read({name: "many"})


def test_a_release_says_its_name_and_how_it_is_bad(tmp_path: Path) -> None:
    file = tmp_path / "release.json"
    env = {"MR_RELEASE": "2.0", "MR_RELEASE_FILE": str(file)}
    assert release.Release.read(env) == release.Release("2.0"), "there is no such file"
    file.write_text(json.dumps({"release": "2.1", "fails": "health", "after_s": 3}))
    assert release.Release.read(env) == release.Release("2.1", "health", 3.0)
    for wrong in ("", "{}", '{"release": "2.1", "fails": "sometimes"}'):
        file.write_text(wrong)
        with pytest.raises(errors.SettingsError, match=r"release\.json"):
            release.Release.read(env)


def test_a_worker_is_told_where_its_queues_are() -> None:
    env = {**os.environ, "MR_QUEUES_URL": "http://elsewhere"}
    argv = [sys.executable, "-m", "mrcore", "worker"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "MR_QUEUES_URL" in done.stderr


def test_the_clock_of_jobs_is_as_wrong_as_its_file_says_at_that_moment(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    now = clock.of({"MR_CLOCK_FILE": str(file)})
    for said, off_s in ((None, 0), ("3600", 3600), ("-60", -60), ("wrong", 0)):
        if said is not None:
            file.write_text(said)
        off = now() - clock.of({})()
        assert off.total_seconds() == pytest.approx(off_s, abs=30)
