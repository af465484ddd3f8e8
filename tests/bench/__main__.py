"""`make bench`: run every measurement alone and print DESIGN's table of budgets for what exists."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path

import pytest

from tests.bench import table


def main() -> int:
    """Run `bench_*.py` one after the other; returns pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.jsonl"
        os.environ[table.FILE] = str(rows)
        argv = ["tests/bench", "-m", "bench", "-q", "-s", "-p", "no:xdist", "--timeout", "900"]
        argv += ["-o", "python_files=bench_*.py", "-o", "python_functions=bench_* test_*"]
        code = int(pytest.main([*argv, *sys.argv[1:]]))
        print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores\n")
        print(table.show(rows))
    return code


if __name__ == "__main__":
    sys.exit(main())
