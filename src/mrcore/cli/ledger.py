"""The ledger as commands use it: beside a running core, their own doings in its audit."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from mrcore import folder
from mrcore.sources import base
from mrcore.store import database, files
from mrcore.trust import anchor, audit


def writable(where: folder.StateFolder) -> database.Database:
    """The ledger, whose anchor is moved on with what a command writes."""
    ledger = files.ledger(where.make().path)
    ledger.after = anchor.Keeper(anchor_path(where)).keep
    return ledger


def anchor_path(where: folder.StateFolder) -> Path:
    """Where the core of this state folder keeps its audit's anchor.

    Raises SettingsError.
    """
    from mrcore import settings  # a tenth of a second that --help does not need

    own = settings.load(settings.find(where.path))
    return own.audit_anchor or anchor.default_path(where.path)


def done(action: str, text: str, *, reason: str = "") -> audit.Entry:
    """The audit row of what a command has done."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    return audit.Entry(
        at=base.utc_now(),
        stage="outcome",
        login=name,
        action=action,
        reason=reason,
        outcome="done",
        text=text,
        via="cli",
        uid=uid,
        address=next(iter(os.environ.get("SSH_CONNECTION", "").split()), ""),
    )
