"""`mrcore doctor`: every source and the core itself, the fix as a line of its own, exit codes."""

from __future__ import annotations

import contextlib
import getpass
import grp
import hashlib
import http.server
import inspect
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from click.testing import CliRunner

from mrcore import doctor, errors, folder, settings, sources
from mrcore.cli import audit as audit_cli
from mrcore.cli import doctor as cli
from mrcore.cli import token as token_cli
from mrcore.doctor import doors
from mrcore.doctor import state as files
from mrcore.sources import backend, base, finding
from mrcore.stack import services
from mrcore.store import migrations
from mrcore.trust import anchor
from tests import servers, standins
from tests.contract import simulated_backend
from tests.core import test_audit_tampering as tampering
from tests.core import test_serve

GRANTED = ("pg_monitor", "pg_signal_backend", "pg_use_reserved_connections")


def run(tmp_path: Path, own: dict[str, Any], *argv: str) -> tuple[int, str]:
    """Exit code and output for these settings."""
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(own))
    given = ["--state", str(tmp_path / "state"), "--settings", str(file), *argv]
    result = CliRunner().invoke(cli.command, given)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


async def examine(kind: str, table: dict[str, Any]) -> dict[str, finding.Finding]:
    return {one.what: one for one in await sources.examine(kind, table)}


def bad(found: list[finding.Finding]) -> dict[str, str]:
    return {one.what: one.fix for one in found if not one.ok}


def test_every_kind_of_source_has_a_doctor() -> None:
    assert list(sources.DOCTORS) == list(sources.REGISTRY)
    for kind in sources.REGISTRY:
        module = sources.importlib.import_module(sources.DOCTORS[kind])
        assert inspect.iscoroutinefunction(module.examine), kind
        assert list(inspect.signature(module.examine).parameters)[1:] == ["now"], kind


# -- the command, on real servers


@pytest.fixture(scope="module")
def reserving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Postgres]:
    """A Postgres that reserves connections."""
    place = tmp_path_factory.mktemp("reserving")
    with servers.postgres(place, reserved_connections="2") as server:
        yield server


@pytest.fixture
def role(reserving: servers.Postgres) -> Iterator[str]:
    name = servers.new_name("watcher")
    reserving.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{servers.PASSWORD}'")
    yield name
    reserving.execute(f"DROP ROLE {name}")


@pytest.fixture
def login(valkey: servers.Valkey) -> Iterator[str]:
    name = servers.new_name("login")
    with contextlib.closing(redis.Redis.from_url(valkey.url())) as admin:
        admin.execute_command("ACL", "SETUSER", name, "on", f">{servers.PASSWORD}", "+select", "~*")
        yield name
        admin.execute_command("ACL", "DELUSER", name)


def as_login(url: str, login: str) -> str:
    return url.replace("redis://", f"redis://{login}:{servers.PASSWORD}@")


def test_the_lines_that_it_prints_lead_to_all_is_well(
    tmp_path: Path, reserving: servers.Postgres, role: str, redis_url: str, login: str
) -> None:
    url = as_login(redis_url, login)
    with contextlib.closing(redis.Redis.from_url(redis_url)) as data:
        data.sadd("mr:journal:queues", "emailQueue")
    (tmp_path / "app.log").write_text("hello\n")
    own = {
        "environment": "prod-blue",
        "sources": {
            "pg": {"dsn": reserving.dsn(user=role)},
            "cache": {"kind": "redis", "url": url},
            "huey": {"url": url},
            "logs": {"files": [str(tmp_path / "app.log")]},
        },
    }
    code, said = run(tmp_path, own)
    assert code == 1
    assert said.startswith(f"prod-blue, as {getpass.getuser()}, with settings of {tmp_path}")
    heads = [line for line in said.splitlines() if line and not line.startswith(" ")]
    assert heads[1:-1] == ["core", "pg", "cache (redis)", "huey", "logs"]
    assert "● ok       reach               Postgres 18." in said
    assert servers.PASSWORD not in said
    fixes = [line.strip() for line in said.splitlines() if line.startswith("      ")]
    assert f"GRANT pg_signal_backend TO {role};" in fixes
    with contextlib.closing(redis.Redis.from_url(redis_url)) as admin:
        for fix in fixes:
            if fix.startswith("ACL"):
                admin.execute_command(*fix.split())
            else:
                reserving.execute(fix)
    code, said = run(tmp_path, own)
    assert "missing" not in said
    assert said.splitlines()[-1].startswith("All ")
    assert code == 0
    code, said = run(tmp_path, own, "--json")
    told = json.loads(said)
    assert (code, told["exit"], told["environment"]) == (0, 0, "prod-blue")
    assert [part["name"] for part in told["parts"]] == ["core", "pg", "cache", "huey", "logs"]
    assert all(one["ok"] for part in told["parts"] for one in part["findings"])


def test_wrong_settings_of_one_source_are_said_beside_the_others(
    tmp_path: Path, redis_url: str
) -> None:
    table = {"cache": {"kind": "redis", "url": redis_url}, "pg": {"dns": "postgresql://x"}}
    code, said = run(tmp_path, {"sources": table | {"oracle": {}}})
    assert code == 2
    assert "sources.pg are wrong: dsn: Field required; dns: Extra inputs" in said
    assert "'oracle', which is not a kind of source" in said
    assert "      The kinds are backend, bull" in said
    assert "● ok       delete keys" in said
    with pytest.raises(errors.SettingsError, match="protectd"):
        run(tmp_path, {"protectd": True})


def test_what_would_not_let_the_core_start_is_wrong_settings(tmp_path: Path) -> None:
    code, said = run(tmp_path, {"logins": {"asha": ["viewer"]}})
    assert code == 2
    assert "      For example socket_group" in said
    assert run(tmp_path, {"listen": "0.0.0.0:8137"})[0] == 2


def test_secrets_and_what_a_terminal_would_obey_are_not_printed(
    tmp_path: Path, postgres: servers.Postgres
) -> None:
    secret = "hunter-2-is-long"
    own = {
        "sources": {
            "pg": {"dsn": f"postgresql://nobody:{secret}@127.0.0.1:{postgres.port}/postgres"},
            "red\x1b[2J\u202eis": {"kind": "redis", "url": f"redis://:{secret}@127.0.0.1:1/0"},
            "backend": {"urls": {"blue": f"http://user:{secret}@127.0.0.1:1"}},
        }
    }
    for argv in ((), ("--json",)):
        code, said = run(tmp_path, own, *argv)
        assert code == 1
        assert secret not in said
        assert all(char.isprintable() or char == "\n" for char in said)
    assert said.count('"ok": false') == 3


async def test_one_that_hangs_delays_nobody(state: Path, tmp_path: Path) -> None:
    (tmp_path / "app.log").touch()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and answers nothing
        port = silent.getsockname()[1]
        own = settings.Settings(
            sources={
                "cache": {"kind": "redis", "url": f"redis://127.0.0.1:{port}/0"},
                "logs": {"folder": str(tmp_path)},
            }
        )
        where = folder.StateFolder(state)
        core, cache, logs = await doctor.examine(where, own, now=base.utc_now, deadline_s=0.5)
    assert cache.late
    assert cache.findings == (
        finding.Finding("reach", False, "No answer within 0.5 s.", known=False),
    )
    assert (core.late, logs.late) == (False, False)
    assert not bad(list(logs.findings))


def test_a_look_that_hangs_does_not_hold_the_command(tmp_path: Path) -> None:
    code = (
        "import sys, time, mrcore.doctor as doctor, mrcore.cli.doctor as cli\n"
        "doctor.DEADLINE_S = 0.3\n"
        "doctor.examine.__kwdefaults__['deadline_s'] = 0.3\n"
        "doctor.state.examine = lambda *_: time.sleep(600)\n"
        "sys.argv = ['mrcore', '--state', sys.argv[1]]\ncli.command()\n"
    )
    argv = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "? unknown  reach" in done.stdout


# -- the other kinds


async def test_log_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "good.log").touch()
    (tmp_path / "folder.log").mkdir()
    table = {"folder": str(tmp_path), "files": [str(tmp_path / "gone.log")]}
    found = await examine("logs", table)
    assert found["read"].sentence == "1 file (good) can be read."
    assert "is a folder" in found["folder"].sentence
    assert found["gone"].sentence == f"{tmp_path}/gone.log does not exist."
    nothing = await examine("logs", {"files": [str(tmp_path / "*.txt")]})
    assert not nothing["read"].ok
    assert "*.txt" in nothing["read"].sentence


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_the_right_to_read_is_named_as_the_command_that_gives_it(tmp_path: Path) -> None:
    place = Path("/tmp") / servers.new_name("mr-doctor")  # pytest's own folders are root's only
    place.mkdir(mode=0o755)
    try:
        (place / "closed").mkdir(mode=0o700)
        for name, mode in (("a.log", 0o600), ("b.log", 0o640), ("closed/c.log", 0o644)):
            (place / name).touch()
            (place / name).chmod(mode)
        os.chown(place / "b.log", 0, 4)
        files_ = [str(place / name) for name in ("a.log", "b.log", "closed/c.log")]
        os.seteuid(65534)
        try:
            found = await examine("logs", {"files": files_})
        finally:
            os.seteuid(0)
    finally:
        shutil.rmtree(place)
    user = getpass.getuser()
    assert found["a"].fix == f"setfacl -m u:{user}:r {place}/a.log"
    assert found["b"].fix == f"usermod -aG {grp.getgrgid(4).gr_name} {user}"
    assert found["c"].fix == f"setfacl -m u:{user}:x {place}/closed"
    assert not found["read"].ok


async def test_colours_of_a_backend() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), simulated_backend.Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        blue = f"http://127.0.0.1:{server.server_address[1]}"
        urls = {"blue": blue, "green": f"http://127.0.0.1:{services.free_port()}"}
        found = await examine("backend", {"urls": urls})
        server.shutdown()
    assert found["blue"].ok
    assert f"{blue}{backend.PATH} answers: " in found["blue"].sentence
    assert found["green"].fix == f"curl -i {urls['green']}{backend.PATH}"
    assert "nobody listens there" in found["green"].sentence


async def test_a_stack_that_is_not_there_or_not_supervised(state: Path) -> None:
    found = await examine("stack", {"state": str(state)})
    assert found["reach"].fix == f"mrcore up --state {state}"
    where = folder.StateFolder(state).make()
    row = {"name": "valkey", "state": "ready", "pid": os.getpid()}
    where.write_json("processes.json", {"at": "2026-03-01T12:00:00Z", "processes": [row]})
    found = await examine("stack", {"state": str(state)})
    assert found["supervisor"].sentence == "There is no supervisor: mrcore up has ended."
    with where.lock("stack.lock", ""):
        found = await examine("stack", {"state": str(state)})
    assert found["restart"].ok


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recorded tools and nothing else on PATH."""
    standins.lay(tmp_path / "bin")
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    (tmp_path / "bin" / "env").symlink_to(shutil.which("env") or "")
    (tmp_path / "pm2").mkdir()
    (tmp_path / "pm2" / "rpc.sock").touch()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def deployment(tmp_path: Path) -> dict[str, Any]:
    """A unit of each adapter, colours without health, and a pinned switch."""
    script, current = tmp_path / "it.sh", tmp_path / "current"
    script.write_text("#!/bin/sh\n")
    current.write_text("blue\n")
    pin = {"adapter": "script", "sha256": hashlib.sha256(script.read_bytes()).hexdigest()}
    return {
        "current": str(current),
        "units": {
            "worker": {"adapter": "systemd", "unit": "mr-worker.service", "sudo": True},
            "blue": {"adapter": "docker", "unit": "api-blue"},
            "app": {"adapter": "pm2", "unit": "api", "home": str(tmp_path / "pm2")},
            "web": {"adapter": "kubectl", "unit": "api", "namespace": "prod"},
            "own": {**pin, "argv": [str(script)], "pid_file": str(tmp_path / "pid")},
        },
        "colours": {"blue": {}, "green": {"health": "http://127.0.0.1:1/api/health"}},
        "switch": {**pin, "argv": [str(script), "{colour}"]},
    }


async def test_a_deployment_of_which_all_is_allowed(tools: Path, tmp_path: Path) -> None:
    found = await examine("deploy", deployment(tmp_path))
    missing = {what: one for what, one in found.items() if not one.ok}
    assert missing.keys() == {"health of blue"}
    assert found["worker"].sentence == "mr-worker.service on systemd is ready."
    assert found["restart worker"].sentence.startswith("sudo lets")
    assert found["live colour"].sentence == "blue has the traffic."
    assert found["health of green"].sentence.endswith("and it has no traffic.")
    assert found["switch"].sentence == f"{tmp_path}/it.sh has the pinned content."


async def test_what_a_deployment_lacks_is_named_as_lines(tools: Path, tmp_path: Path) -> None:
    table = deployment(tmp_path)
    for tool in ("sudo", "docker", "pm2", "kubectl"):
        standins.know(tools, tool, refuses=True)
    (tmp_path / "it.sh").write_text("#!/bin/sh\nevil\n")
    found = await examine("deploy", table)
    user = getpass.getuser()
    rule = f"{user} ALL=(root) NOPASSWD: {tools}/systemctl restart mr-worker.service"
    assert found["restart worker"].fix == rule
    assert found["restart worker"].sentence.endswith("Needs this line in /etc/sudoers.d/mrcore:")
    assert found["blue"].fix == f"usermod -aG docker {user}"
    assert "run the core as that user" in found["app"].fix
    assert found["restart web"].fix.startswith("kubectl -n prod create role mrcore --verb=get,")
    for what in ("restart own", "switch"):
        assert "is not the script that the settings pin" in found[what].sentence
    assert all(not one.ok for what, one in found.items() if what.startswith("restart"))


async def test_a_tool_that_is_missing_hides_no_other_unit(tools: Path, tmp_path: Path) -> None:
    (tools / "docker").unlink()
    found = await examine("deploy", deployment(tmp_path))
    assert found["blue"].sentence == "The tool docker is not on the PATH of the core."
    assert found["restart worker"].ok
    wrong = {"units": {"a": {"adapter": "docker"}, "b": {"adapter": "docker", "unit": "--x"}}}
    with pytest.raises(errors.SettingsError, match="unit"):
        await examine("deploy", wrong)


async def test_the_unit_that_runs_hueys_workers(tools: Path, redis_url: str) -> None:
    restart = {"adapter": "docker", "unit": "api-blue"}
    found = await examine("huey", {"url": redis_url, "restart": restart})
    assert found["workers"].sentence == "api-blue on docker is ready, mentor/api:2026.03.1."
    assert found["restart workers"].ok
    (tools / "docker").unlink()
    found = await examine("huey", {"url": redis_url, "restart": restart})
    assert found["workers"].sentence == "The tool docker is not on the PATH of the core."
    assert found["act on jobs"].ok


# -- the core itself


@pytest.fixture
def where(state: Path) -> folder.StateFolder:
    """A state folder whose audit has a row, anchored."""
    CliRunner().invoke(token_cli.command, ["create", "asha", "--state", str(state)])
    return folder.StateFolder(state)


def look(where: folder.StateFolder, **own: Any) -> list[finding.Finding]:
    return files.examine(where, settings.Settings(**own), base.utc_now)


def test_a_state_folder_that_is_well(where: folder.StateFolder) -> None:
    found = look(where)
    assert bad(found) == {}
    assert any(one.sentence.startswith("1 rows are a whole chain") for one in found)


def test_what_others_may_read_is_named(where: folder.StateFolder) -> None:
    (where / "ledger.sqlite").chmod(0o644)
    assert bad(look(where)) == {"state folder": f"chmod -R go-rwx {where.path}"}


def test_an_audit_that_was_tampered_with(where: folder.StateFolder) -> None:
    tampering.Place(where.path).tamper(lambda rows: [])
    known = anchor.default_path(where.path)
    fix = f"mrcore audit verify --state {where.path} --anchor {known}"
    assert bad(look(where))["audit"] == fix


@pytest.mark.parametrize("named", [False, True])
def test_the_line_for_a_missing_anchor_helps(
    where: folder.StateFolder, tmp_path: Path, named: bool
) -> None:
    anchor.default_path(where.path).unlink()
    own = {"audit_anchor": tmp_path / "elsewhere" / "audit.json"} if named else {}
    fix = bad(look(where, **own))["audit"].replace("mrcore audit", "$PYTHON -m mrcore audit")
    subprocess.run(fix, shell=True, check=True, env={**os.environ, "PYTHON": sys.executable})
    assert bad(look(where, **own)) == {}


def test_an_audit_without_rows_is_anchored_only_where_an_anchor_is(state: Path) -> None:
    where = folder.StateFolder(state)
    with contextlib.closing(sqlite3.connect(where.make() / "ledger.sqlite")) as connection:
        migrations.apply(connection, where / "ledger.sqlite", "ledger")
    (where / "ledger.sqlite").chmod(0o600)
    known = anchor.default_path(where.path)
    said = next(one for one in look(where) if one.what == "audit")
    assert said.sentence.startswith(f"There is no anchor {known}")
    verify = CliRunner().invoke(audit_cli.command, ["verify", "--state", str(state)])
    assert (verify.exit_code, f"There is no anchor {known}" in verify.output) == (3, True)


def test_an_anchor_beside_what_it_anchors(where: folder.StateFolder) -> None:
    assert bad(look(where, audit_anchor=where / "anchor.json")).keys() == {"anchor", "audit"}


def test_a_clock_that_went_back(where: folder.StateFolder) -> None:
    found = files.examine(where, settings.Settings(), lambda: base.utc_now() - timedelta(hours=1))
    assert bad(found).keys() == {"clock"}


def test_files_of_a_newer_release_and_damaged_ones(where: folder.StateFolder) -> None:
    with contextlib.closing(sqlite3.connect(where / "ledger.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")
    (where / "history.sqlite").write_bytes(b"not a database, but long enough to be read" * 20)
    (where / "history.sqlite").chmod(0o600)
    found = {one.what: one.sentence for one in look(where) if not one.ok}
    assert "newer release (schema 99" in found["ledger"]
    assert "not a database" in found["history"]


def test_a_group_that_may_open_the_socket(state: Path, tmp_path: Path) -> None:
    where, mine = folder.StateFolder(state), grp.getgrgid(os.getgid()).gr_name
    own = {"socket": tmp_path / "core.sock", "socket_group": mine}
    tmp_path.chmod(0o711)
    found = doors.socket(where, settings.Settings(**own, logins={"no-such-user": ("viewer",)}))
    assert bad(found) == {"login": "useradd -m no-such-user"}
    assert getpass.getuser() in found[0].sentence
    tmp_path.chmod(0o700 if os.getgid() != tmp_path.stat().st_gid else 0o600 | 0o100)
    assert bad(doors.socket(where, settings.Settings(**own))) == {
        "socket's folder": f"chmod a+x {tmp_path}"
    }
    tmp_path.chmod(0o777)
    assert bad(doors.socket(where, settings.Settings(**own))) == {
        "socket's folder": f"chmod o-w {tmp_path}"
    }
    with pytest.raises(errors.SettingsError, match="no such group"):
        doors.socket(where, settings.Settings(**{**own, "socket_group": "no-such-group"}))


def certificate(tmp_path: Path, days: int) -> dict[str, Any]:
    """Settings of TLS with a certificate for localhost that lasts for so long."""
    paths = {"tls_certificate": tmp_path / "tls.crt", "tls_key": tmp_path / "tls.key"}
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += ["-nodes", "-days", str(days), "-subj", "/CN=localhost"]
    argv += ["-addext", "subjectAltName=DNS:localhost,DNS:*.internal,IP:127.0.0.1"]
    argv += ["-keyout", str(paths["tls_key"]), "-out", str(paths["tls_certificate"])]
    subprocess.run(argv, check=True, capture_output=True)
    paths["tls_key"].chmod(0o600)
    return paths


def test_a_certificate_and_its_key(state: Path, tmp_path: Path) -> None:
    def listens(**own: Any) -> list[finding.Finding]:
        own = {"listen": "127.0.0.1:0", **own}
        return doors.listen(folder.StateFolder(state), settings.Settings(**own), base.utc_now)

    paths = certificate(tmp_path, 90)
    assert bad(listens(**paths, hosts=("mrcore.internal", "127.0.0.1"))) == {}
    named = [one.sentence for one in listens(**paths, hosts=("a.b.internal",)) if not one.ok]
    assert named == [f"{paths['tls_certificate']} does not name a.b.internal: clients refuse it."]
    soon = [one.sentence for one in listens(**certificate(tmp_path, 7)) if not one.ok]
    assert [sentence.endswith("days left): renew it.") for sentence in soon] == [True]
    paths["tls_key"].chmod(0o644)
    with pytest.raises(errors.SettingsError) as caught:
        listens(**paths)
    assert caught.value.fix == f"chmod 600 {paths['tls_key']}"


async def test_a_lock_that_is_held_and_nobody_answers(where: folder.StateFolder) -> None:
    assert [one.ok for one in await doors.running(where)] == [True]
    where.write_json("core.json", {"pid": os.getpid(), "socket": "/nowhere", "version": "0.0"})
    with where.lock("core.lock", ""):
        found = await doors.running(where)
    assert [one.ok for one in found] == [False]
    assert found[0].sentence.endswith("and does not answer on /nowhere.")


async def test_a_core_that_runs_and_one_of_another_release(where: folder.StateFolder) -> None:
    with test_serve.serving(where.path) as process:
        (found,) = await doors.running(where)
        assert found.ok
        assert f"runs as process {process.pid} and answers on" in found.sentence
        assert bad(look(where)) == {}
        about = where.read_json("core.json")
        assert about
        where.write_json("core.json", {**about, "version": "0.0.1"})
        assert bad(await doors.running(where)) == {"release": f"kill {process.pid}  # and start it"}
