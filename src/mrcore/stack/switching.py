"""The stack's small deployment: two colours, a file that names the live one, and its switch."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from mrcore import folder
from mrcore.stack import addresses

SCRIPT = Path(__file__).with_name("switch.sh")
FOLDER = "deploy"
_HEALTH, _PREFLIGHT = "/api/health", "/api/preflight"
_CACHES = "/api/caches"
GATE_S = 2.0
"""How long a colour must be healthy before it gets the traffic of a stack."""


def current(state: folder.StateFolder) -> Path:
    """The file that names the live colour."""
    return state / FOLDER / ".current_env"


def lay(state: folder.StateFolder) -> None:
    """Put the script there, for its owner only to run, and let blue be live at first."""
    place = state / FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    temporary = place / ".switch.sh"
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o500)
    with os.fdopen(fd, "wb") as file:
        file.write(SCRIPT.read_bytes())
    temporary.replace(place / "switch.sh")
    known = current(state)
    if not known.exists() or known.read_text().strip() not in addresses.COLOURS:
        known.write_text(f"{addresses.COLOURS[0]}\n")


def release(state: folder.StateFolder, colour: str) -> Path:
    """The file that says what a colour runs; it is read when that colour starts.

    `{"release": "2.1.0"}`, and for a bad one `"fails"` (health, requests) and `"after_s"`.
    """
    return state / FOLDER / f"{colour}.json"


def release_names(state: folder.StateFolder, colour: str) -> dict[str, str]:
    """What a colour's backend is told of it."""
    return {"MR_RELEASE_FILE": str(release(state, colour))}


def backend(state: folder.StateFolder, backends: dict[str, str], switch: str) -> dict[str, Any]:
    """Settings of the source `backend`: whichever colour has the traffic tells of the caches."""
    live = {"current": str(current(state)), "caches": f"{switch}{_CACHES}"}
    return {"kind": "backend", "urls": backends, **live}


def source(state: folder.StateFolder, backends: dict[str, str]) -> dict[str, Any]:
    """Settings of the source `deploy`; `backends` are URLs by colour."""
    known = current(state)
    return {
        "kind": "deploy",
        "current": str(known),
        "stack": str(state.path),
        "colours": {
            colour: {"health": url + _HEALTH, "preflight": url + _PREFLIGHT}
            for colour, url in backends.items()
        },
        "switch": {
            "adapter": "script",
            "gate_s": GATE_S,
            "argv": [str(known.with_name("switch.sh")), "{colour}", str(known)],
            "sha256": hashlib.sha256(SCRIPT.read_bytes()).hexdigest(),
        },
    }
