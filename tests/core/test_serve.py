"""`mrcore serve` as a process: one a folder, found by others, private, and gone when it ends."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import signal
import ssl
import stat
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import fastapi
import httpx
import psutil
import pytest

from mrcore import client, errors, folder, settings, ways
from mrcore.api import server, tls
from mrcore.stack import logfile
from tests import waiting

SERVE = (sys.executable, "-m", "mrcore", "serve")


def facts(state: Path) -> dict[str, Any]:
    """What the core says in core.json, an empty dict without one."""
    try:
        value: dict[str, Any] = json.loads((state / "core.json").read_text())
    except (OSError, ValueError):
        return {}
    return value


def settings_file(state: Path, **settings: Any) -> str:
    """A settings file beside the state folder."""
    path = state.with_name("settings.json")
    path.write_text(json.dumps(settings))
    return str(path)


@contextlib.contextmanager
def serving(state: Path, *extra: str) -> Iterator[subprocess.Popen[bytes]]:
    """A core of its own process that has said that it is ready."""
    read, write = os.pipe()
    argv = [*SERVE, "--state", str(state), *extra]
    environment = {**os.environ, "MR_READY_FD": str(write)}
    with subprocess.Popen(argv, pass_fds=(write,), env=environment) as process:
        os.close(write)
        try:
            assert os.read(read, 1) == b"1", "the core did not become ready"
            yield process
        finally:
            os.close(read)
            process.kill()


def detach(state: Path, *extra: str) -> subprocess.CompletedProcess[str]:
    """Run `mrcore serve --detach`."""
    argv = [*SERVE, "--state", str(state), "--detach", *extra]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


async def gone(pid: int) -> None:
    """Wait until a process that is not our child has ended."""

    def ended() -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        return True

    await waiting.until(ended, what="the core's end")


async def test_it_says_where_it_is_answers_and_leaves_nothing_behind(state: Path) -> None:
    with serving(state) as process:
        found = facts(state)
        assert found["pid"] == process.pid
        assert found["control"] == ""
        socket = Path(found["socket"])
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        async with client.CoreClient.at(state=state) as me:
            assert (await me.me()).core_pid == process.pid
        process.terminate()
        assert process.wait(20) == 0
    assert facts(state) == {}
    assert not socket.exists()


async def _drain(events: AsyncIterator[client.Event]) -> None:
    async for _ in events:
        pass


async def test_it_stops_cleanly_while_a_screen_listens_and_a_page_waits(state: Path) -> None:
    with serving(state) as process:
        async with client.CoreClient.at(state=state) as screen:
            stream = screen.changes()
            await anext(stream)
            process.send_signal(signal.SIGHUP)
            with pytest.raises(errors.CoreUnreachable, match="ended the stream"):
                await _drain(stream)
        assert process.wait(20) == 0


def test_a_second_core_of_the_same_folder_is_refused_with_the_first_ones_pid(state: Path) -> None:
    with serving(state) as process:
        argv = [*SERVE, "--state", str(state)]
        second = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 2
        assert f"Process {process.pid} is already the core of {state}." in second.stderr
        assert "Traceback" not in second.stderr


async def test_a_killed_core_leaves_a_folder_that_the_next_one_takes(state: Path) -> None:
    with serving(state) as process:
        process.kill()
        process.wait()
    with pytest.raises(errors.CoreUnreachable, match="has gone"):
        async with client.CoreClient.at(state=state) as me:
            await me.me()
    with serving(state) as again:
        async with client.CoreClient.at(state=state) as me:
            assert (await me.me()).core_pid == again.pid


async def test_detached_it_outlives_its_starter_and_is_found_the_second_time(state: Path) -> None:
    first = detach(state)
    assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
    pid = facts(state)["pid"]
    assert os.getsid(pid) == pid
    second = detach(state)
    assert (second.returncode, facts(state)["pid"]) == (0, pid)
    os.kill(pid, signal.SIGTERM)
    await gone(pid)
    assert facts(state) == {}


async def test_a_large_log_of_a_detached_core_is_set_aside(state: Path) -> None:
    log = folder.StateFolder(state).make() / "logs" / "core.log"
    log.parent.mkdir()
    with log.open("wb") as file:
        file.truncate(logfile.LIMIT_BYTES + 1)
    assert detach(state).returncode == 0
    pid = facts(state)["pid"]
    assert log.with_name("core.log.1").stat().st_size == logfile.LIMIT_BYTES + 1
    assert log.stat().st_size < 100_000
    os.kill(pid, signal.SIGTERM)
    await gone(pid)


def test_detached_with_wrong_settings_it_says_why(state: Path) -> None:
    started = detach(state, "--settings", settings_file(state, colour="red"))
    assert started.returncode == 2
    assert "colour" in started.stderr
    assert "Traceback" not in started.stderr


async def test_nobody_there_ends_a_core_that_may_end_by_itself(state: Path) -> None:
    path = settings_file(state, idle_exit_s=0.3)
    with serving(state, "--idle-exit", "--settings", path) as process:
        async with client.CoreClient.at(state=state) as screen:
            until_s = time.monotonic() + 1.0  # over three times as long as it would stay alone
            async with contextlib.aclosing(screen.changes()) as stream:
                while time.monotonic() < until_s:
                    await anext(stream)
            assert process.poll() is None
        assert process.wait(20) == 0


async def test_tcp_is_loopback_and_wants_the_token_of_the_folder(
    state: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(state, "--settings", settings_file(state, listen="127.0.0.1:0")) as process:
        url = facts(state)["control"]
        assert f"core.sock and on {url}." in capfd.readouterr().err
        assert url.startswith("http://127.0.0.1:")
        token = (state / "token").read_text()
        assert stat.S_IMODE((state / "token").stat().st_mode) == 0o600
        async with client.CoreClient.at(url=url, token=token) as remote:
            assert (await remote.me()).via == "token"
        async with client.CoreClient.at(url=url, token="mr_0_wrong") as stranger:
            with pytest.raises(errors.Unauthenticated):
                await stranger.me()
            with pytest.raises(errors.Unauthenticated):
                await anext(stranger.changes())
        async with httpx.AsyncClient(base_url=url, timeout=waiting.LONG_S) as nobody:
            response = await nobody.get("/api/v1/me")
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
            assert (await nobody.get("/metrics")).status_code == 401
            assert (await nobody.get("/livez")).status_code == 200
        argv = [sys.executable, "-m", "mrcore", "token", "create", "asha", "--state", str(state)]
        bearer = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
        async with client.CoreClient.at(state=state, token=bearer) as asha:
            assert (await asha.me()).login == "asha"
        process.terminate()
        process.wait(20)
    assert not (state / "token").exists()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of localhost that nobody else vouches for, and its key."""
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += ["-nodes", "-days", "2", "-subj", "/CN=core.test", "-keyout", str(key)]
    argv += ["-addext", "subjectAltName=DNS:localhost,DNS:core.test,IP:127.0.0.1"]
    subprocess.run([*argv, "-out", str(certificate)], check=True, capture_output=True)
    key.chmod(0o600)
    return certificate, key


async def test_tcp_with_a_certificate_speaks_only_tls_and_the_socket_does_not(
    state: Path, certificate: tuple[Path, Path]
) -> None:
    path = settings_file(
        state,
        listen="127.0.0.1:0",
        tls_certificate=str(certificate[0]),
        tls_key=str(certificate[1]),
        hosts=["localhost"],
    )
    with serving(state, "--settings", path) as process:
        url, token = facts(state)["control"], (state / "token").read_text()
        assert url.startswith("https://localhost:")
        async with client.CoreClient.at(url=url, token=token, ca=certificate[0]) as remote:
            assert (await remote.me()).via == "token"
            stream = remote.changes()
            await anext(stream)
            await stream.aclose()
        async with client.CoreClient.at(url=url, token=token) as trusting_others:
            with pytest.raises(errors.CoreUnreachable, match=r"(?i)certificate"):
                await trusting_others.me()
        clear = url.replace("https", "http")
        async with client.CoreClient.at(url=clear, token=token) as unsecured:
            with pytest.raises(errors.CoreUnreachable):
                await unsecured.me()
        old = ssl.create_default_context(cafile=certificate[0])
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        async with httpx.AsyncClient(verify=old, base_url=url, timeout=waiting.LONG_S) as http:
            with pytest.raises(httpx.ConnectError):
                await http.get("/livez")
        async with client.CoreClient.at(state=state) as local:
            assert (await local.me()).via == "socket"
        process.terminate()
        assert process.wait(20) == 0


async def test_a_name_that_is_not_the_cores_is_refused_over_tls_and_another_scheme_is_foreign(
    state: Path, certificate: tuple[Path, Path]
) -> None:
    path = settings_file(
        state,
        listen="127.0.0.1:0",
        tls_certificate=str(certificate[0]),
        tls_key=str(certificate[1]),
        hosts=["Core.test"],
    )
    with serving(state, "--settings", path):
        url = facts(state)["control"].replace("Core.test", "localhost")
        verify = ssl.create_default_context(cafile=certificate[0])
        async with httpx.AsyncClient(
            verify=verify, base_url=url, trust_env=False, timeout=waiting.LONG_S
        ) as http:
            for headers, status in (
                ({"Host": "core.test"}, 200),
                ({"Host": "core.test", "Origin": "https://core.test"}, 200),
                ({"Host": "core.test", "Origin": "http://core.test"}, 403),
                ({"Host": "other.test"}, 403),
            ):
                assert (await http.get("/livez", headers=headers)).status_code == status, headers


def test_a_certificate_that_cannot_be_used_is_said_in_a_sentence(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    good, key = certificate

    def say(**own: Any) -> str:
        with pytest.raises(errors.SettingsError) as caught:
            tls.context(settings.Settings(**{"listen": "127.0.0.1:1", **own}))
        return str(caught.value)

    assert tls.context(settings.Settings()) is None
    assert "tls_key is not set" in say(tls_certificate=good)
    assert "tls_certificate is not set" in say(tls_key=key)
    assert "listen is not" in say(tls_certificate=good, tls_key=key, listen="")
    assert "hosts is empty" in say(tls_certificate=good, tls_key=key, listen="0.0.0.0:1")
    assert "cannot be read" in say(tls_certificate=good, tls_key=tmp_path / "none")
    assert "cannot be used" in say(tls_certificate=tmp_path / "none", tls_key=key)
    assert "cannot be used" in say(tls_certificate=key, tls_key=key)
    locked = tmp_path / "locked.key"
    argv = ["openssl", "ec", "-in", str(key), "-aes256", "-passout", "pass:x", "-out", str(locked)]
    subprocess.run(argv, check=True, capture_output=True)
    locked.chmod(0o600)
    assert "encrypted" in say(tls_certificate=good, tls_key=locked)
    key.chmod(0o640)
    assert tls.context(settings.Settings(listen="[::1]:1", tls_certificate=good, tls_key=key))
    key.chmod(0o604)
    assert f"chmod 600 {key}" in say(tls_certificate=good, tls_key=key)


def test_tls_that_cannot_be_had_ends_the_command_with_that_sentence(
    state: Path, certificate: tuple[Path, Path]
) -> None:
    certificate[1].chmod(0o644)
    path = settings_file(
        state,
        listen="127.0.0.1:0",
        tls_certificate=str(certificate[0]),
        tls_key=str(certificate[1]),
    )
    argv = [*SERVE, "--state", str(state), "--settings", path]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.startswith("mrcore: Others may read the key")) == (2, True)
    assert not (state / "core.json").exists()


ASKS = """
import http.client, os, socket, sys
os.setgroups([int(sys.argv[2])] if sys.argv[2] else []); os.setgid(65534); os.setuid(65534)
c = http.client.HTTPConnection("mrcore")
c.sock = socket.socket(socket.AF_UNIX); c.sock.connect(sys.argv[1])
c.request("GET", "/api/v1/me", headers={"Authorization": sys.argv[3]} if sys.argv[3:] else {})
print(c.getresponse().read().decode())
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
async def test_the_users_of_a_group_open_the_socket_and_show_their_tokens(state: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        Path(short).chmod(0o755)
        path = Path(short) / "core.sock"
        group = grp.getgrnam("daemon")
        own = {"socket": str(path), "socket_group": "daemon"}
        nobody = pwd.getpwuid(65534).pw_name

        def ask(*argv: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-c", ASKS, str(path), *argv]
            return subprocess.run(command, capture_output=True, text=True, check=False)

        with serving(state, "--settings", settings_file(state, **own)):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            assert path.stat().st_gid == group.gr_gid
            assert "PermissionError" in ask("").stderr
            assert "is not the one" in ask(str(group.gr_gid)).stdout
            argv = [sys.executable, "-m", "mrcore", "token", "create", "asha"]
            argv += ["--state", str(state)]
            bearer = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
            me = json.loads(ask(str(group.gr_gid), f"Bearer {bearer}").stdout)
            assert (me["login"], me["via"], me["uid"], me["token"]) == ("asha", "token", 65534, 1)
            async with client.CoreClient.at(state=state) as own_user:
                assert (await own_user.me()).roles == ("admin",)
        logins = {nobody: ["viewer"]}
        with serving(state, "--settings", settings_file(state, logins=logins, **own)):
            me = json.loads(ask(str(group.gr_gid)).stdout)
            assert (me["login"], me["via"], me["roles"]) == (nobody, "socket", ["viewer"])


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"socket": "SOCKET", "socket_group": "no such group"}, "no such group"),
        ({"socket_group": "daemon"}, "socket is not"),
        ({"logins": {"nobody": ["viewer"]}}, "socket_group is not"),
        ({"logins": {"nobody": []}}, "logins.nobody"),
        ({"logins": {"nobody": ["boss"]}}, "logins.nobody"),
    ],
)
def test_a_socket_that_others_could_not_open_as_meant_is_refused(
    state: Path, tmp_path: Path, own: dict[str, Any], said: str
) -> None:
    own = {**own, **({"socket": str(tmp_path / "s")} if "socket" in own else {})}
    argv = [*SERVE, "--state", str(state), "--settings", settings_file(state, **own)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_where_the_socket_should_be_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(errors.StackError, match="cannot be made"):
        server.bind_unix(path)
    assert path.read_text() == "precious"


def test_a_socket_at_which_somebody_answers_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with server.bind_unix(path) as first:
        before = server.identity(path)
        with pytest.raises(errors.StackError, match="Somebody answers at"):
            server.bind_unix(path)
        assert server.identity(path) == before
        first.close()
    with server.bind_unix(path):  # a leftover
        assert path.is_socket()


def test_a_core_leaves_the_socket_that_another_has_put_there(state: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    own = settings_file(state, socket=str(path))
    with serving(state, "--settings", own) as process:
        again = [*SERVE, "--state", str(tmp_path / "other"), "--settings", own]
        second = subprocess.run(again, capture_output=True, text=True, timeout=60, check=False)
        assert (second.returncode, "Somebody answers at" in second.stderr) == (2, True)
        path.rename(tmp_path / "away")
        with server.bind_unix(path):
            theirs = server.identity(path)
            process.terminate()
            assert process.wait(20) == 0
            assert server.identity(path) == theirs


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o1777])
def test_a_socket_is_not_made_where_others_could_put_theirs(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(errors.StackError, match="Others may write into"):
        server.bind_unix(tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to any group")
def test_the_group_is_given_to_the_socket_and_not_to_what_a_link_leads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = tmp_path / "s", tmp_path / "precious"
    target.write_text("")
    before = (target.stat().st_gid, target.stat().st_mode)
    chown = os.chown

    def late(where: Path, *args: Any, **options: Any) -> None:
        """Whoever may write into the folder after all is quick."""
        path.unlink()
        path.symlink_to(target)
        chown(where, *args, **options)

    monkeypatch.setattr(os, "chown", late)
    with server.bind_unix(path, "daemon"):
        assert (target.stat().st_gid, target.stat().st_mode) == before


@pytest.mark.parametrize("listen", ["0.0.0.0:8137", "10.0.0.1:1", "[::]:1"])
def test_tcp_that_others_could_reach_is_refused_without_tls(listen: str) -> None:
    with pytest.raises(errors.SettingsError, match="port of this machine"):
        server.bind_tcp(listen)


@pytest.mark.parametrize(
    "listen", ["db.internal:1", ":1", "127.0.0.1", "127.0.0.1:x", "::1", "127.0.0.1:65536"]
)
def test_what_is_no_address_and_port_is_refused(listen: str) -> None:
    with pytest.raises(errors.SettingsError, match="no address and port"):
        server.bind_tcp(listen, secured=True)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:0", "[::1]:0"])
def test_tcp_of_this_machine_is_taken(listen: str) -> None:
    with server.bind_tcp(listen) as listener:
        assert server.url_of(listener).startswith("http://")


def test_a_socket_path_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(errors.StackError, match="longer than 103 bytes"):
        server.bind_unix(tmp_path / ("x" * 100))


async def test_a_source_with_wrong_settings_is_shown_and_the_others_are_watched(
    state: Path,
) -> None:
    path = settings_file(state, sources={"logs": {"nonsense": 1}, "what": {}})
    with serving(state, "--settings", path):
        async with client.CoreClient.at(state=state) as screen:

            async def shown() -> dict[str, str]:
                found = {s.name: s.verdict.why for s in (await screen.sources()).sources}
                return found if "Starting." not in found.values() else {}

            said = await waiting.until(shown)
    assert "sources.what.kind is 'what', which is not a kind of source." in said["what"]
    assert "nonsense" in said["logs"]
    assert said["core"] == ""


def test_an_idle_connection_is_ended_by_who_asks() -> None:
    made = server.Server(fastapi.FastAPI(), listening=lambda: None, quiet=lambda: None)
    assert made.config.timeout_keep_alive > 2 * ways.IDLE_S
