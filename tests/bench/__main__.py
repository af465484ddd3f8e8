"""`make bench`: run every measurement alone and print DESIGN's table of budgets for what exists.

Names of files, or pytest's options, run less. `MR_BENCH_FULL=1` measures at DESIGN's full sizes.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.bench import table


def main() -> int:
    """Run `bench_*.py` one after the other; returns pytest's exit code."""
    began = time.monotonic()
    given = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.jsonl"
        os.environ[table.FILE] = str(rows)
        argv = [] if any(Path(word).exists() for word in given) else ["tests/bench"]
        argv += ["-m", "bench", "-q", "-s", "-p", "no:xdist", "--timeout", "900"]
        argv += ["-o", "python_files=bench_*.py", "-o", "python_functions=bench_* test_*"]
        code = int(pytest.main([*argv, *given]))
        took_s, load = time.monotonic() - began, os.getloadavg()[1]
        print(
            f"\nPython {platform.python_version()}, {os.cpu_count()} cores,"
            f" load {load:.1f} in the last 5 min, measured in {took_s:.0f} s\n"
        )
        print(table.show(rows))
    return code


if __name__ == "__main__":
    sys.exit(main())
