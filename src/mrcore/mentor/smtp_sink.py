"""A mail server that accepts, counts and forgets; it refuses what real ones refuse.

| address or state | answer |
|---|---|
| wrong user or password, or told to refuse | 535 5.7.8 |
| told to be busy | 421 4.3.2 to every connection |
| told to be away | none: every connection ends |
| not logged in | 530 5.7.0 |
| `…@bounce.example` | 550 5.1.1, always |
| `…@greylist.example` | 451 4.7.1 the first time, then 250 |
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import email
import email.policy
import hmac
import logging
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from aiosmtpd import smtp
from pydantic import SecretStr

from mrcore.mentor import config, people

LOG = logging.getLogger("smtp")

_KEPT = 200
_CODE = re.compile(r"one-time code is (\d{6})")
_BAD = "535-5.7.8 Username and Password not accepted. For more information, go to\r\n535 5.7.8"
_BOUNCE = "550 5.1.1 The email account that you tried to reach does not exist"
_BUSY = b"421 4.3.2 mail.local is not accepting network messages\r\n"
_LATER = "451 4.7.1 Greylisted, please try again later"

State = Literal["there", "away", "busy"]
"""Whether there is a mail server behind the port: `busy` is one that takes no mail now."""


@dataclass
class Sink:
    """The server's handler. `counters` only grow; `delivered` holds the newest 200 envelopes."""

    account: config.Email
    refuse_logins: bool = False
    server: State = "there"
    counters: collections.Counter[str] = field(default_factory=collections.Counter)
    delivered: collections.deque[tuple[str, str]] = field(
        default_factory=lambda: collections.deque(maxlen=_KEPT)
    )

    def __post_init__(self) -> None:
        self._greeted: set[str] = set()
        self._codes: dict[str, str] = {}

    def take_password(self, password: str) -> None:
        """The account's password is another from now on."""
        self.account = dataclasses.replace(self.account, password=SecretStr(password))

    def take_code(self, address: str) -> str | None:
        """The one-time code that was mailed last to somebody, once: as who reads it does."""
        return self._codes.pop(address, None)

    def authenticate(
        self, server: smtp.SMTP, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> smtp.AuthResult:
        """Check the account that the backend has in EMAIL_USER and EMAIL_PASS."""
        expected = (self.account.user.encode(), self.account.password.get_secret_value().encode())
        same = isinstance(data, smtp.LoginPassword) and all(
            hmac.compare_digest(a, b)
            for a, b in zip(expected, (data.login, data.password), strict=True)
        )
        if same and not self.refuse_logins:
            self.counters["logins"] += 1
            return smtp.AuthResult(success=True)
        self.counters["refused_logins"] += 1
        LOG.warning("login refused: 535-5.7.8 BadCredentials")
        return smtp.AuthResult(success=False, handled=False, message=_BAD)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: smtp.SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Refuse senders who have not logged in."""
        if not session.authenticated:
            return "530 5.7.0 Authentication Required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: smtp.SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Accept the recipient, or answer as its domain's server would."""
        domain = address.rpartition("@")[2].lower()
        if domain == people.BOUNCES:
            return self._refuse("bounced", address, _BOUNCE)
        if domain == people.GREYLISTS and address not in self._greeted:
            self._greeted.add(address)
            return self._refuse("greylisted", address, _LATER)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: smtp.SMTP, session: Any, envelope: Any
    ) -> str:
        """Count the mail; its text is read for the subject and a one-time code, and dropped."""
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        subject = str(letter["Subject"])
        for address in envelope.rcpt_tos:
            self.counters["delivered"] += 1
            self.delivered.append((address, subject))
            LOG.info("delivered %r to %s", subject, address)
            if code := _CODE.search(str(letter.get_content())):
                self._codes[address] = code[1]
                if len(self._codes) > _KEPT:
                    del self._codes[next(iter(self._codes))]
        return "250 2.0.0 OK"

    def _refuse(self, counter: str, address: str, answer: str) -> str:
        self.counters[counter] += 1
        LOG.warning("refused %s: %s", address, answer)
        return answer


class _Turned(asyncio.Protocol):
    """Who comes is sent away: with a word, or without one."""

    def __init__(self, word: bytes) -> None:
        self._word = word

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._word)
        transport.close()


async def listen(sink: Sink, host: str, port: int) -> asyncio.Server:
    """Serve SMTP with AUTH on `host:port` (0: a free one)."""

    def met() -> asyncio.BaseProtocol:
        if sink.server != "there":
            return _Turned(_BUSY if sink.server == "busy" else b"")
        return smtp.SMTP(
            sink,
            hostname="mail.local",
            ident="Mr. Mentor's sink",
            authenticator=sink.authenticate,
            auth_require_tls=False,
        )

    return await asyncio.get_running_loop().create_server(met, host, port)
