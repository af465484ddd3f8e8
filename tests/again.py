"""Run pytest; a run in which very few tests failed tries those once more: `python -m tests.again`.

Tests here watch real servers from two shared cores, and one in some ten thousand races. Where at
most MOST failed, they are tried again, alone, with the machine to themselves: what fails twice
fails, and what passes then is printed as FLAKY, because it is a defect to be mended. Nothing but
`make test` has a second try.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

MOST = 2
FAILED = "MR_TESTS_FAILED"
"""Environment: the file into which conftest.py writes what failed, a line each."""


def names(lines: Iterable[str]) -> list[str]:
    """The names of tests, without the group that xdist ran each in; each once."""
    return sorted({name.rsplit("@", 1)[0] if _grouped(name) else name for name in lines})


def _grouped(name: str) -> bool:
    """Whether what follows an `@` is a group: one in a parameter is followed by a `]`."""
    return "@" in name and "]" not in name.rsplit("@", 1)[1]


def _pytest(arguments: Sequence[str], record: Path) -> int:
    known = {**os.environ, FAILED: str(record)}
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], env=known).returncode


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "failed"
        code = _pytest(sys.argv[1:], record)
        again = names(record.read_text().splitlines()) if record.exists() else []
        if code != 1 or not 0 < len(again) <= MOST:
            return code
        print(f"Tried once more, alone: {' '.join(again)}", flush=True)
        record.unlink()
        code = _pytest(["-q", *again], record)
        twice = names(record.read_text().splitlines()) if record.exists() else again
    for name in again:
        print(f"{'FAILED TWICE' if name in twice else 'FLAKY'}: {name}")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
