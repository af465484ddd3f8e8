"""The ledger as commands use it: beside a running core, their own doings in its audit."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import click

from mrcore import errors, folder
from mrcore.sources import base
from mrcore.store import database, files
from mrcore.trust import anchor, audit

state_option = click.option(
    "--state", type=click.Path(path_type=Path), help="State folder (or MR_STATE)."
)
settings_option = click.option(
    "--settings", type=click.Path(path_type=Path), help="The core's; else as it said at its start."
)


def writable(where: folder.StateFolder, named: Path | None = None) -> database.Database:
    """The ledger, whose anchor is moved on with what a command writes; `named` settings or none.

    Raises SettingsError.
    """
    ledger = files.ledger(where.make().path)
    ledger.after = anchor.Keeper(anchor_path(where, named)).keep
    return ledger


def anchor_path(where: folder.StateFolder, named: Path | None = None) -> Path:
    """Where the core of this state folder keeps its audit's anchor.

    That is in the settings `named`; else where the last core has said that it is, which may have
    been given settings that are found nowhere; else in the settings that a core would find.
    Raises SettingsError, StoreError.
    """
    from mrcore import settings  # a tenth of a second that --help does not need

    if named is None and (said := _said(where)):
        return said
    own = settings.load(named or settings.find(where.path))
    return own.audit_anchor or anchor.default_path(where.path)


def _said(where: folder.StateFolder) -> Path | None:
    try:
        text = (where / anchor.SAID).read_text().strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise errors.StoreError(
            f"{where / anchor.SAID} cannot be read: {error}.", fix="Name --settings FILE."
        ) from error
    return Path(text) if text else None


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
