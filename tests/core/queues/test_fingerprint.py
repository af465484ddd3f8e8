"""Fingerprints: the same failure has one, another has another, and what a server said stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcore import redact
from mrcore.queues import fingerprint

PYTHON = """Traceback (most recent call last):
  File "/usr/lib/python3.11/concurrent/futures/thread.py", line 58, in run
    result = self.fn(*self.args)
  File "/srv/app/mentor/mail.py", line 41, in send
    client.login(user, password)
  File "/srv/app/.venv/lib/python3.11/site-packages/aiosmtplib/auth.py", line 9, in login
    raise SMTPAuthenticationError(code, words)
smtplib.SMTPAuthenticationError: (535, b'5.7.8 Username and Password not accepted')
"""
NODE = """Error: connect ECONNREFUSED 10.0.0.3:587
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16)
    at Socket.emit (/srv/api/node_modules/nodemailer/lib/smtp.js:10:3)
    at async Mailer.send (/srv/api/src/mailer.js:88:15)
    at async processJob (/srv/api/src/worker.js:12:3)"""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ValueError: job 8123 of user 99", "ValueError: job 7 of user 100311"),
        ("KeyError: 'ann@example.org'", "KeyError: 'bob'"),
        ("Error: connect ECONNREFUSED 10.0.0.3:6379", "Error: connect ECONNREFUSED 10.9.8.7:1"),
        ("bounced: email:7f3a91", "bounced: email:aa01ff"),
        ("gone 5f0c1a2b-0000-4000-8000-0123456789ab", "gone 00000000-7e3a-4a7e-8000-000000000000"),
        ("no file /srv/a/b.pdf", "no file /var/lib/other/c.pdf"),
        ("no route to api.exotel.com", "no route to db.internal:5432"),
        ("at 2026-01-02T03:04:05Z", "at 2025-11-22 13:14:15.123"),
        ("object at 0x7f00aa", "object at 0x123"),
        ("order_91aa is paid", "order_17bc is paid"),
    ],
)
def test_what_differs_between_two_failures_of_one_kind_is_left_out(one: str, other: str) -> None:
    assert fingerprint.of(one) == fingerprint.of(other)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (
            "SMTPAuthenticationError: (535, b'5.7.8 Username and Password not accepted')",
            "535 5.7.8",
        ),
        ("550 5.1.1 no such user", "550 5.1.1"),
        ("ConnectionError: 535-5.7.8 refused 17", "535 5.7.8"),
        ("SMTPError: 421 try later", "421"),
        ("SMTPDataError: (452, b'try later')", "452"),
        (
            "HTTPStatusError: Server error '503 Service Unavailable' for url 'https://a/b'",
            "HTTP 503",
        ),
        ("Request failed with status code 404", "HTTP 404"),
        ("DeadlockDetected: SQLSTATE[40P01] process 17 waits", "SQLSTATE 40P01"),
        ("error: duplicate key, code: 23505", "SQLSTATE 23505"),
        ("Error: connect ECONNREFUSED 10.0.0.3:6379", "ECONNREFUSED"),
        ("OSError: [Errno 28] No space left on device: '/tmp/x'", "errno 28"),
        ("Error: EMAIL NOT FOUND", ""),
        ("ValueError: 17 is too much", ""),
    ],
)
def test_what_a_server_answered_is_kept(error: str, code: str) -> None:
    found = fingerprint.of(error)

    assert found.code == code
    assert len(found.id) == 12
    if code:
        assert all(part in found.title for part in code.split() if part[0].isdigit())


def test_two_answers_are_two_failures() -> None:
    login = "SMTPError: (535, b'5.7.8 no')"
    assert fingerprint.of(login).id != fingerprint.of(login.replace("535", "534")).id
    assert fingerprint.of("status code 404").id != fingerprint.of("status code 500").id


def test_the_frame_is_the_innermost_of_the_application() -> None:
    assert fingerprint.frame(PYTHON) == "mentor/mail.py:send"
    assert fingerprint.frame(NODE) == "src/mailer.js:Mailer.send"
    assert fingerprint.frame("no trace at all") == ""
    assert fingerprint.of("boom", PYTHON).id != fingerprint.of("boom", NODE).id


def test_a_moved_line_is_the_same_failure_and_a_chain_tells_its_last() -> None:
    assert fingerprint.of("boom", PYTHON) == fingerprint.of("boom", PYTHON.replace("41", "47"))
    chained = (
        PYTHON
        + "\nDuring handling of the above exception, another exception occurred:\n\n"
        + PYTHON.replace("mail.py", "sms.py")
    )
    assert fingerprint.frame(chained) == "mentor/sms.py:send"


def test_a_trace_alone_tells_the_message() -> None:
    assert fingerprint.of("", PYTHON).code == "535 5.7.8"
    assert fingerprint.of("", NODE).title == "Error: connect ECONNREFUSED <host>"


def test_titles_are_redacted() -> None:
    secret = "mysql: Access denied with password=hunter2-correct-horse"
    assert "hunter2" not in fingerprint.of(secret).title
    assert redact.text(fingerprint.of(secret).title) == fingerprint.of(secret).title


@given(st.text(max_size=700), st.text(max_size=700))
def test_any_text_has_a_fingerprint_and_a_bounded_title(error: str, trace: str) -> None:
    found = fingerprint.of(error, trace)

    assert len(found.id) == 12
    assert len(found.title) <= fingerprint.TITLE_MAX
    assert fingerprint.of(error, trace) == found


@given(st.integers(min_value=0, max_value=10**18), st.integers(min_value=0, max_value=10**18))
def test_numbers_never_tell_failures_apart(one: int, other: int) -> None:
    assert fingerprint.of(f"no user {one} here") == fingerprint.of(f"no user {other} here")
