"""How the core watches over its own audit: its end is anchored, the chain is read at the start."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from mrcore import errors
from mrcore.model import base
from mrcore.store import database
from mrcore.trust import anchor, audit

CODE = "audit_chain_broken"


class Auditing:
    """What is known of the chain; `began_at` is when this core began."""

    def __init__(self, ledger: database.Database, path: Path, *, began_at: datetime) -> None:
        self._ledger = ledger
        self._began_at = began_at
        self._verified: audit.Verified | None = None
        self._anchor: anchor.Anchor | None = None
        self._trouble = self._broke = ""
        with self._told():
            self._anchor = anchor.read(path)
        self._keeper = anchor.Keeper(path, self._anchor)
        ledger.after = self._keeper.keep

    async def verify(self) -> None:
        """Read the whole chain, on a thread and a connection of its own.

        What breaks on the way is shown as a verdict, and then raised.
        """
        try:
            with self._told():
                self._verified = await asyncio.to_thread(
                    audit.verify_file, self._ledger.path, self._anchor
                )
            self._broke = ""
        except Exception as error:
            self._broke = f"The chain cannot be read: {type(error).__name__}, a defect."
            raise

    def verdict(self) -> base.Verdict:
        """How the audit is: bad when a row was changed or is missing."""
        verified = self._verified
        broken = (verified.why if verified else "") or self._keeper.lost
        if broken:
            return base.Verdict(
                level=base.Level.BAD,
                code=CODE,
                why=f"{broken} Keep a copy of the state folder, then: mrcore audit verify",
            )
        if trouble := self._broke or self._trouble or self._keeper.trouble:
            return base.Verdict(level=base.Level.WARN, code="audit_anchor", why=trouble)
        if verified is None:
            why = "The chain is being read."
            return base.Verdict(level=base.Level.UNKNOWN, code="audit_unread", why=why)
        if self._anchor is None and verified.first_at and verified.first_at < self._began_at:
            why = "There was no anchor: rows cut off before this core began would not be missed."
            return base.Verdict(level=base.Level.WARN, code="audit_no_anchor", why=why)
        return base.OK

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Show what cannot be read as a verdict."""
        try:
            yield
        except errors.StoreError as error:
            self._trouble = str(error)
