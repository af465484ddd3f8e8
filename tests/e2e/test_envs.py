"""Real cores side by side: on a socket, over TLS with a token, away, hung."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.test_serve import certificate as certificate
from tests.core.test_serve import facts, serving
from tests.e2e import running, terminal

SETTINGS = """
environment = "{name}"
protected = {protected}
{more}
"""


@pytest.fixture
def hung() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def world(tmp_path: Path, certificate: tuple[Path, Path], hung: str) -> Iterator[dict[str, str]]:
    """A contexts file over two cores and three that cannot be asked; the environment to use it."""
    tls = f'''
listen = "127.0.0.1:0"
hosts = ["localhost"]
tls_certificate = "{certificate[0]}"
tls_key = "{certificate[1]}"
'''
    own, far = tmp_path / "own.toml", tmp_path / "far.toml"
    own.write_text(SETTINGS.format(name="own", protected="false", more=""))
    far.write_text(SETTINGS.format(name="far-away", protected="true", more=tls))
    with (
        serving(tmp_path / "own", "--settings", str(own)),
        serving(tmp_path / "far", "--settings", str(far)),
    ):
        url = facts(tmp_path / "far")["control"]
        config = tmp_path / "config"
        (config / "mr").mkdir(parents=True)
        (config / "mr" / "contexts.toml").write_text(
            f'''
[own]
state = "{tmp_path}/own"
[far]
url = "{url}"
token_env = "FAR_TOKEN"
ca = "{certificate[0]}"
[untrusted]
url = "{url}"
token_env = "FAR_TOKEN"
[stranger]
url = "{url}"
ca = "{certificate[0]}"
[hung]
url = "{hung}"
[away]
url = "http://127.0.0.1:9"
'''
        )
        yield {
            "XDG_CONFIG_HOME": str(config),
            "FAR_TOKEN": (tmp_path / "far" / "token").read_text(),
            "MR_STATE": str(tmp_path / "none"),
        }


def test_all_are_asked_at_once_and_who_is_away_says_why(world: dict[str, str]) -> None:
    found, done = _asked(world)
    for _ in range(3):  # on a busy machine a core can need longer than anybody is waited for
        if "no answer" in found["own"]["why"] + found["far"]["why"]:
            found, done = _asked(world)
    assert list(found) == ["own", "far", "untrusted", "stranger", "hung", "away"]
    assert (found["own"]["environment"], found["own"]["protected"]) == ("own", False)
    assert (found["far"]["environment"], found["far"]["protected"]) == ("far-away", True)
    assert found["own"]["core_version"] == found["far"]["core_version"] != ""
    whys = {name: each["why"] for name, each in found.items() if each["level"] == "unknown"}
    assert "certificate" in whys["untrusted"].lower()
    assert "token" in whys["stranger"]
    assert whys["hung"] == "no answer in 4 s"
    assert "127.0.0.1:9" in whys["away"]
    assert done.returncode == {"bad": 2, "warn": 1}.get(_worst(found), 3)
    assert world["FAR_TOKEN"] not in done.stdout + done.stderr


def _asked(
    world: dict[str, str],
) -> tuple[dict[str, dict[str, str]], subprocess.CompletedProcess[str]]:
    argv = [*running.MRTUI, "envs", "--json"]
    done = subprocess.run(
        argv, capture_output=True, text=True, env={**os.environ, **world}, timeout=60, check=False
    )
    return {each["name"]: each for each in json.loads(done.stdout)}, done


def _worst(found: dict[str, dict[str, str]]) -> str:
    levels = {each["level"] for each in found.values()}
    return next(level for level in ("bad", "warn", "unknown", "ok") if level in levels)


def test_from_one_core_to_another_and_back_without_leaving(world: dict[str, str]) -> None:
    argv = [*running.MRTUI, "own", "--read-only", "--theme", "contrast"]
    with terminal.run(argv, columns=120, rows=40, env=world) as screen:
        screen.until(r"mr ▸ own +● live")
        screen.press(":")
        screen.until(r"\n :")
        screen.press("envs", "enter")
        screen.until(lambda text: "far = far-away" in text and "own ◂" in text)
        screen.until("no answer in 4 s")  # and the others were there before it
        screen.press("/")
        screen.until(r"\n /")
        screen.press("far-away", "enter")
        screen.until(lambda text: "own ◂" not in text)
        screen.press("enter")
        screen.until(r"mr ▸ far-away +● live")
        screen.until("read-only")
        screen.press("A")
        screen.until("read-only for everybody")
        screen.press(":")
        screen.until(r"\n :")
        screen.press("ctx own", "enter")
        screen.until(r"mr ▸ own +● live")
        assert world["FAR_TOKEN"].encode() not in screen.raw
        screen.press("q")
        assert screen.wait() == 0
