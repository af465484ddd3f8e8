"""What Redis lets this login see and do, for `mrcore doctor`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from redis import exceptions

from mrcore import errors
from mrcore.sources import finding
from mrcore.sources.redis import canary, info, link, rights

_READS: tuple[tuple[str, link.Command, str], ...] = (
    ("memory, clients and rates", ("INFO",), "INFO"),
    ("number of keys", ("DBSIZE",), "DBSIZE"),
    ("names of keys", ("SCAN", 0, "COUNT", 1), "SCAN"),
    ("types of keys", ("TYPE", "mr:canary:core"), "TYPE"),
    ("expiry of keys", ("PTTL", "mr:canary:core"), "PTTL"),
    ("memory of keys", ("MEMORY", "USAGE", "mr:canary:core"), "MEMORY USAGE"),
    ("values of keys", ("GETRANGE", "mr:canary:core", 0, 1), "GETRANGE"),
)


async def examine(settings: link.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Connect once and try; what is missing comes with the ACL line for it. Raises nothing.

    Writes the health canary, as every sample does, and nothing else.
    """
    opener, login = link.Link(settings.url), link.login(settings.url)
    began = now()
    try:
        client = await opener.open()
    except errors.SourceError as error:
        return [finding.Finding("reach", False, error.sentence, error.fix)]
    try:
        took_ms = (now() - began).total_seconds() * 1000
        replies = await client.ask(*(command for _, command, _ in _READS))
        wrote = await canary.write(client)
        may = await rights.ask(client, login)
    except opener.failures as error:
        return [finding.Finding("reach", False, opener.explain(error).sentence)]
    finally:
        await opener.close(client)
    return [
        _reach(replies[0], login, took_ms),
        *_reads(login, replies),
        *(_hello(login, name, why) for name, why in client.missing.items()),
        _canary(login, wrote, hidden=any(map(_is_hidden, replies))),
        _delete(may),
    ]


def _reach(said: link.Reply, login: str, took_ms: float) -> finding.Finding:
    facts = info.parse(said) if isinstance(said, bytes) else {}
    version = facts.get("valkey_version") or facts.get("redis_version", "of unknown version")
    product = "Valkey" if "valkey_version" in facts else "Redis"
    return finding.Finding(
        "reach", True, f"{product} {version} answers {login} in {took_ms:.0f} ms."
    )


def _reads(login: str, replies: list[link.Reply]) -> Iterator[finding.Finding]:
    for (what, _, name), reply in zip(_READS, replies, strict=True):
        # Whether its patterns cover this key says nothing of those that are to be shown.
        if isinstance(reply, Exception) and not _is_hidden(reply):
            yield _missing(what, login, name, reply)
        else:
            yield finding.Finding(what, True, f"{name} is allowed.")


def _is_hidden(reply: link.Reply) -> bool:
    """Whether the command is allowed, and its key is not."""
    return isinstance(reply, exceptions.NoPermissionError) and "command" not in str(reply)


def _missing(what: str, login: str, name: str, reply: Exception) -> finding.Finding:
    if not isinstance(reply, exceptions.NoPermissionError):
        return finding.Finding(what, False, f"{link.needs(reply, name)}.")
    fix = f"ACL SETUSER {login} +{name.lower().replace(' ', '|')}"
    return finding.Finding(what, False, f"{name} is not allowed.", fix)


def _hello(login: str, name: str, why: str) -> finding.Finding:
    fix = f"ACL SETUSER {login} +{name.lower().replace(' ', '|')}" if "needs +" in why else ""
    return finding.Finding(name.lower(), False, f"{why}.", fix)


def _canary(login: str, wrote: canary.Canary, *, hidden: bool) -> finding.Finding:
    """`hidden`: its key is not covered by the login's patterns; `~*` takes no other beside it."""
    if wrote.ok:
        return finding.Finding("health", True, "A write is written and read back.")
    fix = ""
    if wrote.code == "not_permitted":
        words = ("+set", "+get", "~mr:canary:*") if hidden else ("+set", "+get")
        fix = " ".join(("ACL SETUSER", login, *words))
    return finding.Finding("health", False, f"{wrote.why}.", fix)


def _delete(may: rights.Rights) -> finding.Finding:
    if not may.missing:
        return finding.Finding("delete keys", True, "Keys can be deleted, and put back for 24 h.")
    return finding.Finding("delete keys", False, f"{may.missing}.", may.line)
