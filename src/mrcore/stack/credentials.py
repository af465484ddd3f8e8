"""The passwords of one stack: random, made once, kept so that its folder can be started again."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, fields

from mrcore import folder

FILE = "secrets.json"


@dataclass(frozen=True, repr=False)
class Credentials:
    """Postgres's three logins, Redis, SMTP, Bull Board, what signs Mr. Mentor's tokens, and its
    accounts at the simulated services and their secrets manager."""

    postgres: str
    app: str
    watcher: str
    redis: str
    smtp: str
    bull_board: str
    jwt: str
    razorpay: str
    razorpay_webhook: str
    exotel: str
    exotel_webhook: str
    secrets: str
    turn: str


def of(state: folder.StateFolder) -> Credentials:
    """Read the folder's credentials; what is missing is made and kept (0600)."""
    kept = state.read_json(FILE) or {}
    names = [field.name for field in fields(Credentials)]
    known = {name: str(kept[name]) for name in names if kept.get(name)}
    # Hex needs no escaping in a URL, a DSN, a configuration file or a shell.
    made = Credentials(**{name: known.get(name) or secrets.token_hex(16) for name in names})
    if asdict(made) != kept:
        state.write_json(FILE, asdict(made))
    return made
