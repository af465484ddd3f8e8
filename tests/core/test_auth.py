"""Logins: who the peer of a socket is, and what a token may."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from mrcore import audit, auth, errors
from mrcore.api import peer
from mrcore.cli import token
from mrcore.store import database, files

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
    assert (mine.name, mine.roles, mine.via) == (ME, ("admin",), "socket")
    assert root.name == "root"


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
    assert (login.name, login.roles, login.via) == ("asha", ("operator", "auditor"), "token")
    assert "asha" in run(state, "list")
    assert bearer.split("_", 2)[2] not in run(state, "list")
    number = bearer.split("_")[1]
    run(state, "revoke", number)
    with pytest.raises(errors.Unauthenticated):
        await here.login(None, bearer)
    assert "revoked" in run(state, "list")
    with pytest.raises(errors.BadRequest, match="no token"):
        run(state, "revoke", number)
    verified = await ledger.run(audit.verify)
    assert verified == audit.Verified(rows=2)


async def test_a_token_expires(ledger: database.Database, state: Path) -> None:
    clock = Clock()
    here = auth.Auth(ledger, now=clock.now)
    bearer = run(state, "create", "asha", "--days", "1").strip()
    assert (await here.login(None, bearer)).name == "asha"
    clock.at += timedelta(days=1, seconds=1)
    with pytest.raises(errors.Unauthenticated):
        await here.login(None, bearer)


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
        assert peer.of_socket(one) == auth.Peer(os.getuid(), os.getpid())
    with socket.socket(socket.AF_INET) as tcp:
        assert peer.of_socket(tcp) is None
