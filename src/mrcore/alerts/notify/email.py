"""Channel `email`: SMTP, with STARTTLS or TLS; the Message-ID is the same at every try."""

from __future__ import annotations

import asyncio
import email.message
import email.policy
import email.utils
import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from mrcore import errors
from mrcore.alerts.notify import channel, message

Address = Annotated[str, StringConstraints(pattern=r"^[^\s@<>]+@[^\s@<>]+$")]


class Settings(channel.Settings):
    """A mail server, and who is written to."""

    kind: Literal["email"] = "email"
    host: str = Field(description="of the mail server")
    port: int = Field(default=587, gt=0, lt=65_536, description="587 starttls, 465 tls, 25 none")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="a password is never sent without"
    )
    ca: Path | None = Field(default=None, description="PEM file of who signs its certificate")
    user: str = Field(default="", description="login; without one nothing is asked")
    password: SecretStr = Field(default=SecretStr(""), description="of the login")
    sender: Address = Field(description="From")
    to: Annotated[tuple[Address, ...], Field(min_length=1)] = Field(description="To")


class Mail:
    """A mail a message, to all at once; one that was refused for some is tried again for all."""

    def __init__(self, own: Settings) -> None:
        self._own = own
        self._secrets = channel.secrets_of(own)

    async def send(self, told: message.Message) -> None:
        """Raises NotSent."""
        try:
            async with asyncio.timeout(2 * self._own.timeout_s):
                await asyncio.to_thread(self._send, _mail(told, self._own))
        except TimeoutError:
            within_s = 2 * self._own.timeout_s
            raise errors.NotSent(
                f"{self._own.host} did not take it within {within_s:g} s."
            ) from None

    def _send(self, mail: email.message.EmailMessage) -> None:
        own = self._own
        try:
            with self._connected() as server:
                if own.user:
                    server.login(own.user, own.password.get_secret_value())
                refused = server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except smtplib.SMTPResponseException as error:
            words = error.smtp_error
            text = words.decode(errors="replace") if isinstance(words, bytes) else words
            raise errors.NotSent(
                f"{own.host} answered {error.smtp_code}: {self._said(text)}."
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise errors.NotSent(
                f"{own.host}:{own.port} cannot be used: {self._said(str(error))}."
            ) from None
        if refused:
            code, words = next(iter(refused.values()))
            text = words.decode(errors="replace")
            raise errors.NotSent(
                f"{own.host} refuses {len(refused)} of {len(own.to)}: {code} {self._said(text)}."
            )

    def _connected(self) -> smtplib.SMTP:
        own = self._own
        if own.security == "none":
            return smtplib.SMTP(own.host, own.port, timeout=own.timeout_s)
        context = ssl.create_default_context(cafile=own.ca)
        if own.security == "tls":
            return smtplib.SMTP_SSL(own.host, own.port, timeout=own.timeout_s, context=context)
        server = smtplib.SMTP(own.host, own.port, timeout=own.timeout_s)
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server

    def _said(self, words: str) -> str:
        return channel.without(self._secrets, words).rstrip(".")


def _mail(told: message.Message, own: Settings) -> email.message.EmailMessage:
    """The mail; answers of mail programs that reply by themselves are not wanted (RFC 3834)."""
    made = email.message.EmailMessage(policy=email.policy.SMTP)
    made["From"], made["To"] = own.sender, ", ".join(own.to)
    made["Subject"] = " ".join(told.title.split())
    made["Date"] = email.utils.format_datetime(told.at)
    made["Message-ID"] = f"<{told.key}@{own.sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(f"{told.text}\n")
    return made


def open_channel(own: Settings, now: Callable[[], datetime]) -> channel.Channel:
    """The channel with these settings. Raises ValueError for a password that anybody could read."""
    if own.user and own.security == "none":
        raise ValueError("user: a password is not sent without starttls or tls")
    return Mail(own)
