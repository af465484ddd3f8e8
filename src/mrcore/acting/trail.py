"""What an operation leaves in the audit: intents before, outcomes after, and what was refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mrcore.model import base, core, plans
from mrcore.store import chunks, operations
from mrcore.trust import audit, auth

_WHYS_MAX = 3


def intent(
    connection: sqlite3.Connection,
    operation: core.Operation,
    chunk: chunks.Chunk,
    now: datetime,
    *,
    resumed: bool = False,
) -> None:
    """Write that a chunk will be applied now; one that is `resumed` says so."""
    text = f"{operation.label} (resumed)" if resumed else operation.label
    refs = [target.ref for target in chunk.targets]
    _write(connection, operation, now, stage="intent", refs=refs, text=text)


def outcomes(
    connection: sqlite3.Connection,
    operation: core.Operation,
    said: Sequence[plans.TargetOutcome],
    now: datetime,
    took_ms: float | None = None,
) -> None:
    """Write one row an outcome, so that the audit says of every target what became of it."""
    for kind in plans.Outcome:
        these = [outcome for outcome in said if outcome.outcome is kind]
        if not these:
            continue
        whys = tuple(outcome.why for outcome in these)
        kinds = [why for why in dict.fromkeys(whys) if why]
        _write(
            connection,
            operation,
            now,
            stage="outcome",
            refs=[outcome.ref for outcome in these],
            outcome=kind,
            text=" · ".join([f"{len(these):,} {kind}", *kinds[:_WHYS_MAX]]),
            whys=whys if kinds else (),
            took_ms=took_ms,
        )


def held(
    connection: sqlite3.Connection,
    operation: core.Operation,
    right: operations.Actor,
    now: datetime,
    why: str,
) -> None:
    """Write that an operation was paused because the right that it ran under has ended."""
    entry = audit.Entry(
        at=now,
        stage="refused",
        login=right.name,
        action=operation.action,
        refs=[operation.ref],
        plan_id=operation.plan_id,
        operation=operation.id,
        text=why,
        via=right.via,
        uid=right.uid,
        token=right.token,
        address=right.address,
    )
    audit.append(connection, entry)


def stopped(
    connection: sqlite3.Connection, operation: core.Operation, now: datetime, why: str
) -> None:
    """Write that an operation has stopped by itself."""
    _write(connection, operation, now, stage="outcome", refs=[operation.ref], text=why)


def refused(
    connection: sqlite3.Connection,
    login: auth.Login,
    action: base.ActionId,
    now: datetime,
    error: str,
    **more: Any,
) -> None:
    """Write that somebody tried what they may not."""
    entry = audit.Entry(
        at=now,
        stage="refused",
        login=login.name,
        action=action,
        text=error,
        via=login.via,
        uid=login.uid,
        token=login.token,
        address=login.address,
        **more,
    )
    audit.append(connection, entry)


def _write(
    connection: sqlite3.Connection, operation: core.Operation, now: datetime, **more: Any
) -> None:
    actor = operations.actor(connection, operation.id)
    entry = audit.Entry(
        at=now,
        login=actor.name,
        action=operation.action,
        plan_id=operation.plan_id,
        operation=operation.id,
        reason=operation.reason,
        via=actor.via,
        uid=actor.uid,
        token=actor.token,
        address=actor.address,
        **more,
    )
    audit.append(connection, entry)
