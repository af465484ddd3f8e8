"""What becomes a tag, and what does not; and that no text makes the redaction slow."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mrcore import redact
from mrcore.redact import tags

SECRET = """
password dbPassword dbpassword DB_PASS accessToken refresh_tokens csrftoken X-Api-Key APIKey JWT
session:token:4 client_secret Authorization set-cookie otp privateKey userPassword api_key pin
"""
HARMLESS = """
author compass bypass secretary tokenizer keyboard api stop spinner stopped passenger otpQueue
passwordResetQueue token_type otp_attempts TokenExpiredError password_reset
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_secret_names(name: str) -> None:
    assert redact.is_secret(name)
    found: Any = redact.value({"a": [{name: "s3cret"}]})
    assert tags.is_tag(found["a"][0][name])
    assert redact.under(name, "s3cret") == found["a"][0][name]


@pytest.mark.parametrize("name", HARMLESS.split())
def test_names_that_only_look_like_it(name: str) -> None:
    assert not redact.is_secret(name)
    assert redact.text(f"{name}=shown") == f"{name}=shown"


def test_values_at_every_depth() -> None:
    data: Any = {"a": [{"apiKey": 1, "b": None}], "password": {"x": 1}, "note": "pwd=5", "n": 2}
    data |= {"token": None, "promptTokens": 532, "phone": 2233445566, "to": ["a@b.example"]}
    data |= {"orderId": 9876543210, "calls": [9876543210], "asha@example.org": 1}
    assert redact.value(data) == {
        "a": [{"apiKey": "apikey:•••", "b": None}],
        "password": {"x": "password:•••"},
        "note": "pwd=password:•••",
        "n": 2,
        "token": None,
        "promptTokens": 532,
        "phone": "phone:•••",
        "to": ["email:•••"],
        "orderId": 9876543210,
        "calls": ["phone:•••"],
        "email:•••": 1,
    }


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("password=hunter2 and on", "password=password:••• and on"),
        ("DB_PASSWORD=hunter2", "DB_PASSWORD=password:•••"),
        ("EMAIL_PASS: hunter2", "EMAIL_PASS: password:•••"),
        ("{:password=>'hunter2'}", "{:password=>'password:•••'}"),
        ("error: password=hunter2", "error: password=password:•••"),
        ("url=http://h/?password=hunter2&x=1", "url=http://h/?password=password:•••&x=1"),
        ('{"password": "hun\\"ter2", "n": 1}', '{"password": "password:•••", "n": 1}'),
        ('{"token": "hunter2 b", "x": "y"}', '{"token": "token:•••", "x": "y"}'),
        ('{"otp": 424242, "n": 1}', '{"otp": "otp:•••", "n": 1}'),
        ('{"tokens": ["hunter2", 5], "n": 1}', '{"tokens": "token:•••", "n": 1}'),
        ('{"pass": {"a": {"b": "]"}, "c": "h"}, "n": 1}', '{"pass": "password:•••", "n": 1}'),
        ("'token': 'hunter2 b', 'b': 1", "'token': 'token:•••', 'b': 1"),
        ('{\\"token\\":\\"hunter2\\"}', '{\\"token\\":\\"token:•••\\"}'),
        (
            '{\\"token\\":\\"a\\\\\\"hunter2\\",\\"n\\":1}',
            '{\\"token\\":\\"token:•••\\",\\"n\\":1}',
        ),
        ('{"m":"{\\"otp\\":424242}"}', '{"m":"{\\"otp\\":\\"otp:•••\\"}"}'),
        ('{"m":"password=hunter2","n":1}', '{"m":"password=password:•••","n":1}'),
        ('"{\\"m\\":\\"password=hunter2\\"}"', '"{\\"m\\":\\"password=password:•••\\"}"'),
        ('token="hunter2 was cut', 'token="token:•••'),
        ("password=b'hunter2'", "password=b'password:•••'"),
        ("password=SecretStr('hunter2') x", "password=password:••• x"),
        ("<password>hunter2</password>", "<password>password:•••</password>"),
        ("ALTER USER a PASSWORD 'hunter2'", "ALTER USER a PASSWORD 'password:•••'"),
        ("run --token hunter2 --fast", "run --token token:••• --fast"),
        ("x-api-key: hunter2", "x-api-key: apikey:•••"),
        ("access_token=hunter2&x=1", "access_token=token:•••&x=1"),
        ("x" * 90 + "_password=hunter2", "x" * 90 + "_password=password:•••"),
        ("Authorization: Bearer hunter2hunter2", "Authorization: Bearer bearer:•••"),
        ("Authorization: hunter2, x=1", "Authorization: authorization:•••, x=1"),
        ("Authorization: Digest a=b, c=d", "Authorization: authorization:•••"),
        (
            '{"authorization":"Basic YTpodW50ZXIy","n":1}',
            '{"authorization":"Basic basic:•••","n":1}',
        ),
        ("sent Bearer hunter2.hunter2 ok", "sent Bearer bearer:••• ok"),
        ("postgres://app:hunter2@db/app", "postgres://app:password:•••@db/app"),
        ("postgres://app:hunter2@hunter2@d.example/a", "postgres://app:password:•••@d.example/a"),
        ("redis://:hunter2@cache:6379/0", "redis://:password:•••@cache:6379/0"),
        ("Set-Cookie: sid=hunter2; Path=/", "Set-Cookie: cookie:•••"),
        ("jwt eyJhbGciOiJI.eyJzdWIiOiIx.hunter2", "jwt jwt:•••"),
        ("to asha.k+x@mail.example.org.", "to email:•••."),
        ("?to=asha%40example.org&n=1", "?to=email:•••&n=1"),
        ("a\\nasha@example.org\\u00e9asha@example.org", "a\\nemail:•••\\u00e9email:•••"),
        ("user:asha@example.org:cart", "user:email:•••:cart"),
        ("ईमेल आशा@उदाहरण.भारत को", "ईमेल email:••• को"),
        ("call +91 98765 43210, or 09876543210", "call phone:•••, or phone:•••"),
        ("फोन:९८७६५४३२१०पर", "फोन:phone:•••पर"),
        ('{"phone":9876543210,"n":[9876543210,1]}', '{"phone":"phone:•••","n":["phone:•••",1]}'),
        ('{"mobile":"2233445566","n":1}', '{"mobile":"phone:•••","n":1}'),
        ('{\\"a_phone\\":\\"2233445566\\"}', '{\\"a_phone\\":\\"phone:•••\\"}'),
        ('{\\"to\\":9876543210}', '{\\"to\\":\\"phone:•••\\"}'),
        ("paid with 4111 1111 1111 1111", "paid with card:•••"),
        ("your OTP is 482913.", "your OTP is otp:•••."),
        ("code: 482913", "code: otp:•••"),
        ("otp:482913", "otp:otp:•••"),
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
        "http://host:8080?mail=1@x",
        "GET /reset-password 200",
        "passed in 3 s",
        "user: bob, time: 12:30",
        "password=$1 token: expired secret=null",
        "Basic authentication failed, bearer tokens only",
        "4111 1111 1111 1112 is no card",
        "order 8123456789 size=8589934592 exit code: 482913",
    ],
)
def test_what_is_not_secret_stays(line: str) -> None:
    assert redact.text(line) == line


def test_equal_values_have_equal_tags_however_they_are_written(redaction_key: bytes) -> None:
    def tag(words: str) -> str:
        return redact.text(words).split()[-1]

    assert tag("to Asha@Example.org") == tag("for asha@example.org") == tag("a asha%40example.org")
    assert tag("call +91-98765-43210") == tag("call 9876543210") == tag("call 0 98765 43210")
    assert tag("card 4111111111111111") == tag("with 4111-1111-1111-1111")
    assert tag("asha@example.org") != tag("ashb@example.org")
    assert redact.value("asha@example.org") == redact.text("asha@example.org")
    assert tags.is_tag(redact.text("asha@example.org"))


def test_a_tag_depends_on_the_key_and_shows_it_has_one(redaction_key: bytes) -> None:
    before = [redact.text(f"{n}@example.org") for n in range(200)]
    assert all(tags.is_tag(one) and one.startswith("email:") for one in before)
    assert not any(one.removeprefix("email:").isdecimal() for one in before)
    redact.use(redaction_key[::-1])
    assert sum(a == redact.text(f"{n}@example.org") for n, a in enumerate(before)) < 3
    redact.use(b"")
    assert redact.text("asha@example.org") == "email:•••"


def test_who_looks_for_an_address_looks_for_its_tag(redaction_key: bytes) -> None:
    tag = redact.text("asha@example.org")
    assert redact.sought("asha@example.org") == tag
    assert redact.sought(r" Asha@example\.org ") == tag
    assert redact.sought("+91 98765 43210") == redact.text("9876543210")
    assert redact.sought("to asha@example.org") == ""
    assert redact.sought("asha") == redact.sought("") == redact.sought(tag) == ""
    redact.use(b"")
    assert redact.sought("asha@example.org") == ""


def test_nothing_is_redacted_for_who_may_see_it() -> None:
    clean = redact.NOTHING
    data: Any = {"password": "hunter2", "to": ["asha@example.org"]}
    assert clean.value(data) == data
    assert clean.text("password=hunter2") == "password=hunter2"
    assert clean.under("password", "hunter2") == "hunter2"
    assert not clean.is_secret("password")
    assert redact.ALL.under("password", "hunter2") == "password:•••"


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
    assert "s3cret" not in redact.text(given_text)
    shown = json.loads(redact.text(json.dumps({"a": 1, name: f"s3cret{secret}", "z": [2]})))
    assert tags.is_tag(shown.pop(name))
    assert shown == {"a": 1, "z": [2]}


KEPT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

PIECES = [
    *("password", "otp", "token", "code", "OTP is ", "phone", "card", "orderId", "cookie", "email"),
    *("=", ":", ": ", '": "', '","', "'", '"', "\\", '\\"', "\\n", " ", "\n", ",", "[", "]", "{"),
    *("}", "(", ")", "@", ".", "-", "+", "/", "://", "%40", "%2B", "•••", "\ufdd0", "\ufdd1", "\0"),
    *("asha@example.org", "9876543210", "+91 98765 43210", "4111 1111 1111 1111", "482913", "91"),
    *("4111111111111111", "eyJhbGciOiJI.eyJzdWIiOiIx.abc", "Bearer abc123def", "://app:hunter2@db"),
    *("AKIAIOSFODNN7EXAMPLE", "rzp_live_abcdefgh1234", "ABCPE1234F", "abc123", "email:7f3a91"),
    *("password:7f3a91", "otp:•••", "--token ", "PASSWORD '", "-----BEGIN PRIVATE KEY-----", "आशा"),
    *("Set-Cookie: ", "Authorization: ", "Basic YTpodW50ZXIy", "asha@okaxis", "hooks.slack.com/"),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=14).map("".join)


@KEPT
@given(words=TEXTS)
def test_redacting_what_is_redacted_changes_nothing(redaction_key: bytes, words: str) -> None:
    once = redact.text(words)
    assert redact.text(once) == once


NUMBERS = st.sampled_from([9876543210, 4111111111111111, 482913, 919876543210])


def jsons(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from([piece for piece in PIECES if piece.isalpha()])
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
        max_leaves=8,
    )


SMALL = st.none() | st.booleans() | st.integers(-(10**6), 10**6)


@KEPT
@given(data=jsons(SMALL | TEXTS) | jsons(SMALL | NUMBERS | st.text(alphabet="aZ 9é")))
def test_json_stays_json_with_its_names(redaction_key: bytes, data: Any) -> None:
    shown = redact.value(data)
    assert redact.value(shown) == shown
    for written in (json.dumps([data]), json.dumps(json.dumps({"a": data}))):
        json.loads(redact.text(written))


@pytest.mark.parametrize(
    "part",
    [
        *("password", "password=", "password:", "password   ", 'password="\\', 'password=\\"a'),
        *("token='", "pass=[", "eyJ-", "eyJaaaaaaaa.", "://a:", "a:", "://", "://x:y@", "x@"),
        *("Bearer ", "cookie:", 'cookie="', "-", "a", "A", "aA", "'", "\\", "@", "a@a.", "a@a.b "),
        *("9", "98765 ", "9-", "+9", "+91 98765 43210 ", "4111 ", "(415) ", "1234 123456 "),
        *("-----BEGIN PRIVATE KEY-----", '-----BEGIN PRIVATE KEY-----"', "SG.aaaaaaaaaaaaaaaa"),
        *("sk-", "xoxb-", "%40", "%2B", "\\n", "\\u00e9", "code ", "otp is ", "1 is your "),
        *("email:7f3a91", "otp:", "--token ", "password '", 'password=["', "token=f(", "A1234"),
        *("\n", "sig=", "?sig=", "hooks.slack.com/services/", "AKIA", "token:{\\\\\\\""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", [" password", "://", "@9876543210 code eyJ _KEY"])
def test_no_text_makes_it_slow(part: str, end: str) -> None:
    words = (part * 65_536)[:65_536] + end
    began_s = time.process_time()
    redact.text(words)
    # Linear is some 0.1 s; the square of this length is a minute, its cube the age of the core.
    assert time.process_time() - began_s < 3
