"""What sources say, before it is kept and shown: without secrets, and such that it can be written.

Sentences of servers quote what they were given: a URL with its password, a value, bytes.
"""

from __future__ import annotations

from mrcore import redact
from mrcore.model import plans


def clean(words: str) -> str:
    """A sentence as it may be kept; lone surrogates, which nobody can write, become `?`."""
    return redact.repeated(words.encode("utf-8", "replace").decode())


def target(planned: plans.Target) -> plans.Target:
    """A target whose label names something; its guard is compared with what is there, so stays."""
    shown = {
        "label": _label(planned.label),
        "name": _label(planned.name),
        "note": clean(planned.note) if planned.note else "",
    }
    if all(getattr(planned, field) == words for field, words in shown.items()):
        return planned
    return planned.model_copy(update=shown)


def _label(words: str) -> str:
    return redact.label(words.encode("utf-8", "replace").decode()) if words else ""


def outcome(of: plans.TargetOutcome) -> plans.TargetOutcome:
    """What became of a target."""
    why = clean(of.why) if of.why else ""
    return of if why == of.why else of.model_copy(update={"why": why})
