"""What is masked, and what is not."""

from __future__ import annotations

import pytest

from mrcore import redact

SECRET = """
password dbPassword DB_PASS accessToken refresh_tokens X-Api-Key session:token:4 APIKey JWT
client_secret Authorization set-cookie otp privateKey
"""
HARMLESS = "author compass bypass secretary tokenizer keyboard api"


@pytest.mark.parametrize("name", SECRET.split())
def test_secret_names(name: str) -> None:
    assert redact.is_secret(name)


@pytest.mark.parametrize("name", HARMLESS.split())
def test_names_that_only_look_like_it(name: str) -> None:
    assert not redact.is_secret(name)


def test_values_at_every_depth() -> None:
    data = {"a": [{"apiKey": 1, "b": None}], "password": {"x": 1}, "note": "pwd=5", "n": 2}
    assert redact.value(data) == {
        "a": [{"apiKey": "•••", "b": None}],
        "password": "•••",
        "note": "pwd=•••",
        "n": 2,
    }


@pytest.mark.parametrize(
    ("words", "masked"),
    [
        ("password=hunter2 and on", "password=••• and on"),
        ('{"token": "a b", "x": "y"}', '{"token": •••, "x": "y"}'),
        ("Authorization: Bearer abc.def", "Authorization: •••"),
        ("Bearer abc.def= rest", "Bearer ••• rest"),
        ("postgres://u:hunter2@h/db", "postgres://u:•••@h/db"),
        ("user: bob, time: 12:30", "user: bob, time: 12:30"),
    ],
)
def test_text(words: str, masked: str) -> None:
    assert redact.text(words).startswith(masked)
    assert "hunter2" not in redact.text(words)
