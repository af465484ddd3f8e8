"""The table of `make bench`: each measurement adds a row; nothing here is asserted."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

FILE = "MR_BENCH_ROWS"
FULL = os.environ.get("MR_BENCH_FULL") == "1"
"""Whether sizes are those of DESIGN 15 (524 MB of log, one million keys), not smaller ones."""


def row(what: str, measured: str, budget: str, beside: str = "") -> None:
    """Print a row at once, and keep it for the table at the end of the run.

    `budget` is empty where DESIGN has none; `beside` is what a user would pick instead.
    """
    print(f"\n{what}: {measured}{f' (budget {budget})' if budget else ''}", end="")
    print(f"; beside: {beside}" if beside else "")
    if path := os.environ.get(FILE):
        with Path(path).open("a") as file:
            file.write(json.dumps([what, measured, budget, beside]) + "\n")


def best_ms(work: Callable[[], object], *, rounds: int = 5) -> float:
    """Milliseconds of CPU of the best of `rounds` calls."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times) * 1000


def p95(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def spread(values: Sequence[float], unit: str, digits: int = 2) -> str:
    """The median of some, and the best."""
    median, best = statistics.median(values), min(values)
    return f"{median:.{digits}f} {unit} (best {best:.{digits}f})"


def show(path: Path) -> str:
    """The rows of a run as a Markdown table."""
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    head = [["what", "measured", "budget", "beside"], ["---"] * 4]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [*head, *rows])
