"""`mrcore audit`: check that nobody has changed the audit, and take it elsewhere."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from mrcore import errors, folder, match
from mrcore.cli import ledger, plain
from mrcore.sources import base
from mrcore.store import database
from mrcore.trust import anchor, audit

UNKNOWN = 3
"""Exit code when the chain is whole as far as it goes, and nobody knows how far it went."""

_SPAN = re.compile(r"(\d{1,6})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@click.group()
def command() -> None:
    """Check the audit, and take it elsewhere.

    Works beside a running core, and on a state folder copied from another machine.

    Example: mrcore audit verify --state /tmp/mr
    """


@command.command()
@ledger.state_option
@ledger.settings_option
@click.option("--anchor", "file", type=click.Path(path_type=Path), help="The anchor to trust.")
@click.option("--no-anchor", is_flag=True, help="There is none: take the end as it is.")
def verify(state: Path | None, settings: Path | None, file: Path | None, no_anchor: bool) -> None:
    """Read the whole chain: exit code 0 when it is whole, 1 when it was tampered with.

    Finds rows that were changed, removed, added or reordered; with the anchor, which is kept
    elsewhere, also rows cut off the end and a replaced ledger. Without one nobody can tell
    whether rows are missing at its end: exit code 3, with --no-anchor 0.

    Example: mrcore audit verify --state /tmp/mr --anchor /mnt/elsewhere/anchor.json
    """
    where = folder.StateFolder(state)
    if file and no_anchor:
        raise errors.BadRequest("Say either --anchor or --no-anchor.")
    path = file or ledger.anchor_path(where, settings)
    known = None if no_anchor else anchor.read(path)
    if known is None and file is not None:
        raise errors.StoreError(f"There is no anchor {file}.", fix="mrcore audit anchor makes one.")
    found = audit.verify_file(where / "ledger.sqlite", known)
    if found.why:
        says = f"The audit of {where.path} is broken. {found.why} {_extent(found)} before it."
        click.echo(plain.text(says))
        sys.exit(1)
    says = f"{_extent(found)}: none was changed, removed or reordered."
    if known:
        says += f" The anchor's row {known.seq:,} is there."
    elif no_anchor:
        says += " Whether rows are missing at its end was not asked."
    else:
        says += f" There is no anchor {path}: cannot tell whether rows are missing at its end."
        says += " --no-anchor says that you know."
    click.echo(plain.text(says))
    if not known and not no_anchor:
        sys.exit(UNKNOWN)


@command.command()
@ledger.state_option
@click.option("--since", default="", help="An instant (2026-03-01T09:00Z), or 90m, 24h, 7d ago.")
@click.option("--text", default="", help="Only rows in which this regular expression is found.")
def export(state: Path | None, since: str, text: str) -> None:
    """Print the audit as JSON lines, oldest first.

    A row's hash is the sha256 of its other fields as JSON with sorted keys and no spaces.

    Example: mrcore audit export --state /tmp/mr --since 7d --text terminate > audit.jsonl
    """
    begin, matches = _instant(since, base.utc_now()), match.of(text)
    with database.reading(folder.StateFolder(state) / "ledger.sqlite") as connection:
        for fields in _rows(connection):
            if _is_since(fields, begin) and matches(audit.words(fields)):
                click.echo(plain.document(fields))


@command.command(name="anchor")
@ledger.state_option
@ledger.settings_option
@click.option("--accept", is_flag=True, help="Take the ledger as it is, and say so in the audit.")
@click.option("--reason", default="", help="Why, for --accept.")
def anchor_(state: Path | None, settings: Path | None, accept: bool, reason: str) -> None:
    """Print the newest row's number and hash, to be kept elsewhere.

    --accept sets the core's own anchor to this row: after a ledger was replaced on purpose.

    Example: mrcore audit anchor --state /tmp/mr > /mnt/elsewhere/anchor.json
    """
    where = folder.StateFolder(state)
    if accept:
        _accept(where, settings, reason.strip())
    with database.reading(where / "ledger.sqlite") as connection:
        end = anchor.newest(connection)
    if end is None:
        raise errors.StoreError("The audit has no row yet.")
    click.echo(json.dumps({"seq": end.seq, "hash": end.hash}))


def _accept(where: folder.StateFolder, settings: Path | None, reason: str) -> None:
    """Anchor the ledger as it is now, which the audit tells."""
    if not reason:
        raise errors.BadRequest("Accepting a replaced ledger needs a reason.", fix="--reason …")
    path = ledger.anchor_path(where, settings)
    try:
        known = anchor.read(path)
        named = f"row {known.seq}" if known else "nothing"
    except errors.StoreError:
        named = "nothing that could be read"

    def work(connection: sqlite3.Connection) -> anchor.Anchor | None:
        text = f"anchor set to this row, it named {named}"
        audit.append(connection, ledger.done("audit.accept", text, reason=reason))
        return anchor.newest(connection)

    end = ledger.writable(where, settings).run_here(work)
    if end:
        try:
            anchor.write(path, end)
        except OSError as error:
            raise errors.StoreError(f"The anchor {path} cannot be written: {error}.") from error


def _rows(connection: sqlite3.Connection) -> Iterator[dict[str, object]]:
    for seq, body, digest in connection.execute("SELECT seq, body, hash FROM audit ORDER BY seq"):
        try:
            fields = {**json.loads(body)}
        except (TypeError, ValueError):  # tampered with: shown as it is
            fields = {"seq": seq, "body": str(body)}
        yield {**fields, "hash": digest}


def _extent(found: audit.Verified) -> str:
    """How many rows fit together, and from when to when."""
    if not found.first_at or not found.last_at:
        return "0 rows fit together"
    first, last = (at.astimezone(UTC) for at in (found.first_at, found.last_at))
    rows = "1 row fits" if found.rows == 1 else f"{found.rows:,} rows fit"
    return f"{rows} together, from {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC"


def _instant(since: str, now: datetime) -> datetime | None:
    """Raises BadRequest."""
    if not since:
        return None
    if span := _SPAN.fullmatch(since):
        return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        at = datetime.fromisoformat(since)
    except ValueError:
        raise errors.BadRequest(
            f"--since {since!r} is no instant.", fix="Write 2026-03-01T09:00Z, or 90m, 24h, 7d."
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _is_since(fields: dict[str, object], begin: datetime | None) -> bool:
    """Whether a row is that new; one without a readable instant is shown."""
    try:
        return begin is None or datetime.fromisoformat(str(fields["at"])) >= begin
    except (KeyError, ValueError, TypeError):
        return True
