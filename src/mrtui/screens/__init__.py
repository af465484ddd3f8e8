"""A file a screen: `make` loads it when it is first visited."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mrtui.screens import room

    AnyRoom = room.Room

OPENS = {
    "queue": "jobs",
    "job": "job",
    "stream": "logs",
    "search": "logs",
    "found": "found",
    "postgres": "postgres",
    "node": "redis",
    "operation": "operation",
    "run": "run",
    "slots": "slot_list",
    "mentor": "slot_list",
    "trails": "trails",
}
"""The screen that a kind opens into; every other kind has its detail shown."""

NAMES = (
    "home",
    "queues",
    "postgres",
    "redis",
    "logs",
    "alerts",
    "silences",
    "runbooks",
    "schedules",
    "workers",
    "stack",
    "sources",
    "audit",
    "operations",
    "ran",
    "plans",
    "tokens",
    "deploy",
    "slots",
    "trails",
    "host",
    "upstreams",
    "meetings",
    "troubles",
    "envs",
)
"""The screens that are about everything; the others are of a ref."""


def opens(kind: str) -> str:
    """The screen that shows one entity of a kind."""
    return OPENS.get(kind, "detail")


def make(name: str, ref: str = "", cursor: str = "") -> AnyRoom:
    """A new screen: the class `ROOM` of the file of that name."""
    room_class: type[AnyRoom] = importlib.import_module(f"mrtui.screens.{name}").ROOM
    return room_class(ref, cursor)
