"""Which BullMQ queues there are: found by a slow SCAN for `<prefix>:*:meta`, or named."""

from __future__ import annotations

import asyncio
import operator
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mrcore import errors
from mrcore.model import base
from mrcore.sources import kept
from mrcore.sources.bullmq import asking
from mrcore.sources.redis import link

PREFIX = "bull"
OURS = "mr:bullmq:"
"""What our own keys begin with: quarantine, what was removed, who paused."""

PAUSE_S = 0.02
ROUND_S = 60.0
AGAIN_S = 0.25
LAYOUT = 6
"""The one layout that is written to: its scripts are those of the Python package 3.4."""

_COUNT = 4_000
_MOST = 1_000
_VERSION = re.compile(r"bullmq:(\d+)\.[\w.+-]+")


@dataclass(frozen=True)
class Place:
    """A queue under its prefix. The default prefix is left out of the name that is shown."""

    prefix: str
    name: str

    @property
    def shown(self) -> str:
        return self.name if self.prefix == PREFIX else f"{self.prefix}:{self.name}"

    @property
    def base(self) -> str:
        """What its keys begin with: the engine appends `wait`, `meta` or a job's id."""
        return f"{self.prefix}:{self.name}:"

    @property
    def ours(self) -> str:
        """What our keys of it begin with; a hash tag of its name keeps them in its slot."""
        return f"{OURS}{self.base}"

    def job(self, job_id: str) -> str:
        return self.base + job_id


class Owner(NamedTuple):
    """A queue whose jobs are asked for, and what may be done to them."""

    at: Place
    may: tuple[base.ActionId, ...]


def major(version: str) -> int | None:
    """The major version that `meta.version` names; None for another engine's, and for none."""
    found = _VERSION.fullmatch(version)
    return int(found[1]) if found else None


def refusal(place: Place, version: str, *, paused_list: bool) -> str:
    """Why this queue is not written to, or '' where it may be.

    `paused_list` is whether it has the list that only layouts before 6 have.
    """
    there = major(version)
    if there == LAYOUT and not paused_list:
        return ""
    if there == LAYOUT:
        what = f"is opened by {version} and still has jobs in the paused list of BullMQ 5"
    elif there is None:
        what = f"does not say which BullMQ wrote it ({version or 'no version'})"
    else:
        what = f"is of {version.replace(':', ' ')}"
    return (
        f"{place.shown} {what}: only queues of BullMQ {LAYOUT} are written to, because the scripts "
        "of another version lose jobs. Use its Bull Board (source bullboard) for this."
    )


class Found:
    """The queues known so far: at most 1,000; `only` limits them, `prefixes` are looked for."""

    def __init__(self, prefixes: Sequence[str], only: Collection[str]) -> None:
        self.prefixes = tuple(prefixes)
        self._only = frozenset(only)
        self._places: dict[str, Place] = {}
        self.refused = ""
        """What Redis does not let us do to find queues, or ''."""
        self.looked = asyncio.Event()
        """Set once all keys have been looked at for the first time."""
        for shown in only:
            self._add(next(self.candidates(shown)))

    def places(self) -> list[Place]:
        return [self._places[shown] for shown in sorted(self._places)]

    def candidates(self, shown: str) -> Iterator[Place]:
        """What a shown name may be, the likeliest first."""
        if (known := self._places.get(shown)) is not None:
            yield known
        for prefix in sorted(self.prefixes, key=len, reverse=True):
            if prefix != PREFIX and shown.startswith(f"{prefix}:"):
                yield Place(prefix, shown[len(prefix) + 1 :])
        yield Place(PREFIX, shown)

    def wanted(self, shown: str) -> bool:
        return not self._only or shown in self._only

    def seen(self, key: str) -> None:
        """A hash has been seen that is a queue's meta."""
        for prefix in self.prefixes:
            if key.startswith(f"{prefix}:") and key.endswith(":meta"):
                name = key[len(prefix) + 1 : -len(":meta")]
                if name:
                    self._add(Place(prefix, name))

    def _add(self, place: Place) -> None:
        if self.wanted(place.shown) and len(self._places) < _MOST:
            self._places[place.shown] = place

    async def place(self, client: link.Client, shown: str) -> Place | None:
        """Where a queue is, if it is there and wanted; its meta is asked for."""
        if not self.wanted(shown):
            return None
        choices = list(dict.fromkeys(self.candidates(shown)))
        commands = [("HMGET", place.base + "meta", *META) for place in choices]
        for place, reply in zip(choices, await asking.ask(client, *commands), strict=True):
            if is_meta(reply):
                self._add(place)
                return place
        return None


META = ("version", "opts.maxLenEvents", "paused", "concurrency", "max", "duration")
"""Fields of a queue's meta that tell that it is one, and what it is set to."""


def is_meta(reply: object) -> bool:
    """Whether HMGET of META found a queue: every BullMQ writes one of the first two."""
    return isinstance(reply, list) and any(isinstance(value, bytes) for value in reply[:3])


async def seek(hand: kept.Kept[link.Client], found: Found) -> None:
    """Look for queues for ever, some keys at a time, so that nobody notices."""
    while True:
        whole = True
        for prefix in found.prefixes:
            whole = await _round(hand, found, prefix) and whole
        if whole:
            found.looked.set()
        await asyncio.sleep(ROUND_S if whole else AGAIN_S)


async def _round(hand: kept.Kept[link.Client], found: Found, prefix: str) -> bool:
    """All keys once; False where Redis did not answer: the samples say so."""
    cursor = b"0"
    pattern = re.sub(r"([\\*?\[\]])", r"\\\1", prefix) + ":*:meta"
    while True:
        try:
            command = ("SCAN", cursor, "MATCH", pattern, "COUNT", _COUNT)
            (reply,) = await hand.run(operator.methodcaller("ask", command))
            found.refused = link.needs(reply, "SCAN") if isinstance(reply, Exception) else ""
            if not isinstance(reply, list):
                return False
            cursor, names = reply
            metas = await hand.run(
                operator.methodcaller("ask", *(("HMGET", name, *META) for name in names))
            )
        except errors.SourceError:
            return False
        for name, meta in zip(names, metas, strict=True):
            if is_meta(meta):
                found.seen(name.decode("utf-8", "replace"))
        if cursor == b"0":
            return True
        await asyncio.sleep(PAUSE_S)
