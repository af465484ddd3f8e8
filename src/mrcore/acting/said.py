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
    words = planned.label.encode("utf-8", "replace").decode()
    label, note = redact.label(words), clean(planned.note) if planned.note else ""
    if (label, note) == (planned.label, planned.note):
        return planned
    return planned.model_copy(update={"label": label, "note": note})


def outcome(of: plans.TargetOutcome) -> plans.TargetOutcome:
    """What became of a target."""
    why = clean(of.why) if of.why else ""
    return of if why == of.why else of.model_copy(update={"why": why})
