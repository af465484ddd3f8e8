"""E-mail through SMTP: `EMAIL_HOST EMAIL_PORT EMAIL_USER EMAIL_PASS`."""

from __future__ import annotations

import asyncio
import logging
import smtplib
import ssl
import uuid
from email import message

import asyncpg

from mrcore.mentor import calls, config, tools, trails

LOG = logging.getLogger("email.worker")

_FROM = "Mr. Mentor <no-reply@mrmentor.example>"
_TIMEOUT_S = 15

_TEXTS = {
    "otp": ("Your code", "your one-time code is {code}. It works for five minutes."),
    "welcome": ("Welcome", "thank you for your interest. {seller} will call you soon."),
    "meeting": ("Your meeting is booked", "you meet {mentor} at {starts_at}."),
    "reminder": ("A reminder", "{title} is waiting for you."),
}


def otp_key(request_id: str) -> str:
    """The Redis key of a one-time code; codes are never in a payload, for payloads are shown."""
    return f"mentor:otp:{request_id}"


def otp_user_key(request_id: str) -> str:
    """The Redis key of the user whom a one-time code lets in."""
    return f"mentor:otp-user:{request_id}"


async def send_otp(
    at_hand: tools.Tools, *, to: str, name: str, request_id: str, expires_at: str
) -> str:
    """Send a one-time code, unless it has expired: a dead code would mislead its reader."""
    code = await at_hand.redis.get(otp_key(request_id))
    if code is None:
        LOG.warning("otp %s for %s expired at %s, dropped", request_id, to, expires_at)
        return "expired"
    return await _send(at_hand, "otp", to, name or "there", code=str(code))


async def send_welcome(
    at_hand: tools.Tools, *, to: str, name: str, seller: str, lead_id: str = ""
) -> str:
    """Greet a new lead."""
    return await _send(at_hand, "welcome", to, name, lead_id=lead_id, seller=seller)


async def send_confirmation(
    at_hand: tools.Tools, *, to: str, name: str, mentor: str, starts_at: str
) -> str:
    """Confirm a booking."""
    return await _send(at_hand, "meeting", to, name, mentor=mentor, starts_at=starts_at)


async def send_reminder(at_hand: tools.Tools, *, to: str, name: str, title: str) -> str:
    """Remind of something due."""
    return await _send(at_hand, "reminder", to, name, title=title)


async def _send(
    at_hand: tools.Tools, template: str, to: str, name: str, *, lead_id: str = "", **fields: str
) -> str:
    letter = compose(template, to, name, **fields)
    try:
        async with calls.counted(at_hand.database, "smtp", at_hand.now) as call:
            try:
                await asyncio.to_thread(deliver, at_hand.config.email, letter)
                call.status = 250
            except smtplib.SMTPException as error:
                call.status = code_of(error)
                raise
    except (smtplib.SMTPException, OSError) as error:
        LOG.error("%s to %s was not sent: %s", template, to, error)
        await _note(at_hand, template, to, lead_id, str(error))
        raise
    LOG.info("sent %s to %s", template, to)
    await _note(at_hand, template, to, lead_id, None)
    return "sent"


async def _note(
    at_hand: tools.Tools, template: str, to: str, lead_id: str, error: str | None
) -> None:
    """Write the trail. Where Postgres is away the log has to do: to raise would send it twice."""
    lead = uuid.UUID(lead_id) if lead_id else None
    try:
        async with at_hand.database() as connection:
            await trails.email(connection, template, to, error, at_hand.now(), lead)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as lost:
        LOG.error("%s to %s is not in lead_email_log: %s", template, to, type(lost).__name__)


def compose(template: str, to: str, name: str, **fields: str) -> message.EmailMessage:
    """A letter; raises TypeError for a person without a name, KeyError without a field."""
    subject, text = _TEXTS[template]
    letter = message.EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = _FROM, to, subject
    letter.set_content("Hi " + name + ",\n\n" + text.format(**fields) + "\n")
    return letter


def code_of(error: smtplib.SMTPException) -> int:
    """The server's code in an error of smtplib; 0 where there is none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next((int(code) for code, _ in error.recipients.values()), 0)
    return int(error.smtp_code) if isinstance(error, smtplib.SMTPResponseException) else 0


def deliver(settings: config.Email, letter: message.EmailMessage) -> None:
    """Hand a letter to the mail server; STARTTLS where it is offered.

    Raises smtplib.SMTPException with the server's code, OSError when it cannot be reached.
    """
    with smtplib.SMTP(settings.host, settings.port, timeout=_TIMEOUT_S) as server:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
        if settings.user:
            server.login(settings.user, settings.password.get_secret_value())
        server.send_message(letter)
