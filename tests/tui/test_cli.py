"""The command line: light help, exit codes, contexts, completion, no terminal."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mrcore import errors
from mrcore.model import base, core, plans, wire
from mrtui import app, cli, places, screens, start
from mrtui.cli import check, completion, do, show, status
from tests.tui import facts, simulated


def run(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `mrtui` in a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "mrtui", *argv],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environ},
        timeout=60,
        check=False,
    )


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom mrtui import cli\n"
        "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
        "print('LOADED', *{'textual','rich','pydantic','httpx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rsplit("LOADED", 1)[1].split() == []
    assert all(command in done.stdout for command in cli.COMMANDS)


def test_the_screen_without_a_terminal_is_refused_in_a_sentence(tmp_path: Path) -> None:
    done = run("--state", str(tmp_path / "state"))
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert not (tmp_path / "state").exists()


def test_check_of_a_core_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    done = run("check", "--state", str(tmp_path))
    assert done.returncode == 3
    assert done.stdout.startswith("? unknown: No core runs for")
    assert done.stdout.count("\n") == 1


def test_status_of_a_core_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = run("status", "--state", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("mrtui: No core runs for")
    assert "Traceback" not in done.stderr


def test_settings_start_the_core_that_a_command_asks_and_the_next_one_finds(
    tmp_path: Path,
) -> None:
    settings, state = tmp_path / "settings.toml", tmp_path / "state"
    settings.write_text(
        'environment = "foreign"\n[sources.web]\nkind = "backend"\n'
        'urls = { blue = "http://127.0.0.1:9" }\n'
    )
    try:
        done = run("status", "--json", "--state", str(state), "--settings", str(settings))
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert document["environment"] == "foreign"
        assert "web" in {entity["name"] for entity in document["entities"]["source"]}
        first = places.read_json(state / "core.json")["pid"]
        shown = run("show", "sources", "--state", str(state)).stdout
        assert "foreign" in shown
        again = run("check", "--state", str(state), "--settings", str(settings))
        assert again.returncode in (2, 3), again.stdout
        assert places.read_json(state / "core.json")["pid"] == first
    finally:
        os.kill(places.read_json(state / "core.json")["pid"], signal.SIGTERM)


def test_settings_that_are_wrong_are_named_by_every_command(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("sources = 3\n")
    where = ("--state", str(tmp_path / "state"), "--settings", str(settings))
    assert str(settings) in run("status", *where).stderr
    checked = run("check", *where)
    assert checked.returncode == 3
    assert str(settings) in checked.stdout


def test_a_reader_that_goes_away_is_no_crash() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        argv = [sys.executable, "-u", "-m", "mrtui", "completion", "bash"]
        done = subprocess.run(argv, stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_mistake_in_the_keymap_stops_the_start_and_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "mr").mkdir()
    (tmp_path / "mr" / "keys.toml").write_text('[keys]\n"go.hoem" = "x"\n')
    done = run("--state", str(tmp_path), XDG_CONFIG_HOME=str(tmp_path))
    assert done.returncode == 2
    assert "keys.toml:2" in done.stderr


def test_reset_leaves_the_alternate_screen_and_stops_mouse_reports() -> None:
    done = run("reset")
    assert done.returncode == 0
    assert "\x1b[?1049l" in done.stdout
    assert "\x1b[?1003l" in done.stdout
    assert "\x1b[?25h" in done.stdout


def test_bash_completes_commands_screens_and_options() -> None:
    script = completion.bash()
    probe = (
        f"{script}\nCOMP_WORDS=(mrtui show ho); COMP_CWORD=2; _mrtui; echo ${{COMPREPLY[@]}};"
        "COMP_WORDS=(mrtui de); COMP_CWORD=1; _mrtui; echo ${COMPREPLY[@]};"
        "COMP_WORDS=(mrtui do queue); COMP_CWORD=2; _mrtui; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:3] == ["home", "demo dev", "queue.retry"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_that_names_every_command(shell: str) -> None:
    script = {"zsh": completion.zsh, "fish": completion.fish}[shell]()
    assert all(command in script for command in cli.COMMANDS)


@pytest.mark.parametrize("command", list(cli.ARGUMENTS))
def test_every_command_has_help(command: str) -> None:
    assert cli.parser(command).format_help()


# Places


def test_a_context_names_a_url_and_its_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "mr").mkdir()
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "mr" / "contexts.toml").write_text(
        f'[blue]\nurl = "http://127.0.0.1:1"\ntoken_file = "{tmp_path}/token"\n[bad]\nurll = "x"\n'
    )
    place = places.find("blue", None, None)
    assert (place.url, place.token) == ("http://127.0.0.1:1", "secret")
    with pytest.raises(errors.SettingsError, match="known: bad, blue"):
        places.find("green", None, None)
    with pytest.raises(errors.SettingsError, match="urll"):
        places.find("bad", None, None)


def test_a_url_is_taken_as_it_is_and_nothing_is_the_default_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MR_STATE", str(tmp_path))
    assert places.find("http://x:1", None, None).url == "http://x:1"
    assert places.find("", None, None).state == tmp_path
    assert places.find("", tmp_path / "other", None).state == tmp_path / "other"


def test_a_core_runs_when_its_process_lives(tmp_path: Path) -> None:
    assert not places.core_runs(tmp_path)
    (tmp_path / "core.json").write_text(json.dumps({"pid": os.getpid()}))
    assert places.core_runs(tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "core.json").write_text(json.dumps({"pid": ended.pid}))
    assert not places.core_runs(tmp_path)


# Starting


def test_steps_of_a_boot_are_read_also_from_a_half_written_line(tmp_path: Path) -> None:
    lines = [
        {"at": "x", "name": "postgres", "state": "starting", "took_s": None, "why": ""},
        {"at": "x", "name": "valkey", "state": "ready", "took_s": 0.1, "why": ""},
        {"at": "x", "name": "postgres", "state": "ready", "took_s": 0.7, "why": ""},
    ]
    text = "\n".join(map(json.dumps, lines)) + '\n{"name": "see'
    (tmp_path / "boot.jsonl").write_text(text)
    assert start.steps(tmp_path) == [
        start.Step("postgres", "ready", 0.7),
        start.Step("valkey", "ready", 0.1),
    ]
    assert start.steps(tmp_path / "absent") == []


def test_a_boot_whose_step_failed_says_which_and_why(tmp_path: Path) -> None:
    step = {"at": "x", "name": "seed", "state": "failed", "took_s": None, "why": "disk full"}
    (tmp_path / "boot.jsonl").write_text(json.dumps(step) + "\n")
    with pytest.raises(errors.StackError, match="seed did not start: disk full"):
        list(start.boot(start.Stack(tmp_path, None, keep=False), 1))


# Facts, on the simulated core


def test_status_lists_every_kind_and_nothing_that_could_harm_a_terminal() -> None:
    known, now = asyncio.run(status.look(simulated.Simulated))
    text = "\n".join(status.lines(known, now))
    assert "✖ local: bad at 14:02:11Z" in text
    assert "no worker for 6 min" in text
    assert all(kind.upper() in text for kind in status.KINDS)
    assert text.replace("\n", "").isprintable()


def test_status_as_json_has_troubles_sources_and_entities() -> None:
    known, now = asyncio.run(status.look(simulated.Simulated))
    document = json.loads(json.dumps(status.facts(known, now)))
    assert document["level"] == "bad"
    assert document["troubles"][0]["ref"] == "backend/check/smtp"
    assert len(document["entities"]["queue"]) == 21
    assert set(facts.SOURCES) <= set(document["sources"])


def test_check_is_one_line_with_the_worst_first_and_its_code() -> None:
    known, now = asyncio.run(status.look(simulated.Simulated))
    assert check.sentence(known, now).startswith("✖ bad: check smtp BadCredentials; process rq")
    assert check.CODES[known.level(now)] == 2
    assert sorted(check.CODES.values()) == [0, 1, 2, 3]
    assert set(check.CODES) == set(base.Level)


async def test_show_draws_a_screen_without_a_terminal() -> None:
    control = app.ControlRoom(simulated.Simulated, clock=simulated.Clock())
    text = await show.drawn(control, "queues", (80, 24))
    assert "emailQueue" in text
    assert len(text.splitlines()) == 24


def test_show_names_the_screens_when_there_is_no_such() -> None:
    done = run("show", "nonsense")
    assert done.returncode == 2
    assert all(name in done.stderr for name in screens.NAMES)


# Do

REF = "mr://huey/job/emailQueue/8123"


class Finishing(simulated.Simulated):
    """Its operations end at once with an outcome."""

    ended: Callable[[], dict[str, object]]

    async def apply(self, plan_id: str, *, reason: str = "", confirm: str = "") -> core.Operation:
        await super().apply(plan_id, reason=reason, confirm=confirm)
        return self.operation(plan_id, state="done", **self.ended())


class Later(simulated.Simulated):
    """Its operations run on, and end as an event says."""

    async def apply(self, plan_id: str, *, reason: str = "", confirm: str = "") -> core.Operation:
        running = await super().apply(plan_id, reason=reason, confirm=confirm)
        self.events.put_nowait(wire.Touched(refs=("x/y/z",)))
        self.finish(plan_id, done=1)
        return running


def options(*argv: str) -> argparse.Namespace:
    return cli.parser("do").parse_args(argv)


@pytest.mark.parametrize(
    ("ended", "code", "words"),
    [({"done": 1}, 0, "1 of 1 done"), ({"skipped": 1}, 1, "it had moved on")],
)
async def test_do_applies_and_its_exit_code_is_the_outcome(
    ended: dict[str, object], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Finishing()
    client.ended = lambda: ended
    assert await do._run(options("queue.retry", REF, "--reason", "INC-12"), client) == code
    assert words in capsys.readouterr().out
    assert client.applied[0][1] == "INC-12"


async def test_do_waits_until_the_core_says_that_it_has_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = Later()
    assert await do._run(options("queue.retry", REF, "--json"), client) == 0
    assert json.loads(capsys.readouterr().out)["done"] == 1


async def test_do_with_plan_only_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    client = simulated.Simulated()
    assert await do._run(options("queue.retry", REF, "--plan"), client) == 0
    assert "these will fail again" in capsys.readouterr().out
    assert client.applied == []


async def test_do_of_a_high_risk_needs_yes_where_nobody_can_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = simulated.Simulated()
    client.risk = plans.Risk.HIGH
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(errors.BadRequest, match="--yes"):
        await do._run(options("queue.retry", REF), client)
    assert client.applied == []
