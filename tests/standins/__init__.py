"""Recorded stand-ins for tools that cannot run here; nothing in this folder is the real tool.

Each is one program with recorded answers in the form of the real one. What it knows is in a JSON
file beside it (`<tool>.json`), which a test writes and reads: `pid`, `restarts`, `started_s`,
`state`, and `refuses` to say that its user lacks a right.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TOOLS = ("docker", "kubectl", "pm2", "sudo", "systemctl")
STARTED_S = 1_772_366_400  # 2026-03-01 12:00:00 UTC
FRESH = {"pid": 4_200_000, "restarts": 0, "started_s": STARTED_S, "state": "up", "refuses": False}


def lay(folder: Path) -> None:
    """Copy every tool into a folder for PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    for tool in TOOLS:
        path = folder / tool
        text = (Path(__file__).parent / f"{tool}.py").read_text()
        # The interpreter itself: what PATH calls python3 may be a slow shim.
        path.write_text(f"#!{sys.executable} -IS\n{text.partition(chr(10))[2]}")
        path.chmod(0o755)
        know(folder, tool)


def know(folder: Path, tool: str, **facts: Any) -> dict[str, Any]:
    """Change what a tool knows; what it knows now."""
    path = folder / f"{tool}.json"
    table = json.loads(path.read_text()) if path.exists() else dict(FRESH)
    table.update(facts)
    path.write_text(json.dumps(table))
    return table


def again(folder: Path, tool: str) -> None:
    """What a restart by somebody else leaves behind."""
    now = know(folder, tool)
    later = {"pid": now["pid"] + 1, "started_s": now["started_s"] + 60}
    know(folder, tool, restarts=now["restarts"] + 1, state="up", **later)
