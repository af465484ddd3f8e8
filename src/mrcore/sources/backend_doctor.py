"""Which colours of a backend answer, for `mrcore doctor`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from mrcore.model import backend as model
from mrcore.sources import backend, finding


async def examine(settings: backend.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Ask each colour's health once; an unhealthy one answers, which is what counts here."""
    async with backend.Backend(settings.kind, settings, now=now) as source:
        return [_colour(check) for check in await source.probe()]


def _colour(check: model.Check) -> finding.Finding:
    said = check.verdict.why or check.verdict.level
    if check.status_code is None or check.verdict.code == "no_health":
        return finding.Finding(check.name, False, f"{check.target}: {said}.", _fix(check))
    release = check.facts.get("release") or check.facts.get("version")
    version = f" Release {json.dumps(release)}." if release else ""
    return finding.Finding(check.name, True, f"{check.target} answers: {said}.{version}")


def _fix(check: model.Check) -> str:
    """How to see it by hand."""
    return f"curl -i {check.target}"
