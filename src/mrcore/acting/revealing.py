"""Being shown what is hidden: it changes nothing, and the audit keeps who asked for it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Iterable
from datetime import datetime, timedelta

from mrcore import catalogue, errors
from mrcore.model import base, plans, ref
from mrcore.sources import base as sources
from mrcore.store import operations
from mrcore.trust import auth

SHOWN_FOR = timedelta(seconds=60)


async def planned(
    source: sources.Source, refs: Iterable[base.Ref]
) -> AsyncGenerator[sources.Planned, None]:
    """What is there to be shown: nothing changes, so nothing needs to hold."""
    for each in refs:
        try:
            found = (await source.detail(each)).entity.ref
        except errors.NotFound:
            yield plans.LeftOut(why="It is gone.", count=1, samples=(each,))
        else:
            label = b" ".join(ref.parse(found).ids).decode("utf-8", "backslashreplace")
            yield plans.Target(ref=found, label=label)


def action_of(address: base.Ref) -> catalogue.Action:
    """The action that asks to be shown what is hidden of a ref.

    Raises BadRequest where nothing is.
    """
    try:
        kind = ref.parse(address).kind
    except ValueError as error:
        raise errors.BadRequest(f"{error}.") from None
    found = [a for a in catalogue.ACTIONS.values() if a.reveals and a.kind == kind]
    if not found:
        raise errors.BadRequest(f"Of a {kind} nothing is hidden that can be shown.")
    return found[0]


def refusal(
    connection: sqlite3.Connection,
    login: auth.Login,
    action: catalogue.Action,
    address: base.Ref,
    now: datetime,
) -> errors.Forbidden | None:
    """Why a login is not shown what is hidden, as part of a transaction."""
    since = now - SHOWN_FOR
    if login.may(action.role) and operations.did(connection, login.name, action.id, address, since):
        return None
    return errors.Forbidden(
        f"What is hidden of {address} is shown for 60 s to who has asked for it.",
        fix=f"Plan and apply {action.id} on it first: the audit keeps that.",
    )
