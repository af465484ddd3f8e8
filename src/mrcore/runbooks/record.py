"""What is remembered of a run, in the ledger, so that it goes on where it was. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mrcore.model import base, core, run
from mrcore.runbooks import book

ENDED = (
    run.RunState.RECOVERED,
    run.RunState.UNVERIFIED,
    run.RunState.FAILED,
    run.RunState.ABORTED,
)
OVER = (
    run.StepState.PASSED,
    run.StepState.FAILED,
    run.StepState.UNVERIFIABLE,
    run.StepState.NOT_SELECTED,
    run.StepState.ABORTED,
)
"""States of a step of which nothing becomes any more."""

PASSED, DONE, UNKNOWN = "ok", "done", "unknown"
"""What a step has found that is no code of a diagnosis."""


class StepNow(base.Frozen):
    """Where a step is. `true_since`: since when its proof holds; `by`: who did what was by hand."""

    state: run.StepState = run.StepState.PENDING
    found: str = ""
    why: str = ""
    about: base.Ref = ""
    plan: str = ""
    operation: base.Ref = ""
    operation_done: int = 0
    by: str = ""
    began_at: datetime | None = None
    ended_at: datetime | None = None
    proves_at: datetime | None = None
    true_since: datetime | None = None
    before: dict[str, float | bool | str] = {}


class Record(base.Frozen):
    """A run; `text` is the runbook as it was when it began, `at_step` the step that is next.

    `fired` tells one firing of the alert from the next. `seen` is whether its symptom was there,
    `acted` whether something was done, `gone_since` since when the symptom is not there any more.
    """

    id: int = 0
    runbook: str
    title: str
    text: str
    where: str
    subject: base.Ref
    params: dict[str, str] = {}
    began_by: str
    login: str
    alerts: tuple[base.Ref, ...] = ()
    fired: tuple[str, ...] = ()
    state: run.RunState = run.RunState.DIAGNOSING
    at_step: int = 0
    steps: dict[str, StepNow] = {}
    diagnosis: str = ""
    codes: tuple[str, ...] = ()
    why: str = ""
    seen: bool = False
    acted: bool = False
    unproven: bool = False
    began_at: datetime
    diagnosed_at: datetime | None = None
    ended_at: datetime | None = None
    recovers_at: datetime | None = None
    gone_since: datetime | None = None

    @property
    def ref(self) -> base.Ref:
        """Its address."""
        return f"core/run/{self.id}"

    @property
    def ended(self) -> bool:
        """Whether nothing becomes of it any more."""
        return self.state in ENDED

    def now(self, step: str) -> StepNow:
        """Where a step is."""
        return self.steps.get(step, StepNow())

    def but(self, **changes: Any) -> Record:
        """The same with changes."""
        return self.model_copy(update=changes)

    def with_step(self, step: str, **changes: Any) -> Record:
        """The same with changes of one step."""
        made = self.now(step).model_copy(update=changes)
        return self.but(steps={**self.steps, step: made})


class Event(base.Frozen):
    """Something on the timeline of a run: of which step (none: of the run), what, and who."""

    at: datetime
    step: str = ""
    what: str
    text: str = ""
    login: str = ""


Operations = dict[str, core.Operation]
"""Operations by the id of their plan."""


def found(runbook: book.Runbook, record: Record) -> dict[str, str | None]:
    """What its conditions can name: the verdicts so far, and its parameters that are texts.

    A parameter that was not given is empty.
    """
    said = {step: now.found or None for step, now in record.steps.items()}
    texts = {param.said: record.params.get(param.name, "") for param in runbook.texts}
    return {**said, **texts}


def bound(runbook: book.Runbook, record: Record) -> dict[str, base.Ref]:
    """What a run is about, by kind: its subject, and parameters that are refs."""
    found = {
        param.type: record.params[param.name]
        for param in runbook.params
        if param.type not in ("text", "number") and record.params.get(param.name)
    }
    if record.subject and runbook.about:
        found[runbook.about] = record.subject
    return found


def diagnosis(runbook: book.Runbook, record: Record) -> tuple[str, tuple[str, ...]]:
    """What the diagnosis has found, in one sentence, and each code of it once."""
    bad, unknown = [], []
    for step in (each for each in runbook.steps if each.kind == "diagnose"):
        now = record.now(step.id)
        if now.found == UNKNOWN:
            unknown.append(step.title)
        elif now.found not in ("", PASSED):
            bad.append((now.found, f"{step.title}: {now.why or now.found}"))
    said = "; ".join(text for _, text in bad) or "no step of it found anything bad"
    if unknown:
        said += f"; unknown: {', '.join(unknown)}"
    return said[:1].upper() + said[1:] + ".", tuple(dict.fromkeys(code for code, _ in bad))


def untouched(runbook: book.Runbook, record: Record) -> str:
    """Why a run waits that has no more step, and in which nothing was done: in one sentence."""
    waits = "waits until its symptom is gone" + " and its alert, too" * bool(record.alerts)
    for step in runbook.steps:
        led = record.now(step.id).found
        if any(led == route.runbook for route in step.routes if route.runbook):
            return f"It goes on in runbook {led}, and {waits}."
    for step in runbook.steps:
        if step.kind in ("fix", "manual", "wait") and record.now(step.id).began_at is not None:
            return f"Nothing was done: it {waits}."
    return f"No step of it is for what was found, so a person has to look. It {waits}."
