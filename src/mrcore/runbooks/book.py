"""What a runbook is, once it was read: its steps, what they ask and what they do. Pure types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mrcore.expr import local
from mrcore.model import base, run

Said = tuple[str | local.Expression, ...]
"""A sentence with what is known in it: texts, and expressions that are said there."""


class Verdict(NamedTuple):
    """What a diagnosis can find: `code` is what is bad, empty for ok; `means` says it in words, of
    what decided it.

    A vague one is for the `last`: it is found only when nothing else was in the step's time.
    """

    code: str
    when: local.Expression
    means: Said = ()
    last: bool = False


class Route(NamedTuple):
    """Where a decision leads: a later step, or another runbook; `when` None is otherwise."""

    when: local.Expression | None
    goto: str = ""
    runbook: str = ""
    why: str = ""


class Proof(NamedTuple):
    """What has to become true within a time, and stay so for another; both in seconds."""

    when: local.Expression
    within_s: float
    hold_s: float


class Targets(NamedTuple):
    """What a fix acts on: what `of` names, every thing for which `where` is true, or the rows of a
    collection of what `of` names."""

    of: str = ""
    where: local.Expression | None = None
    collection: str = ""
    query: Mapping[str, Any] = {}


class Step(NamedTuple):
    """One step; `line` is where it stands, `unproven` why nothing proves it.

    `patience_s` is how long a diagnosis may not know; `skippable` steps can be left out.
    """

    id: str
    kind: run.StepKind
    title: str
    text: str
    line: int
    when: local.Expression | None = None
    say: Said = ()
    patience_s: float = 0.0
    verdicts: tuple[Verdict, ...] = ()
    routes: tuple[Route, ...] = ()
    action: base.ActionId = ""
    targets: Targets = Targets()
    args: Mapping[str, Any] = {}
    proof: Proof | None = None
    unproven: str = ""
    rollback: str = ""
    skippable: bool = False


class Param(NamedTuple):
    """What a run has to be told; `type` is `text`, `number` or the kind of an entity."""

    name: str
    type: str
    required: bool = False
    pattern: str = ""
    usual: str = ""

    @property
    def said(self) -> str:
        """Its name in conditions and templates."""
        return f"params.{self.name}"


class Runbook(NamedTuple):
    """A runbook; it is about one thing of kind `about`, and recovers when `symptom` is false.

    `hold_s` is for how long, `within_s` how long that is waited for after the last step.
    """

    id: str
    title: str
    about: str
    symptom: local.Expression
    recovers: str
    severity: str
    owner: str
    hold_s: float
    within_s: float
    params: tuple[Param, ...]
    steps: tuple[Step, ...]
    intro: str
    text: str
    where: str

    @property
    def texts(self) -> tuple[Param, ...]:
        """The parameters that conditions can name: those that are texts."""
        return tuple(param for param in self.params if param.type == "text")

    @property
    def usual(self) -> dict[str, str]:
        """What its parameters are where nobody says."""
        return {param.name: param.usual for param in self.params if param.usual}

    def step(self, name: str) -> Step:
        """A step by its id. Raises KeyError."""
        for step in self.steps:
            if step.id == name:
                return step
        raise KeyError(name)
