"""What Redis lets this login see of RQ's queues and do to them, for `mrcore doctor`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mrcore import errors
from mrcore.queues import words
from mrcore.sources import finding, rq
from mrcore.sources.redis import link
from mrcore.sources.rq import keys, rights, vanishing


async def examine(settings: rq.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Connect once and ask; what is missing comes with the ACL line for it."""
    opener, login = link.Link(settings.url, alone="RQ"), link.login(settings.url)
    who = rights.Rights(login)
    try:
        client = await opener.open()
    except errors.SourceError as error:
        return [finding.Finding("reach", False, error.sentence, error.fix)]
    try:
        (queues,) = await client.ask(("SMEMBERS", keys.QUEUES))
        await who.ask(client, now())
        refused = await vanishing.listen(client)
    except opener.failures as error:
        return [finding.Finding("reach", False, opener.explain(error).sentence)]
    finally:
        await opener.close(client)
    return [_queues(login, queues), _acts(who), _told(login, refused)]


def _queues(login: str, queues: link.Reply) -> finding.Finding:
    what = "see queues"
    if isinstance(queues, Exception):
        # `~*` takes no pattern beside it: they are named only where they are what is missing.
        fix = "+@read" if "command" in str(queues) else "~rq:* ~mr:rq:*"
        missing = link.needs(queues, "SMEMBERS")
        return finding.Finding(what, False, f"{missing}.", f"ACL SETUSER {login} {fix}")
    if not queues:
        return finding.Finding(what, True, "RQ has no queue in this database yet.")
    return finding.Finding(what, True, f"RQ has {words.some(len(queues), 'queue')}.")


def _acts(who: rights.Rights) -> finding.Finding:
    if who.line:
        return finding.Finding("act on jobs", False, "Jobs cannot be acted upon.", who.line)
    return finding.Finding("act on jobs", True, "Jobs can be retried, removed and quarantined.")


def _told(login: str, refused: str) -> finding.Finding:
    """RQ deletes a job with result_ttl=0 as it succeeds: its run is seen only by who is told."""
    what = "see jobs vanish"
    if not refused:
        return finding.Finding(what, True, "Jobs with result_ttl=0 leave a run, too.")
    sentence = f"Jobs with result_ttl=0 leave no run: {refused}."
    _, needs, missing = refused.partition("needs ")
    return finding.Finding(what, False, sentence, f"ACL SETUSER {login} {missing}" if needs else "")
