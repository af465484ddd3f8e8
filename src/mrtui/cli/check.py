"""`mrtui check`: one line and an exit code, for scripts and other monitors."""

from __future__ import annotations

import argparse
import asyncio
from datetime import datetime

from mrcore import errors
from mrcore.model import base
from mrtui import columns, world
from mrtui.cli import reach, status
from mrtui.columns import fmt
from mrtui.terminal import safe_text

CODES = {base.Level.OK: 0, base.Level.WARN: 1, base.Level.BAD: 2, base.Level.UNKNOWN: 3}
PATIENCE_S = 10.0
MOST_NAMED = 3


def run(options: argparse.Namespace) -> int:
    """Ask once; a core that cannot be asked is unknown."""
    try:
        _, connect = reach.core(options)
        asked = status.look(connect)
        known, now = asyncio.run(asyncio.wait_for(asked, PATIENCE_S))
    except (errors.MrError, TimeoutError) as error:
        why = str(error) or f"the core did not answer in {PATIENCE_S:.0f} s"
        print(f"{fmt.GLYPHS[base.Level.UNKNOWN]} unknown: {safe_text.safe_text(why)}")
        return CODES[base.Level.UNKNOWN]
    print(safe_text.safe_text(sentence(known, now)))
    return CODES[known.level(now)]


def sentence(known: world.World, now: datetime) -> str:
    """`✖ bad: queue emailQueue no worker for 6 min; check smtp BadCredentials; 3 more`."""
    level = known.level(now)
    troubles = known.troubles(now)
    if not troubles:
        sampled = fmt.plural(len(known.sampled_at), "source")
        return f"{fmt.GLYPHS[level]} {level.value}: {sampled}, nothing in trouble"
    named = [columns.said(trouble) for trouble in troubles[:MOST_NAMED]]
    if len(troubles) > MOST_NAMED:
        named.append(f"{len(troubles) - MOST_NAMED} more")
    return f"{fmt.GLYPHS[level]} {level.value}: {'; '.join(named)}"
