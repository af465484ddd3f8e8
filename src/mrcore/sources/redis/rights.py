"""Whether this login may delete keys so that it can be undone: asked once a connection."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from redis import exceptions

from mrcore.sources.redis import link, own

REPLICA = "keys cannot be deleted here: this is a read-only replica"


@dataclass(frozen=True)
class Rights:
    """`trash`: by renaming; `dump`: by keeping a small value in the core.

    `missing` says what cannot be done without which right; `line` is the ACL line for all of it.
    """

    trash: bool
    dump: bool
    missing: str = ""
    line: str = ""

    @property
    def any(self) -> bool:
        """Whether some keys can be deleted at all."""
        return self.trash or self.dump


async def ask(client: link.Client, login: str) -> Rights:
    """Try each command on names that nobody has, below `mr:canary:` and `mr:trash:`.

    ACL GETUSER and ACL DRYRUN need rights that few logins have; a command on a key that does
    not exist changes nothing, and is refused as it would be on another.
    """
    token = secrets.token_hex(8).encode()
    free, trash = own.CANARY + b"ask:" + token, own.TRASH + b"ask:" + token
    by_trash: tuple[link.Command, ...] = (
        ("EVAL", "return 1", 0),
        ("PEXPIRE", trash, 1),
        ("RENAME", free, trash),
        ("RENAMENX", trash, free),
        ("PEXPIREAT", free, 1),
        ("PERSIST", free),
    )
    by_dump: tuple[link.Command, ...] = (
        ("DUMP", free),
        ("UNLINK", free),
        ("RESTORE", free, 0, b"no dump"),
        ("WATCH", free),
        ("UNWATCH",),
    )
    replies = await client.ask(*by_trash, *by_dump)
    begun = (await client.ask(("MULTI",)))[0]
    ended = (await client.ask(("DISCARD",)))[0]
    if any(isinstance(reply, exceptions.ReadOnlyError) for reply in replies):
        return Rights(trash=False, dump=False, missing=REPLICA)
    half = len(by_trash)
    lacks = _lacks(by_trash, replies[:half], trash)
    others = _lacks(
        (*by_dump, ("MULTI",), ("DISCARD",)),
        [*replies[half:], begun, ended if not isinstance(begun, Exception) else None],
    )
    return _told(login, lacks, others)


def _told(login: str, lacks: list[str], others: list[str]) -> Rights:
    """The rights, from what each of the two ways lacks."""
    line = _line(login, lacks)
    missing = ""
    if lacks:
        away = ", ".join(lack for lack in lacks if lack[0] not in "+~")
        needs = " and ".join(filter(None, (f"needs {line}" if line else "", away)))
        loss = "only values up to 64 KiB can be deleted" if not others else "no key can be deleted"
        missing = f"{needs}: {loss}"
    return Rights(trash=not lacks, dump=not others, missing=missing, line=line)


def _line(login: str, lacks: list[str]) -> str:
    """The ACL line that an administrator has to run; '' where none helps."""
    words = [lack for lack in lacks if lack[0] in "+~"]
    return " ".join(("ACL SETUSER", login, *words)) if words else ""


def _lacks(
    commands: tuple[link.Command, ...], replies: list[link.Reply], trash: bytes = b""
) -> list[str]:
    """What is missing in an ACL, as ACL SETUSER takes it; a disabled command by its name.

    That this name is not covered by the login's patterns says nothing of others, but for `trash`.
    """
    found: dict[str, None] = {}
    for command, reply in zip(commands, replies, strict=True):
        name, words = str(command[0]), str(reply)
        if not isinstance(reply, Exception):
            continue
        if isinstance(reply, exceptions.NoPermissionError):
            if "command" in words:
                found[f"+{name.lower()}"] = None
            elif trash and command[1] == trash:
                found["~mr:trash:*"] = None
        elif "unknown command" in words or "same slot" in words:
            found[f"{name} is not available"] = None
    return list(found)
