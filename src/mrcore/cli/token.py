"""`mrcore token`: bearer tokens, for TCP and for other users of the socket."""

from __future__ import annotations

import os
import pwd
import re
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import click

from mrcore import errors, folder
from mrcore.cli import ledger, plain
from mrcore.sources import base
from mrcore.store import database, tokens
from mrcore.trust import audit, auth

DAYS = 90
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}", re.ASCII)


def _number(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """A token's number as it was typed."""
    if not re.fullmatch("[0-9]{1,18}", value):
        raise errors.BadRequest(f"{value!r} is no number.", fix="mrcore token list shows them.")
    return int(value)


@click.group()
def command() -> None:
    """Create, list and revoke bearer tokens.

    Example: mrcore token create asha --role operator --days 30
    """


@command.command()
@click.argument("login")
@click.option("--role", "roles", multiple=True, type=click.Choice(auth.ROLES), default=["operator"])
@click.option("--days", type=click.IntRange(1, 3650), help=f"Valid for so many days, else {DAYS}.")
@click.option("--hours", type=click.IntRange(1, 24 * 365), help="Valid for so many hours.")
@ledger.state_option
@ledger.settings_option
def create(
    login: str,
    roles: tuple[str, ...],
    days: int | None,
    hours: int | None,
    state: Path | None,
    settings: Path | None,
) -> None:
    """Make a token for LOGIN and print it: the only time that it can be seen.

    A login is a person: a token and a user of this host with one name are the same one, who
    cannot approve what the other has planned. The names of root and of the core's own user,
    whoever uses them, are nobody's.

    Example: mrcore token create ravi --role viewer --role auditor --hours 8
    """
    if not _LOGIN.fullmatch(login):
        raise errors.BadRequest(
            f"{login!r} is no login.", fix="Use up to 64 letters, digits and . _ @ + -"
        )
    where = folder.StateFolder(state)
    _check_is_somebody(login, where)
    if days and hours:
        raise errors.BadRequest("Say either --days or --hours.")
    valid = timedelta(hours=hours) if hours else timedelta(days=days or DAYS)
    now = base.utc_now()
    secret, digest = auth.mint()

    def work(connection: sqlite3.Connection) -> int:
        number = tokens.add(
            connection, login=login, roles=roles, digest=digest, now=now, expires_at=now + valid
        )
        said = f"token {number} for {login} ({', '.join(roles)}) until {now + valid:%Y-%m-%d %H:%M}"
        audit.append(connection, ledger.done("token.create", said))
        return number

    click.echo(auth.spell(ledger.writable(where, settings).run_here(work), secret))


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@ledger.state_option
@ledger.settings_option
def list_(as_json: bool, state: Path | None, settings: Path | None) -> None:
    """Show whose tokens there are, never the tokens.

    Example: mrcore token list --json
    """
    now, every = base.utc_now(), _ledger(state, settings).run_here(tokens.every)
    if as_json:
        click.echo(plain.document([_facts(token, now) for token in every], indent=2))
        return
    for token in every:
        state_, at = _state(token, now)
        roles = ",".join(token.roles)
        line = f"{token.id:>4}  {token.login:<20} {roles:<20} {state_} {at:%Y-%m-%d %H:%M}"
        click.echo(plain.text(line))


@command.command()
@click.argument("token", callback=_number)
@ledger.state_option
@ledger.settings_option
def revoke(token: int, state: Path | None, settings: Path | None) -> None:
    """Revoke a token by its number; it is refused from then on.

    Example: mrcore token revoke 3
    """

    def work(connection: sqlite3.Connection) -> None:
        if not tokens.revoke(connection, token, base.utc_now()):
            raise errors.BadRequest(f"There is no token {token} that could be revoked.")
        audit.append(connection, ledger.done("token.revoke", f"token {token}"))

    _ledger(state, settings).run_here(work)
    click.echo(f"Token {token} is revoked.")


def _ledger(state: Path | None, settings: Path | None) -> database.Database:
    return ledger.writable(folder.StateFolder(state), settings)


def _check_is_somebody(login: str, where: folder.StateFolder) -> None:
    """Raise BadRequest for the name by which root or the core's own user is known on the socket."""
    owner = where.path.stat().st_uid if where.path.exists() else os.getuid()
    try:
        uid = pwd.getpwnam(login).pw_uid
    except KeyError:
        return
    if uid in (0, os.getuid(), owner):
        raise errors.BadRequest(
            f"{login} is root here or the user that the core runs as, who needs no token.",
            fix="Name the person: with one name they would be the same one in approvals.",
        )


def _state(token: tokens.Token, now: datetime) -> tuple[str, datetime]:
    """What a token is, and since or until when."""
    if token.revoked_at:
        return "revoked", token.revoked_at
    return ("expired" if token.expires_at <= now else "expires"), token.expires_at


def _facts(token: tokens.Token, now: datetime) -> dict[str, object]:
    state, _ = _state(token, now)
    return {
        "id": token.id,
        "login": token.login,
        "roles": list(token.roles),
        "state": "valid" if state == "expires" else state,
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "revoked_at": token.revoked_at.isoformat() if token.revoked_at else None,
    }
