"""What persons do with runbooks: begin a run of one, on a thing and with its parameters."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.runbooks import asking, book, engine, ofrun, record


@dataclasses.dataclass(frozen=True)
class Start:
    """The act `runbook.start` on core/runbook/<id>."""

    engine: engine.Engine

    async def plan(self, where: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The runbook, unless a run of it is under way on the same."""
        await self.engine.ready()
        found = self.engine.runbooks.get(ref.parse(where).id)
        if found is None or where != ref.make("core", "runbook", found.id):
            return ofrun.left_out(where, "There is no such runbook.")
        alert_, subject, params = self._asked(found, args)
        running = self.engine.active(found.id, subject)
        if running is not None:
            return ofrun.left_out(where, _busy(running))
        about = f" on {subject}" if subject else ""
        guard: plans.Args = {"subject": subject, "params": dict(params), "alert": list(alert_)}
        return plans.Target(ref=where, label=f"{found.id} {found.title}{about}", guard=guard)

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Begin it: its diagnosis runs at once."""
        await self.engine.ready()
        found = self.engine.runbooks.get(ref.parse(target.ref).id)
        if found is None:
            return ofrun.skipped(target, "There is no such runbook any more.")
        subject = str(target.guard["subject"])
        params = _texts(target.guard["params"])
        alert_ = _firing(target.guard["alert"])
        async with self.engine.lock:
            running = self.engine.active(found.id, subject)
            if running is None:
                running = await self.engine.begin(found, subject, params, by.login, alert_=alert_)
                if running is not None:
                    return ofrun.done(target, f"run {running.id}")
            elif by.again and running.began_by == by.login:
                return ofrun.done(target, f"run {running.id}")
            return ofrun.skipped(target, _busy(running) if running else "Another run is under way.")

    def _asked(
        self, found: book.Runbook, args: plans.Args
    ) -> tuple[tuple[str, ...], base.Ref, dict[str, str]]:
        """The alert that it is for, what it is about, and its parameters. Raises BadRequest."""
        subject = str(args.get("subject") or "").removeprefix(ref.SCHEME)
        view, params = self.engine.view(), _params(found, args.get("params") or {})
        if (alert_ := self.engine.firing(subject)) is not None:
            about = asking.subject_of(view, alert_.subject, found.about)
            return engine.firing_of(alert_), about, params
        if not found.about and subject:
            raise errors.BadRequest(f"subject: runbook {found.id} is about no single thing.")
        if found.about:
            if not subject:
                subject = asking.subject_of(view, "", found.about)
            if not subject or ref.parse(subject).kind != found.about:
                raise errors.BadRequest(f"subject: runbook {found.id} is about a {found.about}.")
        return (), subject, params


def _firing(given: object) -> tuple[base.Ref, str] | None:
    """An alert and since when it fires, as a guard keeps it."""
    match given:
        case [str(alert_), str(fired)]:
            return alert_, fired
    return None


def _params(found: book.Runbook, given: object) -> dict[str, str]:
    """The parameters as texts. Raises BadRequest."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise errors.BadRequest("params is a JSON object: name and value.") from None
    texts = _texts(given)
    known = {param.name: param for param in found.params}
    if unknown := sorted(texts.keys() - known.keys()):
        raise errors.BadRequest(f"params: runbook {found.id} takes no {', '.join(unknown)}.")
    made = {}
    for param in found.params:
        value = texts.get(param.name, param.usual)
        if param.required and not value:
            raise errors.BadRequest(f"params: {param.name} is missing, a {param.type}.")
        if value and param.pattern and not re.fullmatch(param.pattern, value):
            raise errors.BadRequest(f"params: {param.name} is not like {param.pattern}.")
        if value:
            made[param.name] = value
    return made


def _texts(given: object) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise errors.BadRequest("params is an object: name and value.")
    return {str(name): str(value) for name, value in given.items()}


def _busy(running: record.Record) -> str:
    whose = f", {running.login} has it" if running.login else ""
    return f"Run {running.id} of it is under way on the same{whose}."
