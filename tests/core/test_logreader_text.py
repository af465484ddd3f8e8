"""Pure parts of the log reader: level, time, folding, redaction, queries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcore import errors, match
from mrcore.logreader import fold, level, query, stamp, text

LEVELS = [
    # Postgres (log_line_prefix '%m [%p] ')
    (b"2026-11-20 21:00:00.123 UTC [123] ERROR:  relation does not exist", "error", False),
    (b"2026-11-20 21:00:00.123 UTC [123] LOG:  database system is ready", "info", False),
    (
        b"2026-11-20 21:00:00.123 IST [123] FATAL:  the database system is starting up",
        "error",
        False,
    ),
    (
        b"2026-11-20 21:00:00.123 UTC [123] app@mentor WARNING:  there is no transaction",
        "warn",
        False,
    ),
    (b"2026-11-20 21:00:00.123 UTC [9] DEBUG2:  checkpointer", "debug", False),
    (
        b"2026-11-20 21:00:00.123 UTC [7] mentor_app@mentor mentor-report-reader LOG:  waiting",
        "info",
        False,
    ),
    (b"2026-11-20 21:00:00.123 UTC [7] x@y My App FATAL:  no role", "error", False),
    # Valkey
    (b"123:M 20 Nov 2026 21:00:00.123 * Ready to accept connections", "info", False),
    (b"123:C 20 Nov 2026 21:00:00.123 # WARNING Memory overcommit must be enabled!", "warn", False),
    (b"123:M 20 Nov 2026 21:00:00.123 - Accepted 127.0.0.1", "debug", False),
    # Python, uvicorn, gunicorn, nginx, klog-like
    (b"2026-11-20T21:00:00 INFO email.worker sent 3, 0 errors", "info", False),
    (b"2026-11-20 21:00:00,123 - app.jobs - ERROR - boom", "error", False),
    (b"2026-11-20 21:00:00,123 email.worker WARNING slow", "warn", False),
    (b"ERROR:root:boom", "error", False),
    (b'INFO:     127.0.0.1:1 - "GET /api/health HTTP/1.1" 503 Service Unavailable', "info", False),
    (b"[2026-11-20 21:00:00 +0000] [7] [ERROR] Worker timeout", "error", False),
    (b"2026/11/20 21:00:00 [warn] 7#7: upstream", "warn", False),
    (b"[2026-11-20 21:00:00,123] INFO:huey.consumer.Worker-1:emailQueue.send: done", "info", False),
    (b"[2026-11-20 21:00:00,123] ERROR:huey:MainThread:Unhandled exception", "error", False),
    (b"2026-11-20T21:00:00Z \x1b[31mERROR\x1b[0m boom", "error", False),
    (b"error: could not connect", "error", False),
    # JSON and logfmt
    (b'{"level":50,"time":1795208400123,"msg":"boom"}', "error", False),
    (b'{"level":30,"msg":"no error here, ERROR is a word"}', "info", False),
    (b'{"severity":"WARNING","message":"x"}', "warn", False),
    (b'{"msg":"of another scale","level":3}', "none", False),
    (b"ts=2026-11-20T21:00:00Z level=warn msg=slow", "warn", False),
    (b'time="2026-11-20T21:00:00Z" level="error" msg=x', "error", False),
    # Words last
    (b"Error: connect ECONNREFUSED 127.0.0.1:6379", "error", True),
    (b"ValueError: bad", "error", True),
    (b"Unhandled rejection", "error", True),
    (b"DeprecationWarning: use y", "warn", True),
    (b"2026-11-20T21:00:00 we got an ERROR from upstream", "error", True),
    # What only mentions the word is not one
    (b"2026-11-20T21:00:00 finished with 0 errors", "none", False),
    (b"error_rate=0.0 errors=0", "none", False),
    (b"terror in the night", "none", False),
    (b"GET /errors/12 200", "none", False),
    (b"", "none", False),
    (b"\xff\xfe\x00", "none", False),
]


@pytest.mark.parametrize(("line", "word", "inferred"), LEVELS)
def test_level(line: bytes, word: str, inferred: bool) -> None:
    assert level.of(line) == (word, inferred)


@pytest.mark.parametrize("line", [line for line, word, _ in LEVELS if word in ("warn", "error")])
def test_every_bad_line_is_suspected(line: bytes) -> None:
    assert any(needle in line.lower() for needle in level.SUSPECTS)


@given(st.binary(max_size=200), st.sampled_from([line for line, _, _ in LEVELS]))
def test_what_is_not_suspected_is_not_bad(noise: bytes, line: bytes) -> None:
    for candidate in (noise, noise + line, line[:20] + noise):
        if level.of(candidate)[0] in (level.WARN, level.ERROR):
            assert any(needle in candidate.lower() for needle in level.SUSPECTS)


AT = datetime(2026, 11, 20, 21, 0, 0, tzinfo=UTC).timestamp()

TIMES = [
    (b"2026-11-20T21:00:00Z x", AT),
    (b"2026-11-20T21:00:00.5Z x", AT + 0.5),
    (b"2026-11-20T21:00:00.123456789Z x", AT + 0.123456789),
    (b"2026-11-21T02:30:00.25+05:30 x", AT + 0.25),
    (b"2026-11-20 21:00:00.123 UTC [123] LOG:  x", AT + 0.123),
    (b"[2026-11-20 21:00:00 +0000] [7] [INFO] x", AT),
    (b'{"level":30,"time":1795208400250,"msg":"x"}', AT + 0.25),
    (b'{"ts":1795208400.25}', AT + 0.25),
    (b'{"time":"2026-11-20T21:00:00Z"}', AT),
    (b"ts=2026-11-20T21:00:00Z level=info", AT),
    (b"level=info ts=1795208400 msg=x", AT),
    (b"INFO:     Started server process [7]", None),
    (b"2026-13-45T99:00:00Z", None),
    (b"2026-13-45T99:00:00", None),
    (b"123:M 99 Zzz 2026 21:00:00.123 * x", None),
    (b'{"time":12}', None),
    (b"", None),
    (b"[", None),
]


@pytest.mark.parametrize(("line", "at"), TIMES)
def test_time(line: bytes, at: float | None) -> None:
    assert stamp.of(line) == (None if at is None else pytest.approx(at, abs=1e-6))


@pytest.fixture
def india(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("india")
@pytest.mark.parametrize(
    "line",
    [
        b"2026-11-21T02:30:00 INFO worker",
        b"2026-11-21 02:30:00,000 - x",
        b"2026-11-21 02:30:00.000 IST [7] LOG:  x",
        b"2026/11/21 02:30:00 [warn] x",
        b"7:M 21 Nov 2026 02:30:00.000 * x",
    ],
)
def test_a_time_without_a_zone_is_this_machines(line: bytes) -> None:
    assert stamp.of(line) == AT


@given(st.binary(max_size=300))
def test_any_bytes_have_a_level_and_perhaps_a_time(line: bytes) -> None:
    assert level.of(line)[0] in level.RANK
    at = stamp.of(line)
    assert at is None or at < 1e12
    assert isinstance(text.line(line), str)


FOLDS = [
    (
        "python",
        b"""2026-11-20T21:00:00 INFO a
2026-11-20T21:00:00 ERROR job failed
Traceback (most recent call last):
  File "x.py", line 1, in f
    g()
KeyError: 'k'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "x.py", line 2, in f
    h()
app.errors.MailError: 535
2026-11-20T21:00:01 INFO b""",
        [0, 1, 13],
    ),
    (
        "node",
        b"""Error: connect ECONNREFUSED
    at TCPConnectWrap.afterConnect (node:net:1)
    at Object.<anonymous> {
  errno: -111
}
next""",
        [0, 5],
    ),
    ("java", b"ERROR x\n\tat a.b(C.java:1)\nCaused by: y\n\t... 3 more\nINFO z", [0, 4]),
    (
        "a traceback after a line that is no error stands alone",
        b'INFO fine\nTraceback (most recent call last):\n  File "x"\nValueError: v\nINFO fine',
        [0, 1, 4],
    ),
    (
        "postgres: of the same process only",
        b"""2026-11-20 21:00:00.123 UTC [7] ERROR:  syntax error
2026-11-20 21:00:00.123 UTC [7] STATEMENT:  SELECT
\tFROM x
2026-11-20 21:00:00.123 UTC [8] STATEMENT:  SELECT 1""",
        [0, 3],
    ),
    (
        "postgres with the user and the application in front",
        b"""2026-11-20 21:00:00.123 UTC [7] a@b [unknown] FATAL:  no role
2026-11-20 21:00:00.123 UTC [7] a@b [unknown] DETAIL:  Role "x" does not exist.
2026-11-20 21:00:00.123 UTC [7] a@b [unknown] LOG:  next""",
        [0, 2],
    ),
    (
        "a message of several lines, then a traceback, after a warning",
        b"""2026-11-20T21:00:00Z WARNING [sync] HTTP 401
For more information check: https://example.org
Traceback (most recent call last):
  File "x.py", line 1, in f
httpx.HTTPStatusError: Client error
For more information check: https://example.org
INFO:     127.0.0.1 - GET
stands alone
2026-11-20T21:00:00Z INFO [sync] fine
also alone""",
        [0, 6, 7, 8, 9],
    ),
    (
        "what interrupts a traceback is not part of it",
        b'ERROR x\nTraceback (most recent call last):\n  File "x"\n2026-11-20T21:00:00 INFO y',
        [0, 3],
    ),
    ("the first line begins", b"  indented\n  more\nhead", [0, 2]),
    ("nothing", b"", [0]),
]


@pytest.mark.parametrize(("name", "lines", "begun"), FOLDS, ids=[f[0] for f in FOLDS])
def test_folding(name: str, lines: bytes, begun: list[int]) -> None:
    assert fold.heads(lines.split(b"\n")) == begun


def test_long_lines_are_cut_between_characters() -> None:
    raw = ("é" * 20_000).encode()
    shown = text.line(raw)
    assert shown.endswith("é ‹cut: 40,000 bytes›")
    assert "\\x" not in shown
    assert len(shown) < text.CUT_BYTES


def test_invalid_bytes_stay_readable() -> None:
    assert text.line(b"a\xffb\r") == "a\\xffb"
    assert text.line(b"\0" * 12 + b"after") == "‹12 NUL bytes›after"


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("needle", ("needle",)),
        ("Needle-42", ("needle-42",)),
        (r"took \d+ms rid=00ff", ("ms rid=00ff",)),
        (r"a\.b\.c", ("a.b.c",)),
        ("abcx*", ("abc",)),
        ("abcx?de", ("abc",)),
        ("abc{2}", ("ab",)),
        ("foo|barbar", ("foo", "barbar")),
        ("(foo|bar)baz", ("baz",)),
        ("[abc]+", ()),
        ("foo|.*", ()),
        ("(?i)foo", ()),
        (r"\x41bc", ()),
        (r"\pNab", ()),
        (r"\Q)\Eabc(de)?", ()),
        ("[[:alpha:]xyz]", ()),
        ("x", ()),
        ("ümlaut", ()),
        ("[]abc]defg", ("defg",)),
        (r"\bword\b", ("word",)),
        ('{"level"', ()),
    ],
)
def test_required_literals(pattern: str, literals: tuple[str, ...]) -> None:
    assert query.required(pattern) == literals


ATOMS = st.sampled_from(["ab", "X", "7", r"\d", ".", "[a-c]", "(ab|c)", r"\.", "[^x]", "(?:ab)?"])
PATTERNS = st.lists(
    st.tuples(ATOMS, st.sampled_from(["", "", "*", "+", "?", "{0,2}", "|"])), max_size=6
)


@given(PATTERNS, st.text(alphabet="abcxXAB7.", max_size=12))
def test_a_match_has_a_required_literal(parts: list[tuple[str, str]], subject: str) -> None:
    pattern = "".join(atom + quantifier for atom, quantifier in parts)
    needles = query.required(pattern)
    if needles and match.of(pattern)(subject):
        assert any(needle in subject.lower() for needle in needles)


def test_a_query_that_is_no_expression_is_refused_with_a_sentence() -> None:
    with pytest.raises(errors.BadRequest, match="not a regular expression"):
        query.Wanted("a(")
    with pytest.raises(errors.Unsupported, match="'loud' is not a level"):
        query.Wanted("", "loud")


@pytest.mark.parametrize("pattern", [r"(.*.*.*.*.*)*\x00", "a{99999999999999999999}", "(a+)+$"])
def test_no_expression_wedges_the_reader(pattern: str) -> None:
    assert not query.Wanted(pattern).matches(b"a" * 65_535 + b"!", 0)
    assert query.Wanted("!" + pattern).matches(b"a" * 65_535 + b"!", 0)


@pytest.mark.usefixtures("redaction_key")
def test_who_searches_an_address_finds_its_tag() -> None:
    raw = b"mail to Asha@example.org, call +91 98765 43210"
    shown = text.line(raw)
    for wanted in ("asha@example.org", r"ASHA@example\.org", "9876543210", *shown.split(" ")):
        assert query.Wanted(wanted.rstrip(",")).matches(raw, 0)
        assert query.Wanted(wanted.rstrip(",")).may_match(raw.lower())
        assert not query.Wanted(f"!{wanted.rstrip(',')}").matches(raw, 0)
    for wanted in ("asha@", "example", "98765", "ashb@example.org", "9876543211"):
        assert not query.Wanted(wanted).matches(raw, 0)
    # Nor can a value be tried out beside an expression that its tag always fits.
    guess = query.Wanted(r"mail to (asha|[a-z]+:[0-9a-f]+)")
    assert guess.matches(raw, 0) == guess.matches(b"mail to bob@example.org", 0)


def test_a_redacted_value_cannot_be_searched() -> None:
    assert not query.Wanted("hunter").matches(b"password=hunter2", 0)
    assert query.Wanted("!hunter").matches(b"password=hunter2", 0)
    assert query.Wanted("PASSWORD").matches(b"password=hunter2", 0)
