"""Node engines and boards for the tests: installed once a lock into the user's cache.

`package.json` pins them: `bullmq` (layout 6), `bullmq5`, `bullmq4`, `bullmq3`, and Bull Board 9
and 5 to 8 (`bull-board-api6`; what `bull-board-express6` speaks to is its own nested copy). Scripts
are CommonJS (`*.cjs`) and run with `environment()`, by which `require` finds what was installed.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import platformdirs
import pytest

FOLDER = Path(__file__).parent
_FILES = ("package.json", "package-lock.json", ".npmrc")
_OLDEST = 20
_PATIENCE_S = 200


def script(name: str) -> Path:
    """A script of this folder."""
    return FOLDER / name


def environment() -> dict[str, str]:
    """What a Node process of the tests gets; installs first. Skips the test where it cannot."""
    return {**os.environ, "NODE_PATH": str(modules()), "NODE_ENV": "production"}


def modules() -> Path:
    """The `node_modules` folder of the lock; installs it once, also beside other test processes.

    Skips the test, with the reason, where Node is missing or nothing can be installed.
    """
    found, why = _modules()
    if found is None:
        pytest.skip(f"NODE: {why}")
    return found


@functools.cache
def _modules() -> tuple[Path | None, str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None, f"{'node' if node is None else 'npm'} is not installed."
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = told.stdout.strip().removeprefix("v").split(".")[0]
    if not major.isdigit() or int(major) < _OLDEST:
        return None, f"Node {_OLDEST} or newer is needed, this is {told.stdout.strip()!r}."
    texts = b"".join((FOLDER / name).read_bytes() for name in _FILES)
    key = hashlib.sha256(texts + major.encode()).hexdigest()[:12]
    cache = platformdirs.user_cache_path("mr-control-room-tests", ensure_exists=True)
    home = cache / f"node-{key}"
    with (cache / f"node-{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        why = "" if home.is_dir() else _install(npm, cache, home)
    return (None, why) if why else (home / "node_modules", "")


def _install(npm: str, cache: Path, home: Path) -> str:
    """Install beside `home` and rename it: what is there is whole. Returns what went wrong."""
    with tempfile.TemporaryDirectory(dir=cache) as name:
        made = Path(name) / "made"
        made.mkdir()
        for file in _FILES:
            shutil.copy(FOLDER / file, made / file)
        argv = [npm, "ci", "--ignore-scripts"]
        try:
            done = subprocess.run(
                argv, cwd=made, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
            )
        except subprocess.TimeoutExpired:
            return f"npm ci did not end within {_PATIENCE_S} s."
        if done.returncode:
            words = [line for line in done.stderr.splitlines() if "npm error" in line]
            return f"npm ci failed: {' '.join(words[:3])}"
        made.rename(home)
    return ""
