"""The source `logs` with its real reader."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mrcore import errors, match, redact, sources
from mrcore.logreader import tally
from mrcore.model import base, log, plans, ref
from mrcore.sources import logs
from mrcore.sources.logs import child, rates
from tests import waiting

ALL = "logs/stream/*"


def now() -> datetime:
    return datetime.now(UTC)


def build(**table: Any) -> logs.LogsSource:
    source, _ = sources.build("logs", table, now=now)
    assert isinstance(source, logs.LogsSource)
    return source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


@pytest.fixture
async def source(folder: Path) -> AsyncIterator[logs.LogsSource]:
    async with build(folder=str(folder)) as opened:
        yield opened


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


async def streams(source: logs.LogsSource) -> dict[str, log.LogStream]:
    sample = await source.sample()
    found = {}
    for entity in sample.entities:
        if not isinstance(entity, log.LogPattern):
            assert isinstance(entity, log.LogStream)
            found[entity.name] = entity
    return found


async def lines(source: logs.LogsSource, at: str = ALL, **query: Any) -> list[str]:
    page = await source.page(at, "lines", plans.Query(**query), None, 0)
    return [row.text for row in page.rows if isinstance(row, log.LogLine)]


async def test_streams_with_what_is_notable(source: logs.LogsSource, folder: Path) -> None:
    append(
        folder / "worker.log",
        "2026-11-20T21:00:00Z INFO email.worker sent\n"
        "2026-11-20T21:00:01Z ERROR email.worker 535 password=hunter2\n    at smtp\n",
    )
    (folder / "quiet.log").touch()
    found = await streams(source)
    assert sorted(found) == ["quiet", "worker"]
    worker = found["worker"]
    assert worker.ref == "logs/stream/worker"
    assert worker.verdict == base.OK
    assert worker.state == "following"
    assert worker.last_line_at is not None
    assert worker.last_line_at.timestamp() >= (folder / "worker.log").stat().st_mtime - 0.001
    assert [(line.level, line.text) for line in worker.notable] == [
        ("error", "2026-11-20T21:00:01Z ERROR email.worker 535 password=password:•••")
    ]
    detail = await source.detail(worker.notable[0].ref)
    assert isinstance(detail.entity, log.LogLine)
    assert detail.entity.folded == 1
    assert found["quiet"].notable == ()


async def test_counts_become_rates(source: logs.LogsSource, folder: Path) -> None:
    append(folder / "a.log", "INFO before\n")
    first = await source.sample()
    assert {point.metric for point in first.points} == {"log.size_bytes"}
    append(folder / "a.log", "INFO x\nERROR y\nWARN z\nWARN z\nDEBUG w\n")
    second = await source.sample()
    values = {point.metric: point.value for point in second.points}
    elapsed_s = (second.at - first.at).total_seconds()
    levels = {"line": 5, "error": 1, "warn": 2, "other": 2}
    for level, count in levels.items():
        assert values[f"log.{level}_rate"] * elapsed_s == pytest.approx(count, rel=0.01)
    assert values["log.size_bytes"] == 49


def test_counters_that_begin_again_are_no_rate() -> None:
    found = rates.Rates()
    row = {"name": "a", "lines": 10, "errors": 1, "warnings": 2}
    assert found.since(1, 0.0, [row]) == {}
    assert found.since(1, 2.0, [{**row, "lines": 30}])["a"]["log.line_rate"] == 10
    assert found.since(2, 3.0, [{**row, "lines": 50}]) == {}
    assert found.since(2, 4.0, [row]) == {}
    assert found.since(2, 4.0, [row]) == {}


async def test_pages_of_one_and_of_all(source: logs.LogsSource, folder: Path) -> None:
    append(folder / "a.log", "2026-11-20T21:00:00Z INFO one\n2026-11-20T21:00:02Z WARN three\n")
    append(folder / "b.log", '{"time":"2026-11-20T21:00:01Z","level":50,"msg":"two"}\n')
    assert [text.split()[-1] for text in await lines(source, "logs/stream/a")] == ["three", "one"]
    merged = await source.page(ALL, "lines", plans.Query(), None, 0)
    assert [(row.stream, row.level) for row in merged.rows if isinstance(row, log.LogLine)] == [
        ("a", "warn"),
        ("b", "error"),
        ("a", "info"),
    ]
    assert merged.looked.complete
    assert merged.looked.scanned == merged.looked.total
    assert await lines(source, text="TWO") == [
        '{"time":"2026-11-20T21:00:01Z","level":50,"msg":"two"}'
    ]
    assert len(await lines(source, level="warn")) == 2
    assert len({row.ref for row in merged.rows}) == 3


async def test_a_page_waits_for_new_lines(source: logs.LogsSource, folder: Path) -> None:
    append(folder / "a.log", "INFO one\n")
    first = await source.page(ALL, "lines", plans.Query(), None, 0)
    follow = asyncio.create_task(
        source.page(ALL, "lines", plans.Query(text="two|three"), first.cursor, 20)
    )
    append(folder / "a.log", "INFO not this\n")
    await source.sample()
    assert not follow.done()
    append(folder / "a.log", "INFO two\n")
    page = await follow
    assert [row.text for row in page.rows if isinstance(row, log.LogLine)] == ["INFO two"]
    assert page.cursor is not None
    nothing = await source.page(ALL, "lines", plans.Query(), page.cursor, 0.05)
    assert nothing.rows == ()
    assert nothing.cursor is not None


async def test_a_page_that_nobody_waits_for_is_forgotten(
    source: logs.LogsSource, folder: Path
) -> None:
    append(folder / "a.log", "INFO one\n")
    first = await source.page(ALL, "lines", plans.Query(), None, 0)
    for _ in range(50):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await source.page(ALL, "lines", plans.Query(), first.cursor, 20)
    assert await lines(source) == ["INFO one"]


async def test_detail_of_a_line_and_of_a_stream(source: logs.LogsSource, folder: Path) -> None:
    append(folder / "a.log", "INFO x\nINFO y\nERROR boom\nTraceback (most recent call last):\n")
    append(folder / "a.log", '  File "x"\nValueError: token=hunter2\n{"level":30,"password":"p"}\n')
    page = await source.page("logs/stream/a", "lines", plans.Query(), None, 0)
    trace = await source.detail(page.rows[1].ref)
    assert trace.sections[0].form == "trace"
    assert trace.sections[0].text.splitlines() == [
        "ERROR boom",
        "Traceback (most recent call last):",
        '  File "x"',
        "ValueError: token=token:•••",
    ]
    where = {field.name: field.value for field in trace.sections[-1].fields}
    assert where["line"] == 3
    assert trace.links[0].ref == "logs/stream/a"
    parsed = await source.detail(page.rows[0].ref)
    assert parsed.sections[1].data == {"level": 30, "password": "password:•••"}
    stream = await source.detail("logs/stream/a")
    facts = {field.name: field.value for field in stream.sections[0].fields}
    assert facts["lines"] == "7"


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("logs/line/a/zz.0", errors.NotFound),
        ("logs/line/a/..%2F..%2Fetc%2Fpasswd.0", errors.NotFound),
        ("logs/line/nothing/1.0", errors.NotFound),
        ("logs/stream/..%2Fa", errors.NotFound),
        ("logs/stream/%ff", errors.Unsupported),
        ("logs/stream/*", errors.Unsupported),
        ("logs/queue/a", errors.Unsupported),
        ("other/stream/a", errors.Unsupported),
        ("nothing", errors.Unsupported),
    ],
)
async def test_refs_that_lead_nowhere(
    source: logs.LogsSource, folder: Path, address: str, error: type[Exception]
) -> None:
    append(folder / "a.log", "INFO x\n")
    with pytest.raises(error):
        await source.detail(address)


async def test_bad_questions_are_refused_with_a_sentence(
    source: logs.LogsSource, folder: Path
) -> None:
    append(folder / "a.log", "INFO x\n")
    with pytest.raises(errors.BadRequest, match="not a regular expression"):
        await source.page(ALL, "lines", plans.Query(text="a("), None, 0)
    with pytest.raises(errors.Unsupported, match="not one of a page of log lines"):
        await source.page(ALL, "lines", plans.Query(), "junk", 0)
    with pytest.raises(errors.Unsupported, match="has no collection"):
        await source.page(ALL, "jobs", plans.Query(), None, 0)


async def test_names_of_any_bytes(source: logs.LogsSource, folder: Path) -> None:
    name = "a b%2F?#ü"
    append(folder / f"{name}.log", "INFO x\n")
    found = await streams(source)
    assert found[name].ref == ref.make("logs", "stream", name)
    page = await source.page(found[name].ref, "lines", plans.Query(), None, 0)
    assert (await source.detail(page.rows[0].ref)).entity == page.rows[0]


async def test_a_rotation_is_followed(source: logs.LogsSource, folder: Path) -> None:
    path = folder / "a.log"
    append(path, "INFO old\n")
    page = await source.page("logs/stream/a", "lines", plans.Query(order="oldest"), None, 0)
    path.rename(folder / "a.log.1")
    append(path, "INFO new\n")
    texts: list[str] = []
    while "INFO new" not in texts:
        page = await source.page(
            "logs/stream/a", "lines", plans.Query(order="oldest"), page.cursor, 20
        )
        texts += [row.text for row in page.rows if isinstance(row, log.LogLine)]
    assert texts == ["── rotated ──", "INFO new"]
    found = await streams(source)
    assert found["a"].state == "rotated"
    assert found["a"].rotated_at is not None


async def test_what_cannot_be_read_is_unknown_with_the_reason(
    source: logs.LogsSource, folder: Path
) -> None:
    append(folder / "a.log", "INFO x\n")
    os.mkfifo(folder / "pipe.log")
    found = await streams(source)
    assert found["a"].verdict.level == "ok"
    assert found["pipe"].verdict.level == "unknown"
    assert "is a pipe" in found["pipe"].verdict.why
    (folder / "a.log").unlink()
    found = await streams(source)
    assert found["a"].verdict.code == "not_found"
    assert found["a"].state == "waiting"


async def test_a_folder_that_is_not_there_fails_the_sample(tmp_path: Path) -> None:
    async with build(folder=str(tmp_path / "nowhere")) as source:
        with pytest.raises(errors.NotFound, match="nowhere does not exist"):
            await source.sample()
        (tmp_path / "nowhere").mkdir()

        async def seen() -> bool:
            try:
                return not await streams(source)
            except errors.NotFound:
                return False

        await waiting.until(seen)


async def test_a_folder_that_goes_away_is_shown_beside_the_other_streams(tmp_path: Path) -> None:
    append(tmp_path / "a.log", "INFO x\n")
    nowhere = str(tmp_path / "nowhere")
    async with build(folder=nowhere, files=[str(tmp_path / "a.log")]) as source:
        found = await streams(source)
    assert found["a"].verdict == base.OK
    assert found[nowhere].verdict.why == f"{nowhere} does not exist."


async def test_a_reader_that_dies_is_started_again(source: logs.LogsSource, folder: Path) -> None:
    append(folder / "a.log", "INFO one\n")
    first = await source.page(ALL, "lines", plans.Query(), None, 0)
    waits = asyncio.create_task(source.page(ALL, "lines", plans.Query(), first.cursor, 20))
    await source.sample()
    pid = source.reader_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(errors.Unreachable, match="ended with -9"):
        await waits

    async def again() -> bool:
        try:
            return bool((await source.sample()).entities)
        except errors.Unreachable:
            return False

    await waiting.until(again)
    assert source.reader_pid != pid
    append(folder / "a.log", "INFO two\n")
    page = await source.page(ALL, "lines", plans.Query(), first.cursor, 20)
    assert [row.text for row in page.rows if isinstance(row, log.LogLine)] == ["INFO two"]


async def test_a_reader_that_hangs_blocks_nobody_and_is_replaced(
    source: logs.LogsSource, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "ANSWER_S", 0.2)
    monkeypatch.setattr(child, "WEDGED_S", 0.5)
    append(folder / "a.log", "INFO one\n")

    async def works() -> bool:
        try:
            return bool((await source.sample()).entities)
        except errors.Unreachable:
            return False

    await waiting.until(works)
    pid = source.reader_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(errors.Unreachable, match="does not answer"):
        await source.sample()
    await waiting.until(works)
    assert source.reader_pid != pid


async def test_leaving_ends_the_reader(folder: Path) -> None:
    async with build(folder=str(folder)) as source:
        await source.sample()
        pid = source.reader_pid
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(errors.Unreachable, match="is closed"):
        await source.sample()


def test_the_reader_ends_with_its_stdin() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mrcore", "logreader"],
        input=b'{"id": 7, "do": "sample"}\n{"id": 8, "do": "watch"}\n{"id": 9, "do": "no"}\n',
        capture_output=True,
        timeout=60,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["id"], "ok" in one) for one in answers] == [(7, False), (8, True), (9, False)]
    assert answers[0]["error"]["sentence"] == "The first request is `watch`."
    assert done.stderr == b""


@pytest.mark.skipif(sys.platform != "linux", reason="the parent's death is a signal on Linux only")
def test_the_reader_dies_with_the_core_that_is_killed(tmp_path: Path) -> None:
    script = """
import asyncio, os, sys
from mrcore import sources
async def main():
    source, _ = sources.build("logs", {"folder": sys.argv[1]})
    async with source:
        await source.sample()
        os.kill(source.reader_pid, 19)  # it cannot notice the end of its stdin
        print(source.reader_pid, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE
    ) as core:
        assert core.stdout is not None
        pid = int(core.stdout.readline())
        core.kill()
    asyncio.run(waiting.until(lambda: not _runs(pid), what="the reader's end"))


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[:1]
    except OSError:
        return False


def test_the_reader_loads_next_to_nothing() -> None:
    script = "import sys, mrcore.cli.logreader; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    loaded = set(done.stdout.decode().split())
    assert "mrcore.logreader.loop" in loaded
    assert not loaded & {"pydantic", "asyncio", "fastapi", "redis", "asyncpg", "mrcore.model"}


def test_what_it_says_of_itself() -> None:
    described = build(folder="/nowhere").describe()
    assert described.kinds == ("stream", "pattern")
    assert described.collections == ("lines",)
    assert "merges all streams by time: logs/stream/%2A" in described.capabilities


def test_settings_that_are_wrong_are_named() -> None:
    with pytest.raises(errors.SettingsError, match=r"sources\.logs are wrong: files"):
        build(files=3)


async def test_the_reader_tags_with_the_key_of_the_core(folder: Path, redaction_key: bytes) -> None:
    append(folder / "api.log", "2026-11-20T21:00:01Z INFO mail to asha@example.org\n")
    async with build(folder=str(folder)) as source:
        await source.sample()
        page = await source.page(ALL, "lines", plans.Query(text="Asha@Example.org"), None, 0)
        assert source.reader_pid is not None
        process = Path("/proc") / str(source.reader_pid)
        told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        assert redaction_key not in told
        assert redaction_key.hex().encode() not in told
    (row,) = page.rows
    assert isinstance(row, log.LogLine)
    assert row.text.endswith(redact.text("to asha@example.org"))
    assert "•" not in row.text


async def test_lines_that_fit_a_pattern_are_counted_where_they_are_read(folder: Path) -> None:
    found = sources.build("logs", {"folder": str(folder), "patterns": {"otp": "otp (sent|lost)"}})
    async with found[0] as source:
        append(folder / "a.log", "OTP sent\n")
        first = await source.sample()
        assert not [point for point in first.points if point.metric == "log.match"]
        append(folder / "a.log", "OTP sent\nother\nINFO otp LOST, otp sent\n")
        append(folder / "b.log", "535 5.7.8 Username and Password not accepted\n")

        async def counted() -> dict[str, float]:
            sample = await source.sample()
            names = {e.ref: e for e in sample.entities if isinstance(e, log.LogPattern)}
            return {
                names[point.ref].name: point.value
                for point in sample.points
                if point.metric == "log.match" and point.value
            }

        total: dict[str, float] = {}

        async def all_there() -> bool:
            for name, value in (await counted()).items():
                total[name] = total.get(name, 0) + value
            return len(total) == 2

        await waiting.until(all_there)
        assert total == {"otp": 2.0, "smtp_refused": 1.0}
        rows = {
            e.name: e for e in (await source.sample()).entities if isinstance(e, log.LogPattern)
        }
        assert rows["smtp_refused"].stream == "logs/stream/b"
        assert rows["otp"].matched_at is not None
        assert rows["http_5xx"].matched_at is None


@pytest.mark.parametrize(
    ("name", "expr", "words"),
    [("a b", "x", "is no name"), ("a", "(", "not a regular"), ("a", "", "is empty")],
)
def test_a_pattern_that_is_none_is_refused_with_its_name(name: str, expr: str, words: str) -> None:
    with pytest.raises(errors.SettingsError, match=words):
        sources.build("logs", {"folder": "x", "patterns": {name: expr}})


def test_in_a_hurry_matches_are_estimated() -> None:
    counted = tally.Tally({"bad": match.lines("bad")})
    counted.add(b"bad\nfine\n", 0, "1", hurry=False)
    counted.add(b"line\n" * 100, 9, "1", hurry=True)
    assert counted.matches == {"bad": 51.0}
