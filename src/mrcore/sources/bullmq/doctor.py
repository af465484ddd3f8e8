"""What Redis lets this login see of BullMQ's queues and do to them, for `mrcore doctor`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from redis import exceptions

from mrcore import errors
from mrcore.sources import bullmq, finding
from mrcore.sources.bullmq import library, rights
from mrcore.sources.redis import link


async def examine(settings: bullmq.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Connect once and ask; what is missing comes with the ACL line for it, or the command."""
    opener, login = link.Link(settings.url), link.login(settings.url)
    who = rights.Rights(settings.prefixes, login)
    try:
        client = await opener.open()
    except errors.SourceError as error:
        return [finding.Finding("reach", False, error.sentence, error.fix)]
    try:
        key = f"{settings.prefixes[0]}:mr:meta"
        hash_, scan, clients = await client.ask(
            ("HMGET", key, "version"), ("SCAN", 0, "COUNT", 1), ("CLIENT", "LIST", "ID", 0)
        )
        await who.ask(client, now())
    except opener.failures as error:
        return [finding.Finding("reach", False, opener.explain(error).sentence)]
    finally:
        await opener.close(client)
    found = [_see(login, settings, hash_, scan), _workers(login, clients), _act(who)]
    return [*found, *_tags(settings)] if client.is_cluster else found


def _see(
    login: str, settings: bullmq.Settings, hash_: link.Reply, scan: link.Reply
) -> finding.Finding:
    for command, reply in (("HMGET", hash_), ("SCAN", scan)):
        if isinstance(reply, Exception):
            patterns = " ".join(f"~{prefix}:*" for prefix in settings.prefixes)
            wanted = "+@read" if "command" in str(reply) else f"{patterns} ~mr:bullmq:*"
            fix = f"ACL SETUSER {login} {wanted}"
            return finding.Finding("see queues", False, f"{link.needs(reply, command)}.", fix)
    names = ", ".join(settings.prefixes)
    return finding.Finding("see queues", True, f"Queues under {names} can be found and read.")


def _tags(settings: bullmq.Settings) -> Iterator[finding.Finding]:
    """On a Cluster the keys of a queue must lie in one slot, or BullMQ's own scripts fail."""
    for prefix in settings.prefixes:
        if "{" not in prefix:
            sentence = (
                f"On a Cluster no queue works under {prefix!r} unless its name has a hash tag."
            )
            fix = f'Set what BullMQ\'s `prefix` is there: prefixes = ["{{{prefix}}}"]'
            yield finding.Finding("prefixes", False, sentence, fix)


def _workers(login: str, reply: link.Reply) -> finding.Finding:
    if isinstance(reply, exceptions.NoPermissionError):
        fix = f"ACL SETUSER {login} +client|list"
        return finding.Finding("see workers", False, "Workers cannot be seen.", fix)
    return finding.Finding("see workers", True, "Workers can be listed.")


def _act(who: rights.Rights) -> finding.Finding:
    what = "act on jobs"
    if why := library.missing():
        sentence, _, fix = why.removeprefix("actions: ").partition(": ")
        return finding.Finding(what, False, f"Actions {sentence}.", fix)
    if who.line:
        return finding.Finding(what, False, "Jobs cannot be acted upon.", who.line)
    return finding.Finding(what, True, "Jobs of BullMQ 6 can be retried, removed and quarantined.")
