"""The audit: who meant to do what, and what became of it, in a chain that shows tampering.

A row's body is canonical JSON that holds its number and the hash of the row before; its hash is
the sha256 of that body. Rows are written in the ledger's transactions, so an intent is on the
disk before anything is done.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mrcore.model import base, core, ref
from mrcore.store import walk


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
    """The result of reading the whole chain: `broken_at` is the first row that does not fit."""

    rows: int
    broken_at: int | None = None
    why: str = ""


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


def verify(connection: sqlite3.Connection) -> Verified:
    """Read the whole chain: changed, missing and swapped rows are found.

    Rows cut off its end are not: compare the last hash with a copy kept elsewhere.
    """
    previous, expected = "", 1
    for seq, body, digest in connection.execute("SELECT seq, body, hash FROM audit ORDER BY seq"):
        if seq != expected:
            return Verified(expected - 1, expected, f"Row {expected} is missing.")
        if _hash(body) != digest:
            return Verified(expected - 1, seq, f"Row {seq} was changed.")
        fields = json.loads(body)
        if fields["seq"] != seq or fields["prev"] != previous:
            return Verified(expected - 1, seq, f"Row {seq} does not follow the row before it.")
        previous, expected = digest, expected + 1
    return Verified(expected - 1)


def read(connection: sqlite3.Connection, wanted: walk.Walk) -> walk.Rows:
    """Audit rows, page by page.

    Raises ValueError when the walk's text is not a regular expression.
    """
    return walk.walk(connection, "audit", "seq", wanted, _row)


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
    return entity, row["body"]
