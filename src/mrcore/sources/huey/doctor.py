"""What Redis lets this login see of huey's queues and do to them, for `mrcore doctor`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mrcore import errors
from mrcore.journal import keys
from mrcore.queues import words
from mrcore.sources import finding, huey, unit_doctor
from mrcore.sources.huey import rights
from mrcore.sources.redis import link


async def examine(settings: huey.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Connect once and ask; what is missing comes with the ACL line for it, or the tool's rule.

    Raises SettingsError for a unit whose table is wrong.
    """
    unit: list[finding.Finding] = []
    if settings.restart:
        unit = await unit_doctor.examine("workers", settings.restart, where="restart")
    return [*await _queues(settings, now), *unit]


async def _queues(settings: huey.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    opener, login = link.Link(settings.url, alone="huey"), link.login(settings.url)
    root = keys.Root(settings.prefix)
    who = rights.Rights(root, login)
    try:
        client = await opener.open()
    except errors.SourceError as error:
        return [finding.Finding("reach", False, error.sentence, error.fix)]
    try:
        (queues,) = await client.ask(("SMEMBERS", root.queues))
        await who.ask(client, now())
    except opener.failures as error:
        return [finding.Finding("reach", False, opener.explain(error).sentence)]
    finally:
        await opener.close(client)
    return [_journal(login, root, queues), _acts(who)]


def _journal(login: str, root: keys.Root, queues: link.Reply) -> finding.Finding:
    what = "see queues"
    if isinstance(queues, Exception):
        # `~*` takes no pattern beside it: they are named only where they are what is missing.
        patterns = f"~{root.base}* ~mr:schedule* ~huey.*"
        fix = f"ACL SETUSER {login} {'+@read' if 'command' in str(queues) else patterns}"
        return finding.Finding(what, False, f"{link.needs(queues, 'SMEMBERS')}.", fix)
    if not queues:
        sentence = f"No journal under {root.base}*: failed and active jobs cannot be seen."
        return finding.Finding(what, False, sentence, "journal.watch(huey)  # in the application")
    return finding.Finding(what, True, f"The journal has {words.some(len(queues), 'queue')}.")


def _acts(who: rights.Rights) -> finding.Finding:
    if who.line:
        return finding.Finding("act on jobs", False, "Jobs cannot be acted upon.", who.line)
    return finding.Finding("act on jobs", True, "Jobs can be retried, removed and quarantined.")
