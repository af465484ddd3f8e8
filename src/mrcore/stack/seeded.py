"""What the one-shot seed has done in a state folder, so that the next start need not ask again."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any

from mrcore import folder
from mrcore.stack import addresses

FILE = "seeded.json"
_PARTS = ("schema", "roles.py")


def stamp(server: addresses.Server, seed: int | None, scale: str) -> dict[str, Any]:
    """What a seed of this server, with the schema of this version, would leave."""
    digest = hashlib.sha256()
    mentor = resources.files("mrcore") / "mentor"
    for part in _PARTS:
        entry = mentor / part
        files = sorted(entry.iterdir(), key=lambda f: f.name) if entry.is_dir() else [entry]
        for file in files:
            digest.update(file.read_bytes() if file.is_file() else b"")
    where = "own" if server.own else f"{server.host}:{server.port}"
    return {"server": where, "schema": digest.hexdigest(), "seed": seed, "scale": scale}


def covers(state: folder.StateFolder, wanted: dict[str, Any]) -> bool:
    """Whether what is wanted was done already; data that nobody asks for now does no harm."""
    kept = state.read_json(FILE) or {}
    same = all(kept.get(key) == wanted[key] for key in ("server", "schema"))
    data = all(kept.get(key) == wanted[key] for key in ("seed", "scale"))
    return same and (data or wanted["seed"] is None)


def keep(state: folder.StateFolder, done: dict[str, Any]) -> None:
    """Write down what was done; the schema alone leaves earlier data as it was."""
    kept = state.read_json(FILE) or {}
    if done["seed"] is None and kept.get("server") == done["server"]:
        done = {**done, "seed": kept.get("seed"), "scale": kept.get("scale")}
    state.write_json(FILE, done)


def seed(state: folder.StateFolder) -> int | None:
    """The seed of the folder's data, None without data."""
    number = (state.read_json(FILE) or {}).get("seed")
    return number if isinstance(number, int) else None
