"""Logins: who the peer of a socket is, and what a token may."""

from __future__ import annotations

import os
import pwd
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from mrcore import errors
from mrcore.api import peer
from mrcore.cli import token
from mrcore.rights import approval, arming, revoking
from mrcore.store import database, files
from mrcore.trust import audit, auth

ME = pwd.getpwuid(os.getuid()).pw_name


class Clock:
    """The time that logins are judged by."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
async def ledger(state: Path) -> AsyncIterator[database.Database]:
    state.mkdir()
    ledger = files.ledger(state)
    yield ledger
    await ledger.close()


def run(state: Path, *argv: str) -> str:
    """The output of `mrcore token …`."""
    result = CliRunner().invoke(token.command, [*argv, "--state", str(state)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


async def test_my_own_uid_and_root_are_admin_under_their_own_names(
    ledger: database.Database,
) -> None:
    here = auth.Auth(ledger, now=Clock().now)
    mine = await here.login(auth.Peer(os.getuid(), 1), "")
    root = await here.login(auth.Peer(0, 1), "")
    assert mine == auth.Login(ME, ("admin",), "socket", uid=os.getuid())
    assert root.name == "root"


async def test_a_user_of_the_settings_comes_by_the_socket_with_its_roles(
    ledger: database.Database,
) -> None:
    logins = {"nobody": ("viewer", "auditor"), "root": ("viewer",)}
    here = auth.Auth(ledger, now=Clock().now, logins=logins)
    uid = pwd.getpwnam("nobody").pw_uid
    login = await here.login(auth.Peer(uid, 1, "198.51.100.7"), "")
    assert login == auth.Login(
        "nobody", ("viewer", "auditor"), "socket", uid=uid, address="198.51.100.7"
    )
    assert (await here.login(auth.Peer(0, 1), "")).roles == ("admin",)
    with pytest.raises(errors.Unauthenticated, match="not the one"):
        await here.login(auth.Peer(54_321, 1), "")


async def test_another_uid_and_nobody_at_all_need_a_token(ledger: database.Database) -> None:
    here = auth.Auth(ledger, now=Clock().now)
    with pytest.raises(errors.Unauthenticated, match="not the one"):
        await here.login(auth.Peer(54_321, 1), "")
    with pytest.raises(errors.Unauthenticated, match="bearer token"):
        await here.login(None, "")
    bootstrap = here.bootstrap()
    assert (await here.login(auth.Peer(54_321, 1), bootstrap)).name == ME


async def test_a_token_stands_for_its_login_until_it_is_revoked(
    ledger: database.Database, state: Path
) -> None:
    here = auth.Auth(ledger, now=Clock().now)
    bearer = run(state, "create", "asha", "--role", "operator", "--role", "auditor").strip()
    login = await here.login(None, bearer)
    assert login == auth.Login("asha", ("operator", "auditor"), "token", token=1)
    assert "asha" in run(state, "list")
    assert bearer.split("_", 2)[2] not in run(state, "list")
    number = bearer.split("_")[1]
    assert await here.holds(login)
    run(state, "revoke", number)
    with pytest.raises(errors.Unauthenticated):
        await here.login(None, bearer)
    assert not await here.holds(login)
    assert "revoked" in run(state, "list")
    for word in ("kim", "9" * 19):
        with pytest.raises(errors.BadRequest, match=rf"'{word}' is no number\. mrcore token list"):
            run(state, "revoke", word)
    with pytest.raises(errors.BadRequest, match="no token"):
        run(state, "revoke", number)
    verified = await ledger.run(audit.verify)
    assert (verified.rows, verified.broken_at) == (2, None)


async def test_a_token_expires(ledger: database.Database, state: Path) -> None:
    clock = Clock()
    here = auth.Auth(ledger, now=clock.now)
    bearer = run(state, "create", "asha", "--days", "1").strip()
    login = await here.login(None, bearer)
    assert login.name == "asha"
    clock.at += timedelta(days=1, seconds=1)
    with pytest.raises(errors.Unauthenticated):
        await here.login(None, bearer)
    assert not await here.holds(login)


async def test_a_login_holds_while_the_ledger_cannot_be_read(
    ledger: database.Database, state: Path
) -> None:
    here = auth.Auth(ledger, now=Clock().now)
    login = await here.login(None, run(state, "create", "asha").strip())
    await ledger.run(lambda connection: connection.execute("ALTER TABLE token RENAME TO away"))
    with pytest.raises(errors.StoreError):
        await here.login(None, "mr_1_x")
    assert await here.holds(login)


async def test_reading_who_asks_and_what_stands_does_not_hide_a_full_disk(
    ledger: database.Database, state: Path
) -> None:
    now = Clock().now
    here = auth.Auth(ledger, now=now)
    bearer = run(state, "create", "asha").strip()

    def fill(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        connection.execute("CREATE TABLE big AS SELECT hex(zeroblob(200000)) AS x")

    with pytest.raises(errors.StoreError, match="full"):
        await ledger.run(fill)
    login = await here.login(None, bearer)
    assert await here.holds(login)
    await revoking.Revoke(ledger, now).plan("core/token/1", {})
    await arming.Disarm(ledger, now).plan("core/arming/asha", {})
    await approval.Answer(ledger, "approved", now).plan("core/plan/x", {})
    assert "full" in ledger.trouble


async def failing(here: auth.Auth, *bearers: str, address: str = "192.0.2.1") -> None:
    """Fail to log in with each of these."""
    for bearer in bearers:
        with pytest.raises(errors.Unauthenticated):
            await here.login(None, bearer, address)


class Guessed:
    """A core's logins, a right token, and what was told of guesses."""

    def __init__(self, ledger: database.Database, state: Path) -> None:
        self.clock = Clock()
        self.told: list[str] = []
        self.auth = auth.Auth(ledger, now=self.clock.now, tell=self.tell)
        self.right = run(state, "create", "asha").strip()

    async def tell(self, sentence: str) -> None:
        self.told.append(sentence)


@pytest.fixture
def guessed(ledger: database.Database, state: Path) -> Guessed:
    return Guessed(ledger, state)


async def test_who_guesses_ten_times_in_a_minute_waits_and_a_right_token_passes(
    guessed: Guessed,
) -> None:
    here, clock = guessed.auth, guessed.clock
    await failing(here, *(f"mr_1_{n}" for n in range(9)))
    assert (await here.login(None, guessed.right, "192.0.2.1")).address == "192.0.2.1"
    clock.at += timedelta(seconds=20)
    assert not guessed.told
    await failing(here, "mr_1_x")
    with pytest.raises(errors.TooMany, match="Too many logins") as caught:
        await here.login(None, "mr_1_y", "192.0.2.1")
    assert caught.value.retry_after_s == 40
    assert (await here.login(None, guessed.right, "192.0.2.1")).name == "asha"
    await failing(here, "mr_1_y", address="192.0.2.2")
    clock.at += timedelta(seconds=40)
    await failing(here, "mr_1_z")
    assert guessed.told == ["10 logins from 192.0.2.1 failed within 60 s."]


async def test_who_guesses_on_is_told_of_once_in_ten_minutes(guessed: Guessed) -> None:
    await failing(guessed.auth, *map(str, range(10)))
    guessed.clock.at += timedelta(seconds=61)
    await failing(guessed.auth, *map(str, range(10)))
    assert len(guessed.told) == 1
    guessed.clock.at += timedelta(minutes=10)
    await failing(guessed.auth, *map(str, range(10)))
    assert len(guessed.told) == 2


async def test_one_expired_token_locks_out_itself_and_not_who_shares_its_address(
    guessed: Guessed,
) -> None:
    await failing(guessed.auth, *["mr_1_old"] * 10)
    with pytest.raises(errors.TooMany):
        await guessed.auth.login(None, "mr_1_old", "192.0.2.1")
    assert (await guessed.auth.login(None, guessed.right, "192.0.2.1")).name == "asha"
    assert len(guessed.told) == 1


async def test_no_token_is_no_guess(guessed: Guessed) -> None:
    await failing(guessed.auth, *[""] * 20)
    assert (await guessed.auth.login(None, guessed.right, "192.0.2.1")).name == "asha"


async def test_only_a_hash_of_a_token_is_kept(ledger: database.Database, state: Path) -> None:
    bearer = run(state, "create", "asha").strip()
    await ledger.run(audit.verify)
    kept = b"".join(path.read_bytes() for path in state.glob("ledger.sqlite*"))
    assert b"asha" in kept
    assert bearer.split("_", 2)[2].encode() not in kept


@pytest.mark.parametrize(
    "bearer", ["x", "mr_", "mr_1", "mr_1_", "mr_1_wrong", "mr_0_", "mr_0_x", "mr_99_x", "mr_²_x"]
)
async def test_a_wrong_token_is_refused_in_one_sentence(
    ledger: database.Database, state: Path, bearer: str
) -> None:
    run(state, "create", "asha")
    here = auth.Auth(ledger, now=Clock().now)
    with pytest.raises(errors.Unauthenticated, match="wrong, expired or revoked"):
        await here.login(auth.Peer(os.getuid(), 1), bearer)


async def test_the_bootstrap_token_ends_with_its_core(ledger: database.Database) -> None:
    before, after = (auth.Auth(ledger, now=Clock().now) for _ in range(2))
    bearer = before.bootstrap()
    assert (await before.login(None, bearer)).roles == ("admin",)
    after.bootstrap()
    with pytest.raises(errors.Unauthenticated):
        await after.login(None, bearer)


@pytest.mark.parametrize(
    ("roles", "may"),
    [
        (("viewer",), {"viewer"}),
        (("operator",), {"viewer", "operator"}),
        (("admin",), {"viewer", "operator", "admin"}),
        (("auditor",), {"auditor"}),
        ((), set()),
    ],
)
def test_a_role_includes_those_below_it(roles: tuple[str, ...], may: set[str]) -> None:
    login = auth.Login("x", roles, "token")
    assert {role for role in auth.ROLES if login.may(role)} == may


def test_the_peer_of_a_unix_socket_is_known_and_of_tcp_is_not() -> None:
    one, two = socket.socketpair()
    with one, two:
        found = peer.of_socket(one)
    assert found is not None
    assert (found.uid, found.pid) == (os.getuid(), os.getpid())
    with socket.socket(socket.AF_INET) as tcp:
        assert peer.of_socket(tcp) is None


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says what a process was started with")
def test_the_address_of_an_ssh_client_is_what_sshd_has_said() -> None:
    def address(**environment: str) -> str:
        argv = [sys.executable, "-c", "print(flush=True); input()"]
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, stdin=pipe, stdout=pipe, env=environment) as process:
            assert process.stdout
            process.stdout.readline()
            found = peer.ssh_address(process.pid)
            process.communicate(b"\n")
        return found

    assert address(SSH_CONNECTION="2001:db8::7 51122 10.0.0.1 22") == "2001:db8::7"
    assert address(SSH_CONNECTION="") == ""
    assert address(MY_SSH_CONNECTION="198.51.100.7 1 2 3") == ""
    assert len(address(SSH_CONNECTION="x" * 9_999)) == 64
    assert peer.ssh_address(0) == ""
