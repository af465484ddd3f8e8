"""The command line: light help, exit codes, contexts, completion, no terminal."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from mrcore import errors
from mrcore.model import base, wire
from mrtui import app, cli, incident, places, screens, start, world
from mrtui.cli import check, completion, demo, screen, show, status
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
        other = tmp_path / "other.toml"
        other.write_text(settings.read_text())
        refused = run("status", "--state", str(state), "--settings", str(other))
        assert refused.returncode == 2
        assert f"Stop it (kill {first}) or use another --state." in refused.stderr
        assert state.stat().st_mode & 0o777 == 0o700
        killed(first)
        revived(start.Core(state, settings), first)
    finally:
        os.kill(places.read_json(state / "core.json")["pid"], signal.SIGTERM)


def killed(pid: int) -> None:
    """A core is killed as by the kernel, and is gone."""
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)


def revived(core_s: start.Core, before: int) -> None:
    """A core that was killed is started again, once; not in the folder of a stack."""
    (core_s.state / "boot.jsonl").write_text("")
    core_s.revive()
    assert not core_s.starting
    (core_s.state / "boot.jsonl").unlink()
    core_s.revive()
    assert core_s.starting
    first = core_s._process
    core_s.revive()
    assert core_s._process is first
    assert first is not None
    assert first.wait(30) == 0
    assert core_s.failed() == ""
    assert places.read_json(core_s.state / "core.json")["pid"] != before


def test_settings_that_are_wrong_are_named_by_every_command(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("sources = 3\n")
    where = ("--state", str(tmp_path / "state"), "--settings", str(settings))
    said = run("status", *where).stderr
    assert said.startswith(f"mrtui: Settings in {settings} are wrong")
    assert "did not start" not in said
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
        f"{script}\nCOMP_WORDS=(mrtui show hom); COMP_CWORD=2; _mrtui; echo ${{COMPREPLY[@]}};"
        "COMP_WORDS=(mrtui de); COMP_CWORD=1; _mrtui; echo ${COMPREPLY[@]};"
        "COMP_WORDS=(mrtui do queue.ret); COMP_CWORD=2; _mrtui; echo ${COMPREPLY[@]}"
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


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a person's configuration, empty."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "mr").mkdir()
    return tmp_path / "mr"


def test_a_context_names_a_url_whom_to_trust_and_its_token(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = config / "token"
    token.write_text("secret\n")
    (config / "contexts.toml").write_text(
        f'''[blue]
url = "https://127.0.0.1:1"
token_file = "{token}"
ca = "~/ca.pem"
[green]
url = "https://127.0.0.1:2"
token_env = "GREEN_TOKEN"
[here]
state = "~/state"
[bad]
urll = "x"
[worse]
url = 3
[worst]
[secret]
url = "https://asha:hunter2@127.0.0.1:1"
'''
    )
    place = places.find("blue", None, None)
    assert (place.name, place.url) == ("blue", "https://127.0.0.1:1")
    assert place.ca == Path.home() / "ca.pem"
    token.chmod(0o640)
    with pytest.raises(errors.SettingsError, match=r"mode 0640.*chmod 600"):
        _ = place.token
    token.chmod(0o600)
    assert place.token == "secret"
    green = places.find("green", None, None)
    with pytest.raises(errors.SettingsError, match="GREEN_TOKEN, which is not set"):
        _ = green.token
    monkeypatch.setenv("GREEN_TOKEN", "green's")
    assert green.token == "green's"
    assert places.find("green", None, token).token == "secret"
    assert places.find("here", None, None).address == str(Path.home() / "state")
    with pytest.raises(
        errors.SettingsError, match="known: bad, blue, green, here, secret, worse, worst"
    ):
        places.find("red", None, None)
    for name, why in (
        ("bad", "urll"),
        ("worse", "text in quotes"),
        ("worst", "url or state"),
        ("secret", "has a secret"),
        ("https://asha:hunter2@127.0.0.1:1", "has a secret"),
    ):
        with pytest.raises(errors.SettingsError, match=why) as caught:
            places.find(name, None, None)
        assert "hunter2" not in str(caught.value)


def test_contexts_are_listed_with_where_we_are_and_read_anew(config: Path) -> None:
    here = places.Place(state=config / "local")
    listed = screen.contexts(here)
    assert [(c.name, c.address) for c in listed()] == [("local", str(config / "local"))]
    file = config / "contexts.toml"
    file.write_text('[local]\nurl = "http://127.0.0.1:1"\n[x]\n')
    assert [c.name for c in listed()] == [str(config / "local"), "local", "x"]
    with pytest.raises(errors.SettingsError, match="either url or state"):
        listed()[2].connect()
    file.write_text(f'[x]\nurl = "http://x"\n[local]\nstate = "{config}/local"\n')
    assert [c.name for c in listed()] == ["x", "local"]
    file.write_text("[")
    with pytest.raises(errors.SettingsError, match="cannot be read"):
        listed()


def test_environments_are_printed_and_the_worst_one_is_the_exit_code(config: Path) -> None:
    said = run("envs", XDG_CONFIG_HOME=str(config.parent), MR_STATE=str(config / "none"))
    assert said.returncode == 3
    assert "There is no context in" in said.stdout
    (config / "contexts.toml").write_text(
        r"""[away]
url = "http://127.0.0.1:9"
["\u202Ebad"]
urll = "x"
"""
    )
    said = run("envs", XDG_CONFIG_HOME=str(config.parent), MR_STATE=str(config / "none"))
    assert said.returncode == 3
    assert "away" in said.stdout
    assert "‹U+202E›bad" in said.stdout
    done = run("envs", "--json", XDG_CONFIG_HOME=str(config.parent), MR_STATE=str(config / "none"))
    first = json.loads(done.stdout)[0]
    assert (first["name"], first["level"], first["protected"]) == ("away", "unknown", None)
    assert "127.0.0.1:9" in first["why"]


def test_a_url_is_taken_as_it_is_and_nothing_is_the_default_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MR_STATE", str(tmp_path))
    assert places.find("http://x:1", None, None).url == "http://x:1"
    assert places.find("", None, None).state == tmp_path
    assert places.find("", tmp_path / "other", None).state == tmp_path / "other"


def test_a_core_runs_while_it_holds_its_lock_whatever_core_json_says(tmp_path: Path) -> None:
    (tmp_path / "core.json").write_text(json.dumps({"pid": os.getpid()}))
    assert not places.core_runs(tmp_path)
    with (tmp_path / "core.lock").open("w") as file:
        assert not places.core_runs(tmp_path)
        fcntl.flock(file, fcntl.LOCK_EX)
        assert places.core_runs(tmp_path)
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


def test_what_the_stack_tells_programs_is_kept_nowhere_and_never_said(tmp_path: Path) -> None:
    path = tmp_path / "up.log"
    path.write_text('mrcore: no space left\n{"token": "hunter2"}\n\n')
    assert start.last_words(path) == "mrcore: no space left"
    path.write_text('{"token": "hunter2"}\n')
    assert "hunter2" not in start.last_words(path)


def test_of_two_stacks_started_at_once_the_one_that_gave_way_is_not_owned(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", "raise SystemExit(2)"])
    ended.wait()
    mine = start.Stack(tmp_path, ended, keep=False)
    assert not mine.owned
    assert "exit 2" in mine.failed()
    with (tmp_path / "stack.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert mine.failed() == "", "the other one runs"
    running = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert start.Stack(tmp_path, running, keep=False).owned
    assert not start.Stack(tmp_path, running, keep=True).owned
    running.communicate(b"\n")


def test_a_stack_that_was_found_ending_is_started_anew_once_it_has_gone(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "boot.jsonl").write_text('{"name": "stack", "state": "ready"}\n')
    (tmp_path / "core.json").write_text(json.dumps({"socket": str(tmp_path / "socket")}))
    with (tmp_path / "stack.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        found = start.stack(tmp_path, None, "none", keep=False)  # which `mrcore up` refuses
        connect = screen.connector(places.Place(state=tmp_path), "", found.ensure)
        connect()
        assert found.process is None
        assert start.steps(tmp_path)
    connect()
    assert start.steps(tmp_path) == []
    begun = found.process
    assert begun is not None
    assert found.owned
    assert begun.wait(60) == 2
    assert "Invalid value for '--scale'" in found.failed()
    connect()
    assert found.process is begun, "what failed is not tried again"


def test_an_incident_is_under_way_in_the_stack_that_is_started_anew_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import sys; open(sys.argv[-1] + '/told', 'w').write(sys.argv[2])"
    monkeypatch.setattr(incident, "_GAMEDAY", (sys.executable, "-c", code))
    (tmp_path / "logs").mkdir()
    (tmp_path / "stack.json").write_text("{}")
    os.mkfifo(tmp_path / "told")
    found = start.Stack(tmp_path, None, keep=False)
    broken = incident.Incident(found, "B")
    assert broken.hint == f"manual steps: mrcore gameday operate --state {tmp_path}"
    broken.begin()
    assert (tmp_path / "told").read_text() == "B"
    anew = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found.process = anew
    assert (tmp_path / "told").read_text() == "B"
    broken.end()
    anew.communicate(b"\n")


def test_only_a_demo_is_seeded_without_being_asked() -> None:
    assert demo._seed(argparse.Namespace(seed=None, command="demo", scenario="")) == demo.SEED
    assert demo._seed(argparse.Namespace(seed=None, command="dev", scenario="")) is None
    assert demo._seed(argparse.Namespace(seed=3, command="dev", scenario="")) == 3


def test_the_program_is_named_as_it_was_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.argv", ["/opt/mr/bin/mrtui", "demo"])
    assert places.program() == "/opt/mr/bin/mrtui"
    monkeypatch.setattr("sys.argv", ["/x/mrtui/__main__.py", "demo"])
    assert places.program() == f"{sys.executable} -m mrtui"


# Facts, on the simulated core


def test_status_lists_every_kind_and_nothing_that_could_harm_a_terminal() -> None:
    known, now = asyncio.run(status.look(simulated.Simulated))
    text = "\n".join(status.lines(known, now))
    assert "✖ local: bad at 14:02:11Z" in text
    assert "no worker for 6 min" in text
    assert all(kind.upper() in text for kind in status.KINDS if kind != "alert")
    assert text.replace("\n", "").isprintable()


def test_what_fires_is_said_first() -> None:
    known = world.World()
    known.apply(facts.snapshot())
    known.apply(wire.Changed(source="core", at=facts.NOW, upserts=tuple(facts.alerts())))
    assert check.sentence(known, facts.NOW).startswith(
        "✖ bad: alert queue_backlog_no_consumer emailQueue emailQueue: nobody works"
    )
    text = "\n".join(status.lines(known, facts.NOW))
    assert "ALERT 4\n  ✖  P1  firing" in text
    assert "anna" in text


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


@pytest.mark.parametrize("words", ["jobs", "job", "detail", "mr://bad", "mr:///"])
def test_show_refuses_what_leads_nowhere(words: str) -> None:
    done = run("show", words)
    assert done.returncode == 2
    assert done.stderr.startswith("mrtui: ")
    assert "Traceback" not in done.stderr
    assert words not in completion.words()["show"]


async def test_show_of_a_ref_that_leads_nowhere_prints_no_other_screen() -> None:
    control = app.ControlRoom(simulated.Simulated, clock=simulated.Clock())
    with pytest.raises(errors.NotFound, match="mr://huey/queue/nosuch leads nowhere"):
        await show.drawn(control, "mr://huey/queue/nosuch", (80, 24))


async def test_show_gives_up_when_the_core_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(show, "PATIENCE_S", 0.2)
    core = simulated.Simulated()
    core.down = "No core runs for here."
    control = app.ControlRoom(lambda: core, clock=simulated.Clock())
    with pytest.raises(errors.CoreUnreachable, match=r"No core runs|does not answer"):
        await show.drawn(control, "mr://a/b", (80, 24))


def test_show_names_the_screens_when_there_is_no_such() -> None:
    done = run("show", "nonsense")
    assert done.returncode == 2
    assert all(name in done.stderr for name in screens.NAMES)
