"""E-mail leaves through a real SMTP server, or fails with that server's words."""

from __future__ import annotations

import dataclasses
import smtplib

import pytest
from pydantic import SecretStr

from mrcore.mentor import mail, smtp_sink, tools

TO = "kavya.rao@learners.example"
EXPIRES = "2026-11-20T10:05:00+00:00"


async def _otp(at_hand: tools.Tools, to: str = TO) -> str:
    await at_hand.redis.set(mail.otp_key("r1"), "493817", ex=60)
    return await mail.send_otp(at_hand, to=to, name="Kavya", request_id="r1", expires_at=EXPIRES)


async def test_a_code_reaches_its_mailbox_after_a_login(
    at_hand: tools.Tools, sink: smtp_sink.Sink
) -> None:
    assert await _otp(at_hand) == "sent"
    assert list(sink.delivered) == [(TO, "Your code")]
    assert sink.counters["logins"] == 1


async def test_an_expired_code_is_not_sent(at_hand: tools.Tools, sink: smtp_sink.Sink) -> None:
    said = await mail.send_otp(at_hand, to=TO, name="Kavya", request_id="gone", expires_at=EXPIRES)
    assert said == "expired"
    assert not sink.delivered


async def test_every_template_has_its_words(at_hand: tools.Tools, sink: smtp_sink.Sink) -> None:
    await mail.send_welcome(at_hand, to=TO, name="Kavya", seller="Riya")
    await mail.send_confirmation(at_hand, to=TO, name="Kavya", mentor="Uday", starts_at="10:00")
    await mail.send_reminder(at_hand, to=TO, name="Kavya", title="SQL assignment 3")
    assert [subject for _, subject in sink.delivered] == [
        "Welcome",
        "Your meeting is booked",
        "A reminder",
    ]


def test_a_letter_says_what_its_template_says() -> None:
    letter = mail.compose("otp", TO, "Kavya", code="493817")
    assert letter.get_content() == (
        "Hi Kavya,\n\nyour one-time code is 493817. It works for five minutes.\n"
    )


async def test_a_dead_address_is_550_each_time(at_hand: tools.Tools, sink: smtp_sink.Sink) -> None:
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"550, b'5\.1\.1"):
            await _otp(at_hand, "a@bounce.example")
    assert sink.counters["bounced"] == 2


async def test_a_greylisted_address_works_at_the_second_attempt(
    at_hand: tools.Tools, sink: smtp_sink.Sink
) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"451, b'4\.7\.1"):
        await _otp(at_hand, "a@greylist.example")
    assert await _otp(at_hand, "a@greylist.example") == "sent"


async def test_logins_can_be_refused_with_535(at_hand: tools.Tools, sink: smtp_sink.Sink) -> None:
    sink.refuse_logins = True
    with pytest.raises(smtplib.SMTPAuthenticationError, match=r"535, b'5\.7\.8 Username"):
        await _otp(at_hand)
    sink.refuse_logins = False
    assert await _otp(at_hand) == "sent"


async def test_a_wrong_password_is_535(at_hand: tools.Tools, sink: smtp_sink.Sink) -> None:
    account = dataclasses.replace(at_hand.config.email, password=SecretStr("stale"))
    at_hand.config = dataclasses.replace(at_hand.config, email=account)
    with pytest.raises(smtplib.SMTPAuthenticationError):
        await _otp(at_hand)
    assert sink.counters["refused_logins"] >= 1


async def test_nobody_sends_without_a_login(at_hand: tools.Tools, sink: smtp_sink.Sink) -> None:
    account = dataclasses.replace(at_hand.config.email, user="")
    at_hand.config = dataclasses.replace(at_hand.config, email=account)
    with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
        await _otp(at_hand)


async def test_a_person_without_a_name_breaks_a_template(at_hand: tools.Tools) -> None:
    nobody: str = None  # type: ignore[assignment]
    with pytest.raises(TypeError, match="can only concatenate str"):
        await mail.send_reminder(at_hand, to=TO, name=nobody, title="SQL assignment 3")


async def test_no_mail_server_is_an_error_not_a_hang(at_hand: tools.Tools) -> None:
    account = dataclasses.replace(at_hand.config.email, port=1)
    at_hand.config = dataclasses.replace(at_hand.config, email=account)
    with pytest.raises(ConnectionRefusedError):
        await _otp(at_hand)
