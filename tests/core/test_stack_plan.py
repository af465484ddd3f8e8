"""What a stack is planned to be: given servers, settings, seeds done, leftovers swept."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from mrcore import folder, settings, sources
from mrcore.stack import addresses, credentials, plan, seeded, sweep, switching
from tests import waiting
from tests.core import small_stack


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[stack]\npostgres = "mysql://x"', "stack.postgres is not the URL of a server."),
        ('[stack]\nredis = "redis://127.0.0.1:1/0"', "Nothing accepts connections at 127.0.0.1:1."),
        ("nonsense = 1", "nonsense"),
    ],
)
def test_wrong_settings_are_a_sentence(state: Path, tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    done = small_stack.up(state, "--settings", str(file))
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_given_servers_are_used_and_not_started(state: Path) -> None:
    given = {
        "postgres": "postgresql://me:p%40ss@127.0.0.1:6000/x?a=b",
        "redis": "rediss://h:6001/3",
    }
    whole = planned(state, given)
    names = [spec.name for spec in whole.specs()]
    assert not {"initdb", "postgres", "valkey"} & set(names)
    core = whole.core_settings()["sources"]
    assert core["pg"]["dsn"].startswith("postgresql://mr_watcher:")
    assert core["pg"]["dsn"].endswith("@127.0.0.1:6000/mentor?a=b")
    assert core["redis"]["url"] == core["huey"]["url"] == "rediss://h:6001/3"
    env = whole.mentor_env()
    assert (env["DB_HOST"], env["DB_PORT"]) == ("127.0.0.1", "6000")
    assert (env["REDIS_HOST"], env["REDIS_PORT"], env["REDIS_DB"]) == ("h", "6001", "3")
    seed = next(spec for spec in whole.specs() if spec.name == "seed")
    assert seed.env["MR_ADMIN_DSN"] == given["postgres"]


def planned(state: Path, given: dict[str, str]) -> plan.Plan:
    wanted = settings.Settings(stack=settings.StackSettings.model_validate(given))
    place = folder.StateFolder(state).make()
    words = credentials.of(place)
    return plan.Plan(place, wanted, words, addresses.choose(wanted.stack, words), 7, "small")


async def test_leftovers_are_swept_only_when_they_are_ours(state: Path) -> None:
    place = folder.StateFolder(state).make()
    argv = [sys.executable, "-I", "-S", "-c", "input()"]
    pipe = subprocess.PIPE
    ours, reused, renamed = (subprocess.Popen(argv, stdin=pipe) for _ in range(3))

    def row(process: subprocess.Popen[bytes], began_s: float, command: str) -> dict[str, Any]:
        return {"name": "x", "pid": process.pid, "started_s": began_s, "command": command}

    began = [psutil.Process(p.pid).create_time() for p in (ours, reused, renamed)]
    # A command line is readable only a moment after exec.
    await waiting.until(lambda: psutil.Process(ours.pid).cmdline())
    rows = [
        row(ours, began[0], f"{sys.executable} -m mrcore worker"),
        row(reused, began[1] - 60, f"{sys.executable} -m mrcore worker"),
        row(renamed, began[2], "/usr/bin/other -m mrcore worker"),
        {"name": "never started", "pid": None, "started_s": None, "command": "x"},
        {"name": "of another version"},
    ]
    place.write_json("processes.json", {"processes": rows})
    assert [p.pid for p in sweep.leftovers(place)] == [ours.pid]
    assert sweep.sweep(place) == 1
    assert not psutil.pid_exists(ours.pid)
    assert (reused.poll(), renamed.poll()) == (None, None)
    for process in (reused, renamed):
        process.kill()
    for process in (ours, reused, renamed):
        process.communicate()


SOURCES = {
    "pg",
    "redis",
    "huey",
    "rq",
    "logs",
    "backend",
    "slots",
    "deploy",
    "stack",
    "host",
    "upstreams",
    "meetings",
}
OWN = addresses.Server("postgresql://me:word@127.0.0.1:6000/postgres", own=True)
GIVEN = addresses.Server("postgresql://me:word@db:6000/postgres", own=False)


@pytest.mark.parametrize(
    ("server", "seed", "scale", "covered"),
    [
        (OWN, 7, "small", True),
        (OWN, None, "small", True),
        (OWN, 8, "small", False),
        (OWN, 7, "large", False),
        (GIVEN, 7, "small", False),
    ],
)
def test_a_seed_is_done_once(
    state: Path, server: addresses.Server, seed: int | None, scale: str, covered: bool
) -> None:
    place = folder.StateFolder(state).make()
    assert not seeded.covers(place, seeded.stamp(OWN, 7, "small"))
    seeded.keep(place, seeded.stamp(OWN, 7, "small"))
    assert seeded.covers(place, seeded.stamp(server, seed, scale)) is covered
    assert seeded.seed(place) == 7
    assert "word" not in (state / "seeded.json").read_text()


def test_a_schema_of_another_version_is_applied_and_keeps_the_seed(state: Path) -> None:
    place = folder.StateFolder(state).make()
    older = {**seeded.stamp(OWN, 7, "small"), "schema": "older"}
    seeded.keep(place, older)
    wanted = seeded.stamp(OWN, None, "small")
    assert not seeded.covers(place, wanted)
    seeded.keep(place, wanted)
    assert seeded.covers(place, seeded.stamp(OWN, 7, "small"))


def test_the_stack_never_asks_again_what_its_folder_has(state: Path) -> None:
    whole = planned(state, {})
    names = [spec.name for spec in whole.specs()]
    assert names[:5] == ["serve", "initdb", "postgres", "valkey", "seed"]
    seeded.keep(whole.state, seeded.stamp(whole.places.postgres, 7, "small"))
    assert "seed" in [spec.name for spec in whole.specs()]  # a new cluster has no data
    (state / "postgres").mkdir()
    names = [spec.name for spec in planned(state, {}).specs()]
    assert names[:3] == ["serve", "postgres", "valkey"]
    assert "seed" not in names


def test_secrets_reach_only_who_needs_them(state: Path) -> None:
    whole = planned(state, {})
    words = whole.words
    told = {spec.name: " ".join(spec.env.values()) for spec in whole.specs()}
    assert {name for name, env in told.items() if words.postgres in env} == {"seed"}
    assert {name for name, env in told.items() if words.watcher in env} == {"seed"}
    mentor = {"seed", "upstreams", "worker", "rqworker", "backend-blue", "backend-green"}
    assert {name for name, env in told.items() if words.app in env} == mentor
    assert not [spec.name for spec in whole.specs() if words.redis in " ".join(spec.argv)]


def test_the_users_settings_reach_the_core_by_its_file_alone(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MRCORE_READ_ONLY", "true")
    place = folder.StateFolder(state).make()
    more = {"pg": {"kind": "pg", "dsn": "postgresql://x"}, "other": {"kind": "redis"}}
    wanted = settings.Settings(environment="staging", protected=True, sources=more)
    words = credentials.of(place)
    whole = plan.Plan(place, wanted, words, addresses.choose(wanted.stack, words), None, "small")
    core = whole.core_settings()
    assert (core["environment"], core["protected"]) == ("staging", True)
    assert core["read_only"] is True
    assert core["listen"] == f"127.0.0.1:{whole.places.control_port}"
    assert core["audit_anchor"] == str(place / "audit-anchor.json")
    assert core["sources"]["pg"] == more["pg"]
    assert set(core["sources"]) == SOURCES | {"other"}
    assert not [key for spec in whole.specs() for key in spec.env if key.startswith("MRCORE_")]


def test_the_switch_is_laid_as_it_is_pinned_and_stays_turned(state: Path) -> None:
    whole = planned(state, {})
    switching.lay(whole.state)
    assert switching.current(whole.state).read_text() == "blue\n"
    table = whole.core_settings()["sources"]["deploy"]
    script = Path(table["switch"]["argv"][0])
    assert script.stat().st_mode & 0o777 == 0o500
    assert hashlib.sha256(script.read_bytes()).hexdigest() == table["switch"]["sha256"]
    described = sources.build("deploy", table)[0].describe()
    assert (described.kinds, described.actions) == (("colour",), ("deploy.switch",))
    switching.current(whole.state).write_text("green\n")
    switching.lay(whole.state)
    assert switching.current(whole.state).read_text() == "green\n"
    switch = next(spec for spec in whole.specs() if spec.name == "switch")
    assert not switch.after
    assert whole.ready_line()["switch"].endswith(switch.argv[switch.argv.index("--port") + 1])
    assert {spec.env["MR_SUPERVISED"] for spec in whole.specs()} == {"1"}
