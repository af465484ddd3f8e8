"""The token by which the backends of a stack ask its core: an operator's, kept in a file (0600)."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

from mrcore import folder
from mrcore.store import files, tokens
from mrcore.trust import anchor, audit, auth

FILE = "backend-token"
LOGIN = "backend"
ROLES = ("operator",)
VALID = timedelta(days=365)
RENEW = timedelta(days=180)


async def keep(state: folder.StateFolder, anchored: Path, now: datetime) -> None:
    """Let the file hold a token that is valid for half a year at least; no core runs yet.

    One that was revoked, or is not long valid, is replaced. Raises StoreError.
    """
    ledger = files.ledger(state.path)
    ledger.after = anchor.Keeper(anchored).keep
    held = _read(state / FILE)

    def work(connection: sqlite3.Connection) -> str:
        known = tokens.find(connection, _number(held)) if held else None
        if known and known.revoked_at is None and known.expires_at > now + RENEW:
            return held
        return _make(connection, now)

    try:
        token = await ledger.run(work)
    finally:
        await ledger.close()  # the core is the next to open it
    if token != held:
        state.write_text(FILE, token)


def _make(connection: sqlite3.Connection, now: datetime) -> str:
    secret, digest = auth.mint()
    until = now + VALID
    number = tokens.add(
        connection, login=LOGIN, roles=ROLES, digest=digest, now=now, expires_at=until
    )
    said = f"token {number} for {LOGIN} ({', '.join(ROLES)}) until {until:%Y-%m-%d %H:%M}"
    entry = audit.Entry(
        at=now,
        stage="outcome",
        login="stack",
        action="token.create",
        outcome="done",
        text=said,
        via="cli",
    )
    audit.append(connection, entry)
    return auth.spell(number, secret)


def _read(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


def _number(token: str) -> int:
    """The number of a token as it is spelled; 0, which none has, of what is none."""
    number = token.removeprefix("mr_").partition("_")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 18 else 0
