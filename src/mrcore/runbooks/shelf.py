"""The runs that are known: those under way, and the newest that have ended. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from mrcore import errors
from mrcore.model import base, run
from mrcore.runbooks import book, parse, record, shown
from mrcore.store import runbooks as store

SHOWN_MAX = 50


class Shelf:
    """Runs by their number, each with its runbook as it was when the run began.

    `active` are under way; `recovered` says when each runbook last led to a recovery.
    """

    def __init__(self, runbooks: Mapping[str, book.Runbook], time_scale: float) -> None:
        self.active: dict[int, record.Record] = {}
        self.recovered: dict[str, datetime] = {}
        self._runbooks = runbooks
        self._scale = time_scale
        self._ended: dict[int, record.Record] = {}
        self._books: dict[int, book.Runbook] = {}

    def put(self, known: record.Record) -> None:
        """A run as it is now; of those that have ended only the newest stay."""
        if known.id not in self._books:
            self._books[known.id] = parse.read(known.text, known.where, self._scale)
        if not known.ended:
            self.active[known.id] = known
            return
        self.active.pop(known.id, None)
        self._ended[known.id] = known
        while len(self._ended) > SHOWN_MAX:
            oldest = next(iter(self._ended))
            del self._ended[oldest], self._books[oldest]

    def put_all(
        self, active: Iterable[str], ended: Iterable[str], now: datetime
    ) -> list[store.Kept]:
        """What the ledger has of runs: those under way, and the newest first that have ended.

        Returns those that cannot go on, aborted: an older core read their runbooks otherwise.
        """
        stranded = []
        for body in (*active, *reversed([*ended])):
            known = record.Record.model_validate_json(body)
            try:
                self.put(known)
            except errors.RunbookError as error:
                if not known.ended:
                    why = f"This core does not read its runbook any more: {error}"
                    state = run.RunState.ABORTED
                    stranded.append(kept(known.but(state=state, ended_at=now, why=why)))
        return stranded

    def runbook_of(self, known: record.Record) -> book.Runbook:
        """The runbook of a run, as it was when that began."""
        return self._books[known.id]

    def on(self, runbook: str, subject: base.Ref) -> record.Record | None:
        """The run of a runbook that is under way on a subject."""
        for each in self.active.values():
            if (each.runbook, each.subject) == (runbook, subject):
                return each
        return None

    def find(self, ref: base.Ref) -> tuple[book.Runbook, record.Record] | None:
        """A run under way, with its runbook as it was when that began."""
        for each in self.active.values():
            if each.ref == ref:
                return self._books[each.id], each
        return None

    def waited_for(self) -> set[str]:
        """The plans that fixes wait for."""
        return {
            now.plan
            for known in self.active.values()
            for now in known.steps.values()
            if now.plan and now.state is run.StepState.RUNNING
        }

    def entities(self, now: datetime) -> list[base.Entity]:
        """Runs under way, the newest first, then those that have ended; every runbook."""
        runs = [*reversed(self.active.values()), *reversed(self._ended.values())]
        return [
            *(shown.entity(self._books[each.id], each, now) for each in runs),
            *(
                shown.runbook(each, self.recovered.get(each.id), now)
                for each in self._runbooks.values()
            ),
        ]


def kept(known: record.Record) -> store.Kept:
    """A run as the ledger keeps it."""
    return store.Kept(
        known.id,
        known.runbook,
        known.subject,
        known.state.value,
        known.began_at.isoformat(),
        known.ended_at.isoformat() if known.ended_at else "",
        known.model_dump_json(),
    )
