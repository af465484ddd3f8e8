"""Whether logs can be read, a page gets a socket, and STUN and TURN answer, for the doctor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from mrcore.model import base
from mrcore.sources import finding
from mrcore.sources.meetings import settings, source, tail


async def examine(wanted: settings.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Read each log's end once, and ask each server once."""
    found = [await asyncio.to_thread(_log, name, path) for name, path in wanted.logs.items()]
    async with source.Meetings(wanted.kind, wanted, now=now) as opened:
        for each in await opened.probes():
            ok = each.verdict.level is base.Level.OK
            said = each.verdict.why or "answers as it should"
            found.append(finding.Finding(f"{each.kind} {each.name}", ok, f"{each.target}: {said}."))
    return found


def _log(name: str, path: Path) -> finding.Finding:
    what = f"log of {name}"
    try:
        tail.Tail(path).read()
    except OSError as error:
        return finding.Finding(what, False, f"{path} cannot be read: {error.strerror}.")
    return finding.Finding(what, True, f"{path} can be read.")
