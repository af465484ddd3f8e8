"""What an expression is asked of: a view of what is known at one instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from mrcore.expr import windows
from mrcore.model import base


class View(Protocol):
    """What is known at one instant; what a source that is away has said before is not known."""

    @property
    def now(self) -> datetime:
        """The instant."""
        ...

    def entities(self, kind: str) -> Iterable[base.Entity]:
        """Everything of a kind."""
        ...

    def source_kind(self, ref: base.Ref) -> str:
        """The kind of the source that a ref is of."""
        ...

    def latest(self, metric: str, ref: base.Ref) -> float | None:
        """The newest value of a metric, in its own unit."""
        ...

    def points(self, metric: str, ref: base.Ref, window_s: float) -> Sequence[windows.Point]:
        """A metric's (seconds, value) since `window_s` ago, oldest first."""
        ...


class Failed(Exception):
    """It cannot be reckoned: the sentence says why; that is a mistake in it, not missing data."""


class Lack(NamedTuple):
    """What had no data, and of which ref where that is there."""

    what: str
    ref: base.Ref = ""


@dataclass
class Scope:
    """Where an expression is asked: a view, of which subject; `missing` is what had no data.

    `warming`: points are there, and do not go back far enough yet. `local` are the values of names
    that only whoever asks knows.
    """

    view: View
    subject: base.Entity | None = None
    missing: list[Lack] = field(default_factory=list)
    warming: bool = False
    local: Mapping[str, float | bool | str | None] = field(default_factory=dict)

    def lacks(self, what: str, ref: base.Ref = "") -> float | bool | str | None:
        """Note that this had no data, which is the answer then."""
        lack = Lack(what, ref)
        if lack not in self.missing:
            self.missing.append(lack)
        return None
