"""`mrcore token`: bearer tokens, for TCP and for other users of the socket."""

from __future__ import annotations

import getpass
import sqlite3
from datetime import timedelta
from pathlib import Path

import click

from mrcore import audit, auth, errors, folder
from mrcore.sources import base
from mrcore.store import database, files, tokens

state_option = click.option(
    "--state", type=click.Path(path_type=Path), help="State folder (or MR_STATE)."
)


@click.group()
def command() -> None:
    """Create, list and revoke bearer tokens.

    Example: mrcore token create asha --role operator --days 30
    """


@command.command()
@click.argument("login")
@click.option("--role", "roles", multiple=True, type=click.Choice(auth.ROLES), default=["operator"])
@click.option("--days", type=click.IntRange(1, 3650), default=90, help="Valid for so many days.")
@state_option
def create(login: str, roles: tuple[str, ...], days: int, state: Path | None) -> None:
    """Make a token for LOGIN and print it: the only time that it can be seen."""
    now = base.utc_now()
    secret, digest = auth.mint()

    def work(connection: sqlite3.Connection) -> int:
        expires_at = now + timedelta(days=days)
        number = tokens.add(
            connection, login=login, roles=roles, digest=digest, now=now, expires_at=expires_at
        )
        _record(connection, "token.create", f"token {number} for {login} ({', '.join(roles)})")
        return number

    click.echo(auth.spell(_ledger(state).run_here(work), secret))


@command.command(name="list")
@state_option
def list_(state: Path | None) -> None:
    """Show whose tokens there are, never the tokens."""
    now = base.utc_now()
    for token in _ledger(state).run_here(tokens.every):
        end = f"revoked {token.revoked_at:%Y-%m-%d}" if token.revoked_at else ""
        past = "expired" if token.expires_at <= now else "expires"
        end = end or f"{past} {token.expires_at:%Y-%m-%d}"
        click.echo(f"{token.id:>4}  {token.login:<20} {','.join(token.roles):<20} {end}")


@command.command()
@click.argument("token", type=int)
@state_option
def revoke(token: int, state: Path | None) -> None:
    """Revoke a token by its number; it is refused from then on."""

    def work(connection: sqlite3.Connection) -> None:
        if not tokens.revoke(connection, token, base.utc_now()):
            raise errors.BadRequest(f"There is no token {token} that could be revoked.")
        _record(connection, "token.revoke", f"token {token}")

    _ledger(state).run_here(work)
    click.echo(f"Token {token} is revoked.")


def _ledger(state: Path | None) -> database.Database:
    return files.ledger(folder.StateFolder(state).make().path)


def _record(connection: sqlite3.Connection, action: str, text: str) -> None:
    audit.append(
        connection,
        audit.Entry(
            at=base.utc_now(),
            stage="outcome",
            login=getpass.getuser(),
            action=action,
            outcome="done",
            text=text,
        ),
    )
