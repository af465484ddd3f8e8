"""What a Bull Board shows and allows, for `mrcore doctor`; it only reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mrcore import errors
from mrcore.sources import finding
from mrcore.sources.bullboard import link as links
from mrcore.sources.bullboard import look, offers, rows, shape


async def examine(settings: links.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Ask the overview once."""
    board = links.Link(settings)
    seer = look.Look(board, rows.Maker(settings.kind, {}))
    board.start()
    try:
        await seer.app("")
    except errors.SourceError as error:
        return [finding.of("board", error)]
    finally:
        await seer.stop()
        await board.stop()
    return _found(settings, list(seer.apps.values()))


def _found(settings: links.Settings, apps: list[shape.App]) -> list[finding.Finding]:
    told = ", ".join(sorted({shape.words(app) for app in apps})) or "no queues"
    sentence = f"{settings.url} shows {len(apps)} queues: {told}."
    read_only = [rows.text(app.get("name")) for app in apps if app.get("readOnlyMode")]
    found = [finding.Finding("board", True, sentence)]
    if read_only:
        names = ", ".join(read_only[:5])
        found.append(finding.Finding("act", False, f"Shown read-only by the board: {names}."))
    lacking = [a for a in _all_actions() if a not in offers.of_board(apps)]
    if apps and lacking:
        sentence = f"This board cannot do {', '.join(lacking)}: it is older, or does not allow it."
        found.append(finding.Finding("actions", False, sentence))
    return found


def _all_actions() -> tuple[str, ...]:
    """All that the source can do on the newest board."""
    newest: shape.App = {"type": "bullmq", "supportsGlobalRateLimit": True}
    return offers.of_board([newest, {**newest, "isPaused": True}])
