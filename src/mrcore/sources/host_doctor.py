"""Whether the paths and certificates of a machine can be looked at, for `mrcore doctor`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mrcore.sources import certificates, finding, host


async def examine(settings: host.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Look at each path and ask for each certificate once."""
    found = []
    for name, path in settings.paths.items():
        try:
            space = host.space(path)
        except OSError as error:
            sentence = f"{name}: {path} cannot be looked at: {error.strerror}."
            found.append(finding.Finding("disk", False, sentence))
            continue
        sentence = f"{name}: {space.used:.0f} % of the file system of {path} is taken."
        found.append(finding.Finding("disk", True, sentence))
    for row in await certificates.asked(settings.kind, settings.certificates, now):
        until = f"is valid until {row.expires_at:%Y-%m-%d}" if row.expires_at else row.verdict.why
        known = row.expires_at is not None
        found.append(finding.Finding("certificate", known, f"{row.name}: {until}."))
    return found
