"""Real log files, some with names that are hard to write down."""

from __future__ import annotations

import operator
import os
import signal
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources import logs
from tests.contract import rig

ODD = "a b%c?d é"
NAMES = ("app", ODD)
LINES = 40


def _lines(name: str) -> list[str]:
    return [f"2026-03-01T12:00:{i:02d}Z INFO {name} says {i}" for i in range(LINES)]


def _rows(*names: str) -> frozenset[str]:
    return frozenset(line for name in names for line in _lines(name))


class Logs(rig.Rig):
    kind = "logs"
    lacks = {
        "limited": "the reader runs as the core does; its own tests have files it may not read",
        "guards": "describe() has no actions",
        "minute": "a reader that says nothing for 5 s is killed, and another one started",
    }

    def __init__(self, place: Path) -> None:
        self._folder = place / "logs"
        self._folder.mkdir(parents=True)
        for name in NAMES:
            (self._folder / f"{name}.log").write_text("\n".join([*_lines(name), ""]))

    def close(self) -> None:
        """Files need no end."""

    def table(self) -> dict[str, Any]:
        return {"folder": str(self._folder)}

    def pid(self, source: source_base.Source) -> int:
        assert isinstance(source, logs.LogsSource)
        assert source.reader_pid is not None
        return source.reader_pid

    async def identities(self, source: source_base.Source) -> Hashable:
        return self.pid(source)

    def kill(self, source: source_base.Source) -> None:
        os.kill(self.pid(source), signal.SIGKILL)

    def spawn(self) -> None:
        """The source starts its reader again by itself."""

    def settle(self) -> None:
        """Its content is in files."""

    def listings(self) -> tuple[rig.Listing, ...]:
        text = operator.attrgetter("text")
        return tuple(
            rig.Listing(ref.make("logs", "stream", name), "lines", _rows(*names), query, text)
            for name, names in (("app", ("app",)), ("*", NAMES))
            for query in (
                plans.Query(limit=7),
                plans.Query(limit=7, order="oldest"),
                plans.Query(limit=300),
            )
        )

    def odd(self) -> tuple[base.Ref, ...]:
        return (ref.make("logs", "stream", ODD),)

    def unknown(self) -> tuple[base.Ref, ...]:
        return ("logs/stream/none", "logs/line/app/999999999", "logs/line/none/0")
