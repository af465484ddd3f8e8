"""Who is connected to a process of this machine: what a restart would cut off."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import psutil

from mrcore.model import base, plans


def open_to(pid: int) -> int | None:
    """Established TCP connections on the listening ports of a process and its descendants.

    None where this user may not see them (needs the same user, or CAP_SYS_PTRACE). Blocks.
    """
    try:
        top = psutil.Process(pid)
        found = {each for p in (top, *top.children(recursive=True)) for each in _of(p)}
    except psutil.NoSuchProcess:
        return 0
    except psutil.AccessDenied:
        return None
    ports = {port for status, port, _ in found if status == psutil.CONN_LISTEN}
    return _established(found, ports)


def ports_of(pid: int) -> set[int]:
    """The ports on which a process and its descendants listen; none where it is gone. Blocks."""
    try:
        top = psutil.Process(pid)
        found = {each for p in (top, *top.children(recursive=True)) for each in _of(p)}
    except psutil.Error:
        return set()
    return {port for status, port, _ in found if status == psutil.CONN_LISTEN}


def open_at(port: int) -> int | None:
    """Established TCP connections to a port of this machine; None where it does not say. Blocks."""
    try:
        found = {_key(c) for c in psutil.net_connections("tcp") if c.laddr}
    except psutil.AccessDenied:
        return None
    return _established(found, {port})


def remarks(count: int | None, whose: str, says: str) -> Iterator[plans.Remark]:
    """What to know of so many open connections: nothing of none.

    `says` is a sentence with {n} for how many, for example "drops {n} of api".
    """
    if count is None:
        text = f"the connections of {whose} cannot be seen: needs CAP_SYS_PTRACE, or its user"
        yield plans.Remark(text=text, level=base.Level.WARN)
    elif count:
        open_ones = f"{count:,} open connection" + ("s" if count > 1 else "")
        yield plans.Remark(text=says.replace("{n}", open_ones))


_Key = tuple[str, int, object]


def _of(process: psutil.Process) -> Iterable[_Key]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [_key(c) for c in process.net_connections("tcp") if c.laddr]
    return []


def _key(connection: Any) -> _Key:
    """What tells connections apart, of any of psutil's tuples."""
    address = connection.laddr
    return connection.status, address.port, connection.raddr


def _established(found: Iterable[_Key], ports: set[int]) -> int:
    return sum(status == psutil.CONN_ESTABLISHED and port in ports for status, port, _ in found)
