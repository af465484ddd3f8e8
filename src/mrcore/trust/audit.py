"""The audit: who meant to do what, and what became of it, in a chain that shows tampering.

A row's body is canonical JSON that holds its number and the hash of the row before; its hash is
the sha256 of that body. Rows are written in the ledger's transactions, so an intent is on the
disk before anything is done.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mrcore.model import base, core, ref
from mrcore.store import database, walk
from mrcore.trust import anchor

_WORDS = ("stage", "login", "action", "reason", "outcome", "text", "via", "address")


@dataclass(frozen=True)
class Entry:
    """A row to be: `stage` is intent, outcome or refused; `outcome` and `text` say what became.

    `whys` has a sentence for each of `refs`, or nothing; `via`, `uid`, `token` and `address` (of
    the SSH client) are of who asked, where they are known; `took_ms` is an outcome's.
    """

    at: datetime
    stage: str
    login: str
    action: base.ActionId
    refs: Sequence[base.Ref] = ()
    plan_id: str = ""
    operation: int | None = None
    reason: str = ""
    outcome: str = ""
    text: str = ""
    whys: Sequence[str] = ()
    via: str = ""
    uid: int | None = None
    token: int | None = None
    address: str = ""
    took_ms: float | None = None


@dataclass(frozen=True)
class Verified:
    """The result of reading the chain: `rows` fit, `broken_at` is the first that does not.

    `end` is the last row that fits; `first_at` and `last_at` are when the first and it were
    written.
    """

    rows: int = 0
    broken_at: int | None = None
    why: str = ""
    first_at: datetime | None = None
    last_at: datetime | None = None
    end: anchor.Anchor | None = None


def canonical(value: Any) -> str:
    """JSON with one spelling for one value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def append(connection: sqlite3.Connection, entry: Entry) -> None:
    """Write a row as part of the caller's transaction."""
    last = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    seq, previous = (last["seq"] + 1, last["hash"]) if last else (1, "")
    body = canonical(
        {
            "seq": seq,
            "prev": previous,
            "at": entry.at.isoformat(),
            "stage": entry.stage,
            "login": entry.login,
            "action": entry.action,
            "refs": list(entry.refs),
            "plan_id": entry.plan_id,
            "operation": entry.operation,
            "reason": entry.reason,
            "outcome": entry.outcome,
            "text": entry.text,
            **_known(entry),
        }
    )
    connection.execute("INSERT INTO audit VALUES (?, ?, ?)", (seq, body, _hash(body)))


def verify(connection: sqlite3.Connection, known: anchor.Anchor | None = None) -> Verified:
    """Read the whole chain: changed, missing, added and swapped rows are found.

    Rows cut off its end, and a whole other ledger, are found with the anchor.
    """
    found = Verified()
    for seq, body, digest in connection.execute("SELECT seq, body, hash FROM audit ORDER BY seq"):
        why, at = _fits(found, seq, body, digest)
        if why or at is None:
            return replace(found, broken_at=min(seq, found.rows + 1), why=why)
        first_at = found.first_at or at
        found = Verified(found.rows + 1, None, "", first_at, at, anchor.Anchor(seq, digest))
    if known and (why := anchor.lost(connection, known)):
        return replace(found, broken_at=min(known.seq, found.rows + 1), why=why)
    return found


def verify_file(path: Path, known: anchor.Anchor | None) -> Verified:
    """`verify` of a ledger's file, which a core may have open and which is not changed.

    Raises StoreError when it cannot be read.
    """
    with database.reading(path) as connection:
        return verify(connection, known)


def words(fields: Mapping[str, Any]) -> str:
    """By what a row is found: not its hashes, in which any digits are."""
    said = [str(fields.get(name, "")) for name in _WORDS]
    operation = f"core/operation/{fields['operation']}" if fields.get("operation") else ""
    return " ".join([*said, operation, *fields.get("refs", ()), *fields.get("whys", ())])


def _fits(found: Verified, seq: int, body: Any, digest: Any) -> tuple[str, datetime | None]:
    """Why a row does not follow the last that fits, or when it was written."""
    expected = found.rows + 1
    if seq < expected:
        return f"Row {seq} was added.", None
    if seq > expected:
        return f"Row {expected} is missing.", None
    try:
        fields = json.loads(body)
        number, previous, at = fields["seq"], fields["prev"], datetime.fromisoformat(fields["at"])
        genuine = _hash(body) == digest
    except (AttributeError, KeyError, TypeError, ValueError):
        genuine = False
    if not genuine:
        return f"Row {seq} was changed.", None
    if (number, previous) != (seq, found.end.hash if found.end else ""):
        return f"Row {seq} does not follow the row before it.", None
    return "", at


def read(connection: sqlite3.Connection, wanted: walk.Walk) -> walk.Rows:
    """Audit rows, page by page; their state is their stage.

    Raises BadRequest when the walk's text is no filter.
    """
    return walk.walk(connection, "audit", "seq", wanted, _row, state=_stage)


def _known(entry: Entry) -> dict[str, Any]:
    """What not every row has; rows of the first release have none of it."""
    fields = {
        "whys": list(entry.whys),
        "via": entry.via,
        "uid": entry.uid,
        "token": entry.token,
        "address": entry.address,
        "took_ms": entry.took_ms,
    }
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


def _hash(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _row(row: sqlite3.Row) -> tuple[core.AuditRow, str]:
    fields = json.loads(row["body"])
    entity = core.AuditRow(ref=ref.make("core", "audit", row["seq"]), hash=row["hash"], **fields)
    return entity, words(fields)


def _stage(entity: base.Entity) -> str:
    return entity.stage if isinstance(entity, core.AuditRow) else ""
