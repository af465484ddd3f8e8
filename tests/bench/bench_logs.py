"""The log reader beside DESIGN 15: first text, index, search, following.

`MR_BENCH_LOG_MB` is the size of the file, 100 by default and 524 with `MR_BENCH_FULL=1`.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from mrcore import sources
from mrcore.logreader import follow, generation, index, page, query
from mrcore.model import log, plans
from mrcore.sources import logs
from tests.bench import table

MEGABYTES = int(os.environ.get("MR_BENCH_LOG_MB", "524" if table.FULL else "100"))
SECONDS = 6
LINES_PER_S = 50_000
ALL = "logs/stream/big"

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with one big log: free text, 7 % JSON, errors with traces, a needle at 10 %."""
    made = tmp_path_factory.mktemp("logs")
    part = "".join(_line(number) for number in range(20_000)).encode()
    count = MEGABYTES * 1_000_000 // len(part)
    with (made / "big.log").open("wb") as file:
        for number in range(count):
            file.write(part)
            if number == count // 10:
                file.write(b"2026-11-20T20:59:58.001Z INFO api needle Rid=77ab-00ff-Zebra\n")
    yield made
    (made / "big.log").unlink()


def _line(number: int) -> str:
    at = f"2026-11-20T20:{number // 1000 % 60:02}:{number % 60:02}.{number % 1000:03}Z"
    if number % 14 == 0:
        return f'{{"level":30,"time":"{at}","rid":"{number:08x}","msg":"request completed"}}\n'
    if number % 50 == 0:
        frames = "".join(f"    at Worker.run{n} (/app/dist/worker.js:{n}:7)\n" for n in range(8))
        return f"{at} ERROR email.worker Error: connect ECONNREFUSED 127.0.0.1:6379\n{frames}"
    return f"{at} INFO api GET /api/mentors/{number} 200 {number % 900}ms rid={number:08x}\n"


BESIDE = {  # research/data-planes.md 4.1, a 524 MB file on the same kind of machine
    "first": "toolong 1.8 s, lnav 0.15-3.1 s",
    "index": "toolong 6.6 s, lnav 7-8 s",
    "search": "toolong 17.2 s, lnav 2.4-8.8 s",
    "follow": "toolong 7.3 s and falling back, lnav 0.5 s",
}


def report(what: str, seconds: float, budget: str, beside: str = "", here: str = "") -> None:
    """A row; `here` is what something else needed in this run, the rest is of the research."""
    research = f"at 524 MB (research): {BESIDE[beside]}" if beside else ""
    told = "; ".join(filter(None, (here, research)))
    table.row(f"{MEGABYTES} MB log: {what}", f"{seconds:.3f} s", budget, told)


def timed(work: Callable[[], object], times: int = 5) -> float:
    """Seconds of the best of some: others use this machine too."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def run_s(folder: Path, *argv: str) -> str:
    """A program over the file, and its seconds."""
    words = [*argv, str(folder / "big.log")]
    took = timed(lambda: subprocess.run(words, stdout=subprocess.DEVNULL, check=False), 3)
    return f"{' '.join(argv[:2])} {took:.3f} s"


def naive_s(folder: Path, test: Callable[[str], object]) -> str:
    """Python that reads every line, and its seconds."""

    def read() -> int:
        with (folder / "big.log").open(errors="replace") as file:
            return sum(1 for line in file if test(line))

    return f"Python, line by line {timed(read, 1):.2f} s"


def opened(folder: Path) -> follow.Stream:
    stream = follow.Stream("big", str(folder / "big.log"), links=True, from_start=False)
    stream.poll(time.time())
    return stream


def source_of(folder: Path) -> logs.LogsSource:
    found, _ = sources.build("logs", {"folder": str(folder)}, now=lambda: datetime.now(UTC))
    assert isinstance(found, logs.LogsSource)
    return found


async def test_first_text(folder: Path) -> None:
    took = []
    for _ in range(5):
        began = time.perf_counter()
        async with source_of(folder) as source:
            found = await source.page(ALL, "lines", plans.Query(limit=100), None, 0)
            took.append(time.perf_counter() - began)
        assert len(found.rows) == 100
    here = run_s(folder, "tail", "-n100")
    report("first text, reader started, 100 newest lines", min(took), "≤ 0.4 s", "first", here)


async def test_pages(folder: Path) -> None:
    async with source_of(folder) as source:
        at = None
        took = []
        for _ in range(20):
            began = time.perf_counter()
            found = await source.page(ALL, "lines", plans.Query(limit=100), at, 0)
            took.append(time.perf_counter() - began)
            at = found.cursor
    report("a page of 100 lines, paging back, median of 20", sorted(took)[10], "≤ 0.25 s")


def test_index(folder: Path) -> None:
    stream = opened(folder)
    gen = stream.current
    assert isinstance(gen, generation.Generation)

    def build() -> None:
        numbers = index.Index(gen)
        while not numbers.build(0.02):
            pass

    here = f"{run_s(folder, 'wc', '-l')}; {naive_s(folder, bool)}"
    report("sparse index of line numbers", timed(build), "≤ 0.6 s", "index", here)
    stream.close()


@pytest.mark.parametrize(
    ("what", "pattern", "level"),
    [
        ("rare literal with digits (rid=77ab-00ff)", "rid=77ab-00ff", ""),
        ("rare literal, letters only (zebra)", "zebra", ""),
        ("regular expression with a literal", r"needle \w+=[0-9a-f]+-00ff", ""),
        ("level error and a word", "needle", "error"),
    ],
)
def test_search_to_the_beginning(folder: Path, what: str, pattern: str, level: str) -> None:
    stream = opened(folder)

    def search() -> None:
        wanted, at = query.Wanted(pattern, level), None
        while True:
            answer = page.read(page.Ask([stream], wanted, 100, "newest", at), time.time())
            assert answer is not None
            at = answer.cursor
            if at is None or (answer.complete and not answer.items and answer.cursor is None):
                break
            if answer.complete and answer.scanned == answer.total:
                break

    here = f"{run_s(folder, 'grep', '-ciE', pattern)}; "
    here += naive_s(folder, re.compile(pattern, re.IGNORECASE).search)
    report(f"{what}, whole file", timed(search), "≤ 0.5 s", "search", here)
    stream.close()


def test_search_newest_matches(folder: Path) -> None:
    stream = opened(folder)
    wanted = query.Wanted("econnrefused", "error")

    def search() -> None:
        answer = page.read(page.Ask([stream], wanted, 100), time.time())
        assert answer is not None
        assert len(answer.items) == 100

    report("newest 100 errors with a word", timed(search), "≤ 0.25 s")
    stream.close()


WRITER = """
import sys, time
path, rate, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
text = "INFO api GET /api/mentors/12 200 31ms rid=00c0ffee and a little more to be a usual line\\n"
with open(path, "a", buffering=1 << 20) as file:
    began, sent = time.time(), 0
    while (now := time.time()) < began + seconds:
        due = int((now - began) * rate) - sent
        file.write(f"w={now:.6f} {text}" * due)
        file.flush()
        sent += due
        time.sleep(0.01)
    file.write("w=end end\\n")
"""


async def test_follow(tmp_path: Path) -> None:
    """How old the newest line is when it arrives, and what the reader costs."""
    path = tmp_path / "big.log"
    path.touch()
    async with source_of(tmp_path) as source:
        found = await source.page(ALL, "lines", plans.Query(limit=50), None, 0)
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(path), str(LINES_PER_S), str(SECONDS)
        )
        behind: list[float] = []
        ended = False
        while not ended:
            found = await source.page(ALL, "lines", plans.Query(limit=50), found.cursor, 10)
            newest = found.rows[-1]
            assert isinstance(newest, log.LogLine)
            written = newest.text.split()[0].removeprefix("w=")
            ended = written == "end"
            if not ended:
                behind.append(time.time() - float(written))
        await writer.wait()
        assert source.reader_pid is not None
        spent = psutil.Process(source.reader_pid).cpu_times()
        cpu_s = spent.user + spent.system
    behind.sort()
    report(
        f"follow {LINES_PER_S} lines/s: behind, median",
        behind[len(behind) // 2],
        "≤ 0.3 s",
        "follow",
    )
    report(f"follow {LINES_PER_S} lines/s: behind, worst", behind[-1], "≤ 0.3 s")
    report(f"follow {LINES_PER_S} lines/s: CPU of the reader a second", cpu_s / SECONDS, "≤ 0.35 s")
