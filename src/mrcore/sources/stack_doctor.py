"""Whether a stack is there and can be acted upon, for `mrcore doctor`."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime

from mrcore import errors
from mrcore.sources import finding, stack


async def examine(settings: stack.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Look at the stack's folder and its processes once."""
    async with stack.StackSource(settings.kind, settings.state, now=now) as source:
        try:
            sample = await source.sample()
        except errors.SourceError as error:
            start = f"mrcore up --state {settings.state}"
            return [finding.of("reach", error)._replace(fix=start)]
    count = len(sample.entities)
    found = [finding.Finding("reach", True, f"{settings.state} has {count} processes.")]
    alone = next((e.verdict for e in sample.entities if e.verdict.code == "no_supervisor"), None)
    if alone:
        return [*found, finding.Finding("supervisor", False, f"There is {alone.why}.")]
    if not os.access(settings.state, os.W_OK):
        sentence = f"{settings.state} cannot be written: no restart can be asked for."
        return [*found, finding.Finding("restart", False, sentence)]
    return [*found, finding.Finding("restart", True, "Its supervisor restarts what is asked for.")]
