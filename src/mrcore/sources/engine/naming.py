"""Whom a ref names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from mrcore import errors
from mrcore.model import base, ref

T = TypeVar("T")


def ids(source: str, of: base.Ref, kind: str, count: int) -> tuple[str, ...] | None:
    """The ids of a ref of that kind; None for any other."""
    try:
        address = ref.parse(of)
        found = tuple(part.decode() for part in address.ids)
    except ValueError:
        return None
    if (address.source, address.kind, len(found)) != (source, kind, count):
        return None
    return found


def job(source: str, of: base.Ref) -> tuple[str, str]:
    """Queue and id of a job's ref. Raises NotFound."""
    found = ids(source, of, "job", 2)
    if found is None:
        raise errors.NotFound(f"{of} is not a job of {source}; it is {source}/job/<queue>/<id>.")
    return found[0], found[1]


def by_queue(
    source: str, some: Iterable[T], of: Callable[[T], base.Ref]
) -> dict[str, list[tuple[T, str]]]:
    """Each with its job's id, by the queue of its ref. Raises NotFound."""
    found: dict[str, list[tuple[T, str]]] = {}
    for one in some:
        name, job_id = job(source, of(one))
        found.setdefault(name, []).append((one, job_id))
    return found
