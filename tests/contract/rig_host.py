"""This machine, with a folder whose name is odd."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mrcore.model import base, ref
from tests.contract import rig

ODD = "da/t%a?d é"


class Host(rig.Rig):
    kind = "host"
    lacks = {
        "frozen": "it asks the system: there is no server to stop",
        "killed": "it asks the system: there is no server to kill",
        "limited": "how full a disk is may be asked by everybody",
        "guards": "describe() has no actions",
    }

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def close(self) -> None:
        """Nothing was started."""

    def table(self) -> dict[str, Any]:
        return {"paths": {ODD: str(self._folder)}}

    def odd(self) -> tuple[base.Ref, ...]:
        return (ref.make("host", "disk", ODD),)

    def unknown(self) -> tuple[base.Ref, ...]:
        return ("host/disk/none", "host/disk", "host/other/here")
