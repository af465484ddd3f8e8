"""How a process of Mr. Mentor that is started by hand joins the stack of a state folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mrcore import errors, folder

FILE = "mentor.json"


def keep(state: folder.StateFolder, names: Mapping[str, str]) -> None:
    """Write down what the stack tells Mr. Mentor's processes (0600: passwords are in it)."""
    state.write_json(FILE, dict(names))


def join(state: Path | None) -> None:
    """Set what the environment does not say from the stack that runs in `state`, if one is named.

    Raises StackError when no stack runs there.
    """
    if state is None:
        return
    where = folder.StateFolder(state)
    found = where.read_json(FILE)
    if found is None or not where.locked("stack.lock"):
        raise errors.StackError(
            f"No stack runs in {where.path}.", fix=f"Start one: mrcore up --state {where.path}"
        )
    for name, value in found.items():
        os.environ.setdefault(name, str(value))
    os.environ["MR_STATE"] = str(where.path)
