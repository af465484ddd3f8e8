"""Facts that runbooks ask for and no source says yet: they have no data until one does.

A metric or fact of the same name takes its place; what is left here is not watched.
"""

from __future__ import annotations

from datetime import datetime

from mrcore.expr import facts


def _nobody(entity: object, now: datetime) -> None:
    """No data."""


_ROWS: tuple[tuple[str, str, str, str], ...] = (
    # id, kind, unit, label
    ("cache.age_s", "cache", "s", "since it was computed"),
    ("cache.equal", "cache", "truth", "whether it is what SQL says"),
    ("deploy.code", "deploy", "text", "what its preflight says against a rollback"),
    ("deploy.why", "deploy", "text", "the sentence of that"),
)

FACTS: dict[str, facts.Fact] = {
    name: facts.Fact(name, kind, unit, label, _nobody) for name, kind, unit, label in _ROWS
}
