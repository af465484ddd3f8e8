"""The core's files: whose they are, whether they open, whether the audit is whole."""

from __future__ import annotations

import getpass
import os
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from mrcore import errors, folder, settings
from mrcore.sources import finding
from mrcore.store import database, files, migrations
from mrcore.trust import anchor, audit

FREE_BYTES = 2 * files.HISTORY_BYTES_MAX
AHEAD = timedelta(seconds=2)

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NAMED = 5


def examine(
    where: folder.StateFolder, own: settings.Settings, now: Callable[[], datetime]
) -> list[finding.Finding]:
    """Look at every file of a state folder; none is made or changed. Raises nothing."""
    found = [_folder(where.path), _disk(where.path)]
    for name, schema in (("ledger", "ledger"), ("history", "history")):
        found.append(_database(where.path, name, schema))
    return [*found, *_audit(where, own, now())]


def _folder(path: Path) -> finding.Finding:
    what, user = "state folder", getpass.getuser()
    try:
        return finding.Finding(what, *_private(path, user))
    except FileNotFoundError:
        there = _nearest(path)
        if os.access(there, os.W_OK | os.X_OK):
            return finding.Finding(what, True, f"{path} is made when the core starts.")
        sentence = f"{path} is not there, and {user} may not make it in {there}."
        return finding.Finding(what, False, sentence, f"install -d -m 0700 -o {user} {path}")
    except OSError as error:
        return finding.Finding(what, False, f"{path} cannot be looked at: {error.strerror}.")


def _private(path: Path, user: str) -> tuple[bool, str, str]:
    """Whether it is this user's and nobody else's, a sentence, and the command that makes it so."""
    found = path.stat()
    if found.st_uid != os.geteuid() and os.geteuid() != 0:
        return False, f"{path} is not {user}'s.", f"chown -R {user} {path}"
    open_ = [path, *path.iterdir()]
    wide = [each.name for each in open_ if _others(each)]
    if wide:
        named = ", ".join(wide[:_NAMED])
        return False, f"Others may use {named} in {path}.", f"chmod -R go-rwx {path}"
    return True, f"{path} is private.", ""


def _others(path: Path) -> bool:
    """Whether others have rights to it: a socket may be a group's."""
    mode = path.lstat().st_mode
    return bool((stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and mode & _OTHERS)


def _disk(path: Path) -> finding.Finding:
    there = _nearest(path)
    free = psutil.disk_usage(str(there)).free
    sentence = f"{free / 1e9:,.1f} GB are free for {path}; {FREE_BYTES / 1e9:.1f} GB are wanted."
    return finding.Finding("disk", free >= FREE_BYTES, sentence)


def _database(state: Path, name: str, schema: str) -> finding.Finding:
    path = state / f"{name}.sqlite"
    if not path.exists():
        return finding.Finding(name, True, f"{path.name} is made when the core starts.")
    knows = len(migrations.numbered(schema))
    try:
        with database.reading(path) as connection:
            has = int(connection.execute("PRAGMA user_version").fetchone()[0])
            said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except errors.StoreError as error:
        return finding.of(name, error)
    if has > knows:
        sentence = f"{path} is of a newer release (schema {has}, this one knows {knows})."
        return finding.Finding(name, False, sentence)
    if said != "ok":
        return finding.Finding(name, False, f"{path} is damaged: {said}.")
    if not os.access(path, os.W_OK):
        return finding.Finding(name, False, f"{path} cannot be written.", f"chmod u+w {path}")
    later = "" if has == knows else f"; schema {has} becomes {knows} when the core starts"
    size = path.stat().st_size / 1e6
    return finding.Finding(name, True, f"{path.name} opens, {size:,.1f} MB{later}.")


def _audit(
    where: folder.StateFolder, own: settings.Settings, now: datetime
) -> Iterator[finding.Finding]:
    path = own.audit_anchor or anchor.default_path(where.path)
    if path.is_relative_to(where.path):
        sentence = f"The anchor {path} lies beside what it anchors."
        fix = 'audit_anchor = "/another/disk/audit.json"'
        yield finding.Finding("anchor", False, sentence, fix)
    if not (where / "ledger.sqlite").exists():
        return
    try:
        known = anchor.read(path)
        found = audit.verify_file(where / "ledger.sqlite", known)
    except errors.StoreError as error:
        yield finding.of("audit", error)
        return
    if found.why:
        fix = f"mrcore audit verify --state {where.path} --anchor {path}"
        yield finding.Finding("audit", False, f"{found.why} It was tampered with.", fix)
    elif known is None:
        sentence = f"There is no anchor {path}: rows cut off the end would not be missed."
        # The command knows the settings of the folder and the user, not those given to `serve`.
        env = f"MRCORE_AUDIT_ANCHOR={path} " if own.audit_anchor else ""
        fix = f"{env}mrcore audit anchor --accept --reason 'first anchor' --state {where.path}"
        yield finding.Finding("audit", False, sentence, fix)
    else:
        sentence = f"{found.rows:,} rows are a whole chain; its end is anchored in {path}."
        yield finding.Finding("audit", True, sentence)
    if found.last_at and found.last_at > now + AHEAD:
        sentence = f"The audit's last row is of {found.last_at:%Y-%m-%d %H:%M:%S} UTC, in future."
        yield finding.Finding("clock", False, sentence)


def _nearest(path: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(each for each in (path, *path.parents) if each.exists())
