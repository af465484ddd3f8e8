"""`mrcore doctor`: what the core and each source may see and do here, and what is missing.

It looks with the rights of whoever runs it and changes nothing but Redis's health canary.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple

from mrcore import errors, folder, settings, sources
from mrcore.doctor import doors, state
from mrcore.sources import finding

DEADLINE_S = 15.0
CORE = "core"


class Part(NamedTuple):
    """The core or one source; it is `wrong` when its settings are, `late` when it took too long."""

    name: str
    kind: str
    findings: tuple[finding.Finding, ...]
    wrong: bool = False
    late: bool = False


async def examine(
    where: folder.StateFolder,
    own: settings.Settings,
    *,
    now: Callable[[], datetime],
    deadline_s: float = DEADLINE_S,
) -> list[Part]:
    """The core itself, then every source in the order of the settings; all at once."""

    def source(name: str, table: dict[str, Any]) -> Awaitable[Part]:
        kind = str(table.get("kind", name))
        return _within(deadline_s, name, kind, sources.examine(name, table, now=now))

    # One after the other, because an import holds up the deadlines of those that run already.
    for name, table in own.sources.items():
        if (kind := str(table.get("kind", name))) in sources.REGISTRY:
            sources.load(name, kind)
    parts = (source(name, table) for name, table in own.sources.items())
    return list(await asyncio.gather(_itself(deadline_s, where, own, now), *parts))


async def _itself(
    deadline_s: float,
    where: folder.StateFolder,
    own: settings.Settings,
    now: Callable[[], datetime],
) -> Part:
    """The core's own files and doors; neither waits for the other."""
    looks = (
        asyncio.to_thread(state.examine, where, own, now),
        doors.running(where),
        asyncio.to_thread(doors.socket, where, own),
        asyncio.to_thread(doors.listen, where, own, now),
    )
    parts = await asyncio.gather(*(_within(deadline_s, CORE, CORE, look) for look in looks))
    return Part(
        CORE,
        CORE,
        tuple(one for part in parts for one in part.findings),
        wrong=any(part.wrong for part in parts),
        late=any(part.late for part in parts),
    )


async def _within(
    deadline_s: float, name: str, kind: str, looking: Awaitable[list[finding.Finding]]
) -> Part:
    """One look; what goes wrong with it, or lasts too long, is its own finding."""
    try:
        async with asyncio.timeout(deadline_s):
            return Part(name, kind, tuple(await looking))
    except TimeoutError:
        sentence = f"No answer within {deadline_s:g} s."
        slow = finding.Finding("reach", False, sentence, known=False)
        return Part(name, kind, (slow,), late=True)
    except errors.SettingsError as error:
        return Part(name, kind, (finding.of("settings", error),), wrong=True)
    except errors.MrError as error:
        return Part(name, kind, (finding.of("reach", error),))
