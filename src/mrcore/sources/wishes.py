"""What a core wants of the supervisor of its stack: small files in STATE/restart.

The supervisor stops its child as that child wants to be stopped (Postgres by SIGINT), and starts
it again: at once, or, where it is to stay stopped, with the next wish. A pid of a child that it has
not waited for cannot be another process's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from mrcore import folder

FOLDER = "restart"


class Wish(NamedTuple):
    """That the process `name` begins anew, if it still is `pid`; `by` is who wants it.

    One that `stays` is to end and not to begin again. `pid` 0 is one that has none, which begins
    at once though it was to wait, or, where it stays, whatever it is now: what ends again and again
    has another each time.
    """

    name: str
    pid: int
    by: str
    stays: bool = False


def write(state: folder.StateFolder, wish: Wish) -> None:
    """Leave a wish; the last one for a process counts. Raises OSError."""
    (state / FOLDER).mkdir(mode=0o700, exist_ok=True)
    path = _path(state, wish.name)
    temporary = path.with_name(f".{os.getpid()}")
    temporary.write_text(json.dumps(wish._asdict()))
    temporary.replace(path)


def withdraw(state: folder.StateFolder, name: str) -> bool:
    """Take a wish back; False when it was heard already."""
    try:
        _path(state, name).unlink()
    except FileNotFoundError:
        return False
    return True


def take(state: folder.StateFolder) -> Iterator[Wish]:
    """Every wish there is, each once; what is no wish is removed."""
    try:
        paths = [path for path in (state / FOLDER).iterdir() if not path.name.startswith(".")]
    except OSError:
        return
    for path in paths:
        try:
            text = path.read_text()
            path.unlink()
            found = json.loads(text)
            stays = found.get("stays") is True
            yield Wish(str(found["name"]), int(found["pid"]), str(found["by"]), stays)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue


def _path(state: folder.StateFolder, name: str) -> Path:
    return state / FOLDER / quote(name, safe="")
