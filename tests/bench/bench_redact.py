"""What redaction costs a line and a megabyte, beside copying them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mrcore import redact
from mrcore.logreader import text
from tests.bench import bench_logs, table

CORPUS = Path(__file__).parents[1] / "corpus"
BYTES = 1_000_000

pytestmark = pytest.mark.bench


def _megabyte(line: Callable[[int], str]) -> list[bytes]:
    """Lines of one megabyte in all."""
    lines: list[bytes] = []
    left, number = BYTES, 0
    while left > 0:
        lines.append(line(number).rstrip("\n").encode())
        left -= len(lines[-1]) + 1
        number += 1
    return lines


def _measure(what: str, lines: list[bytes]) -> None:
    copied_ms = table.best_ms(lambda: [text.decode(line) for line in lines], rounds=3)
    took_ms = table.best_ms(lambda: [text.line(line) for line in lines], rounds=3)
    each_us = took_ms * 1000 / len(lines)
    cost = f"{took_ms:.0f} ms/MB, {each_us:.1f} µs a line of {BYTES // len(lines)} bytes"
    table.row(f"redaction of {what}", cost, "", f"decoding alone {copied_ms:.1f} ms/MB")


def test_what_redaction_costs(redaction_key: bytes) -> None:
    corpus = (CORPUS / "redact_true.jsonl").read_text().replace("␟", "").splitlines()
    secrets = [json.loads(line)["text"] for line in corpus]
    _measure("a service's log", _megabyte(bench_logs._line))
    _measure("lines of which each has a secret", _megabyte(lambda n: secrets[n % len(secrets)]))
    payload = {"to": "asha@example.org", "phone": 9876543210, "otp": "482913", "n": [1, 2, 3]}
    _measure("JSON payloads", _megabyte(lambda n: json.dumps({**payload, "id": n})))


@pytest.mark.parametrize(
    "part", ["password=", "9876543210 ", "a@b.example ", 'token="\\', "://a:b@", "email:7f3a91 "]
)
def test_what_the_worst_lines_cost(redaction_key: bytes, part: str) -> None:
    for size in (1_000_000, 10_000_000) if table.FULL else (1_000_000,):
        words = (part * (size // len(part) + 1))[:size]
        took_ms = table.best_ms(lambda words=words: redact.text(words), rounds=1)  # type: ignore[misc]
        cost = f"{took_ms:,.0f} ms, {took_ms * 1e6 / size:,.0f} ms/MB"
        table.row(f"redaction of one line of {size // 1_000_000} MB of {part!r}", cost, "")
