"""STUN and TURN over real UDP, and their bytes as RFC 5769 has them."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from mrcore.mentor import turn
from mrcore.sources.meetings import relay, stun

PASSWORD = SecretStr("a password of TURN")

# RFC 5769, 2.4: a request with long-term credentials.
REQUEST = bytes.fromhex(
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382af"
    "e382b900000015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014"
    "000b6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
)
# RFC 5769, 2.2: an IPv4 response; its SOFTWARE and FINGERPRINT are read over.
RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)


def test_the_vectors_of_the_rfc() -> None:
    heard = stun.unpack(REQUEST)
    assert (heard.method, heard.kind) == (stun.BINDING, stun.REQUEST)
    assert heard.text(stun.REALM) == "example.org"
    user = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9"
    assert heard.text(stun.USERNAME) == user
    secret = stun.key(user, "example.org", "TheMatrIX")
    assert heard.is_signed_by(secret)
    assert not heard.is_signed_by(stun.key(user, "example.org", "TheMatrix"))
    answer = stun.unpack(RESPONSE)
    assert answer.kind == stun.SUCCESS
    assert answer.address(stun.MAPPED) == ("192.0.2.1", 32853)
    assert answer.is_signed_by(b"VOkJxbRl1RmTxUk/WvJxBt")


@given(st.binary(max_size=200), st.integers(0, 60), st.integers(0, 255))
def test_any_bytes_are_a_message_or_malformed(noise: bytes, at: int, byte: int) -> None:
    broken = bytearray(REQUEST)
    broken[at] = byte
    for raw in (noise, bytes(broken), REQUEST[:20] + noise):
        try:
            heard = stun.unpack(raw)
        except stun.Malformed:
            continue
        heard.error(), heard.address(stun.MAPPED), heard.is_signed_by(b"key")


@pytest.fixture
async def server() -> AsyncIterator[turn.Server]:
    # Port 0 is the default of none: the account is given the port that was free.
    account = turn.Account("turn:127.0.0.1:3478", "browser", PASSWORD)
    made = await turn.listen(account, port=0)
    yield made
    made.close()


async def test_a_browser_is_told_who_it_is_and_given_a_relay(server: turn.Server) -> None:
    at = f"127.0.0.1:{server.port}"
    assert (await relay.bind(f"stun:{at}")).startswith("sees us at 127.0.0.1:")
    says = await relay.allocate(f"turn:{at}?transport=udp", "browser", PASSWORD)
    assert says.startswith("relays at 127.0.0.1:")
    assert server.relays == {}  # the probe has given it back


@pytest.mark.parametrize(("user", "password"), [("browser", "wrong"), ("nobody", "")])
async def test_a_wrong_login_gets_no_relay(server: turn.Server, user: str, password: str) -> None:
    with pytest.raises(relay.Refused, match="says 401 Unauthorized"):
        await relay.allocate(f"turn:127.0.0.1:{server.port}", user, SecretStr(password))


async def test_one_that_is_down_or_gone_is_refused_with_a_sentence(
    server: turn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "AGAIN_S", (0.01, 0.01))
    at = f"127.0.0.1:{server.port}"
    server.down = True
    with pytest.raises(relay.Refused, match=r"no answer within 0\.02 s"):
        await relay.bind(f"stun:{at}")
    with pytest.raises(relay.Refused, match="no answer"):
        await relay.allocate(f"turn:{at}", "browser", PASSWORD)
    with pytest.raises(relay.Refused, match="cannot be reached"):
        await relay.bind("stun:256.0.0.1")


async def test_relays_end_and_are_not_without_number(server: turn.Server) -> None:
    clock = 0.0
    here = dataclasses.replace(server, clock=lambda: clock, relays={})
    first = stun.Message(stun.ALLOCATE, stun.REQUEST, bytes(12), {stun.TRANSPORT: stun.UDP})
    nonce = stun.unpack(here.answer(first, ("127.0.0.1", 1))).attributes[stun.NONCE]
    secret = stun.key("browser", turn.REALM, PASSWORD.get_secret_value())

    def asks(port: int, once: bytes = nonce) -> stun.Message:
        known = {stun.USERNAME: b"browser", stun.REALM: turn.REALM.encode(), stun.NONCE: once}
        wanted = {**first.attributes, **known}
        raw = stun.pack(stun.Message(stun.ALLOCATE, stun.REQUEST, bytes(12), wanted), secret)
        return stun.unpack(here.answer(stun.unpack(raw), ("127.0.0.1", port)))

    once = asks(1)
    assert once.is_signed_by(secret)
    assert asks(1).attributes == once.attributes
    for port in range(2, turn.MOST + 1):
        assert asks(port).kind == stun.SUCCESS
    assert asks(turn.MOST + 1).error() == (486, "Allocation Quota Reached")
    clock = turn.LIFETIME_S + 1
    assert asks(turn.MOST + 1).kind == stun.SUCCESS
    assert asks(1, b"old").error()[0] == 438


@pytest.mark.parametrize(
    "url", ["", "turn:", "turns:h:1", "turn:h:1?transport=tcp", "h:1", "stun:h/x"]
)
def test_what_is_no_address_over_udp_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"UDP|port"):
        relay.place(url)
