"""What is masked, and what is not; and that no text makes the masking slow."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcore import redact

SECRET = """
password dbPassword dbpassword DB_PASS accessToken refresh_tokens csrftoken X-Api-Key APIKey JWT
session:token:4 client_secret Authorization set-cookie otp privateKey userPassword api_key pin
"""
HARMLESS = """
author compass bypass secretary tokenizer keyboard api stop spinner stopped passenger
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_secret_names(name: str) -> None:
    assert redact.is_secret(name)
    assert redact.value({"a": [{name: "s3cret"}]}) == {"a": [{name: redact.MASK}]}


@pytest.mark.parametrize("name", HARMLESS.split())
def test_names_that_only_look_like_it(name: str) -> None:
    assert not redact.is_secret(name)
    assert redact.text(f"{name}=shown") == f"{name}=shown"


def test_values_at_every_depth() -> None:
    data: Any = {"a": [{"apiKey": 1, "b": None}], "password": {"x": 1}, "note": "pwd=5", "n": 2}
    data |= {"token": None, "promptTokens": 532}
    assert redact.value(data) == {
        "a": [{"apiKey": "•••", "b": None}],
        "password": "•••",
        "note": "pwd=•••",
        "n": 2,
        "token": None,
        "promptTokens": 532,
    }


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("password=hunter2 and on", "password=••• and on"),
        ("DB_PASSWORD=hunter2", "DB_PASSWORD=•••"),
        ("EMAIL_PASS: hunter2", "EMAIL_PASS: •••"),
        ("{:password=>'hunter2'}", "{:password=>'•••'}"),
        ("error: password=hunter2", "error: password=•••"),
        ("url=http://h/?password=hunter2&x=1", "url=http://h/?password=•••&x=1"),
        ('{"password": "hun\\"ter2", "n": 1}', '{"password": "•••", "n": 1}'),
        ('{"token": "hunter2 b", "x": "y"}', '{"token": "•••", "x": "y"}'),
        ('{"otp": 424242, "n": 1}', '{"otp": "•••", "n": 1}'),
        ('{"tokens": ["hunter2", 5], "n": 1}', '{"tokens": "•••", "n": 1}'),
        ("'token': 'hunter2 b', 'b': 1", "'token': '•••', 'b': 1"),
        ('{\\"token\\":\\"hunter2\\"}', '{\\"token\\":\\"•••\\"}'),
        ('{\\"token\\":\\"a\\\\\\"hunter2\\",\\"n\\":1}', '{\\"token\\":\\"•••\\",\\"n\\":1}'),
        ('token="hunter2 was cut', 'token="•••'),
        ("api_key='hunter2'", "api_key='•••'"),
        ("x-api-key: hunter2", "x-api-key: •••"),
        ("access_token=hunter2&x=1", "access_token=•••&x=1"),
        ("x" * 90 + "_password=hunter2", "x" * 90 + "_password=•••"),
        ("Authorization: Bearer hunter2hunter2", "Authorization: •••"),
        ('{"authorization":"Bearer hunter2hunter2","n":1}', '{"authorization":"•••","n":1}'),
        ("sent Bearer hunter2.hunter2 ok", "sent Bearer ••• ok"),
        ("postgres://app:hunter2@db/app", "postgres://app:•••@db/app"),
        ("postgres://app:hunter2@hunter2@db/app", "postgres://app:•••@db/app"),
        ("redis://:hunter2@cache:6379/0", "redis://:•••@cache:6379/0"),
        ("Set-Cookie: sid=hunter2; Path=/", "Set-Cookie: •••"),
        ("jwt eyJhbGciOiJI.eyJzdWIiOiIx.hunter2", "jwt •••"),
    ],
)
def test_text(raw: str, clean: str) -> None:
    assert redact.text(raw) == clean
    assert redact.text(clean) == clean


@pytest.mark.parametrize(
    "line",
    [
        "tokens=532 used",
        "compass=north passenger=Ann bypass=1",
        "http://host:8080/path",
        "GET /reset-password 200",
        "passed in 3 s",
        "user: bob, time: 12:30",
    ],
)
def test_what_is_not_secret_stays(line: str) -> None:
    assert redact.text(line) == line


@given(
    st.sampled_from([name for name in SECRET.split() if ":" not in name]),
    st.text(min_size=1),
    st.text(),
    st.text(),
)
def test_json_as_text_stays_json_without_its_secrets(
    name: str, secret: str, before: str, after: str
) -> None:
    given_text = json.dumps({"a": before, name: f"s3cret{secret}", "z": after})
    shown = redact.text(given_text)
    assert "s3cret" not in shown
    assert redact.text(json.dumps({"a": 1, name: f"s3cret{secret}", "z": [2]})) == json.dumps(
        {"a": 1, name: "•••", "z": [2]}, ensure_ascii=False
    )


@pytest.mark.parametrize(
    "part",
    [
        *("password", "password=", "password:", "password   ", 'password="\\', 'password=\\"a'),
        *("token='", "pass=[", "eyJ-", "eyJaaaaaaaa.", "://a:", "a:", "://", "://x:y@", "x@"),
        *("Bearer ", "cookie:", 'cookie="', "-", "a", "A", "aA", "'", "\\"),
    ],
)
@pytest.mark.parametrize("end", [" password", "://"])
def test_no_text_makes_it_slow(part: str, end: str) -> None:
    words = (part * 65_536)[:65_536] + end
    began_s = time.process_time()
    redact.text(words)
    # Linear is some 0.01 s; the square of this length is a minute, its cube the age of the core.
    assert time.process_time() - began_s < 3
