"""How a job fares since it was put back: what a canary is watched by. Pure."""

from __future__ import annotations

from mrcore.model import base, plans
from mrcore.queues import fingerprint


def failed(of: base.Ref, error: str, trace: str) -> plans.Fared:
    """It has failed again, like that."""
    seen = fingerprint.of(error, trace)
    return plans.Fared(ref=of, state="failed", fingerprint=seen.id, why=seen.code or seen.title)
