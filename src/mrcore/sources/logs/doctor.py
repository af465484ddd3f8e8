"""Which log files can be read, for `mrcore doctor`."""

from __future__ import annotations

import asyncio
import getpass
import os
import stat
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from mrcore import errors
from mrcore.logreader import follow, watch
from mrcore.sources import finding, logs

_NAMED = 5


async def examine(settings: logs.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Look for the files as the reader does; each that it cannot read is a finding."""
    return await asyncio.to_thread(_examine, settings)


def _examine(settings: logs.Settings) -> list[finding.Finding]:
    looked = watch.Watch(settings.folder, settings.files, settings.names)
    try:
        looked.poll(time.time())
        return list(_findings(settings, looked))
    finally:
        looked.close()


def _findings(settings: logs.Settings, looked: watch.Watch) -> Iterator[finding.Finding]:
    if looked.problem:
        yield _missing("folder", settings.folder, looked.problem)
    streams = looked.streams.values()
    readable = [stream for stream in streams if stream.problem is None]
    if readable:
        yield finding.Finding("read", True, f"{_amount(readable)} can be read.")
    elif not looked.problem:
        where = ", ".join((settings.folder, *settings.files)).strip(", ") or "nothing"
        yield finding.Finding("read", False, f"No log file can be read; the settings name {where}.")
    for stream in streams:
        if stream.problem:
            yield _missing(stream.name, stream.path, stream.problem)
    if looked.too_many:
        sentence = f"{looked.too_many:,} more files are not followed."
        yield finding.Finding("number", False, sentence, "files = […]  # those that matter")


def _amount(streams: list[follow.Stream]) -> str:
    """How many files, with the names of the first."""
    names = ", ".join(stream.name for stream in streams[:_NAMED])
    rest = len(streams) - _NAMED
    named = f"{names} and {rest:,} more" if rest > 0 else names
    return f"{len(streams):,} {'file' if len(streams) == 1 else 'files'} ({named})"


def _missing(what: str, path: str, problem: errors.SourceError) -> finding.Finding:
    found = finding.of(what, problem)
    if not isinstance(problem, errors.NotPermitted):
        return found
    return found._replace(fix=_right(Path(path)))


def _right(path: Path) -> str:
    """The command that lets this user read a file: its group's right, which outlives a rotation.

    What cannot be looked at, or is its owner's only, is given by an access list.
    """
    user = getpass.getuser()
    for parent in reversed(path.parents):
        if not os.access(parent, os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            return f"setfacl -m u:{user}:x {parent}"
    found = path.stat()
    needed = stat.S_IRGRP | (stat.S_IXGRP if stat.S_ISDIR(found.st_mode) else 0)
    if found.st_gid and found.st_mode & needed == needed:
        return f"usermod -aG {_group(path)} {user}"
    return f"setfacl -m u:{user}:{'rx' if stat.S_ISDIR(found.st_mode) else 'r'} {path}"


def _group(path: Path) -> str:
    try:
        return path.group()
    except KeyError:
        return str(path.stat().st_gid)
