"""One question to a service that costs nothing: HTTP GET, SMTP up to AUTH and QUIT, TCP connect."""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from mrcore.model import base
from mrcore.sources.upstreams import settings

_NAME = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")
_REFUSED = (401, 403)
_FOR_GOOD = 500
"""What SMTP answers from here on stays so; below it, it may be well later (RFC 5321, 4.2.1)."""


class NotSet(Exception):
    """A name that a probe needs is not set; its text is that name."""


@dataclass(frozen=True)
class Asked:
    """A probe with its names filled in. `secrets` are never shown."""

    form: str
    url: str
    alternates: tuple[str, ...]
    headers: Mapping[str, str]
    user: str
    password: str
    expect: int


@dataclass(frozen=True)
class Answer:
    """What a service said: its code, whether it took the credential, and what that means."""

    status_code: int | None
    auth_ok: bool | None
    verdict: base.Verdict = base.OK


def filled(probe: settings.Probe, values: Mapping[str, str]) -> Asked:
    """The probe with `{NAME}` replaced. Raises NotSet."""

    def fill(text: str) -> str:
        def value(match: re.Match[str]) -> str:
            if not (found := values.get(match[1])):
                raise NotSet(match[1])
            return found

        return _NAME.sub(value, text)

    return Asked(
        form=probe.form,
        url=fill(probe.url),
        alternates=tuple(fill(url) for url in probe.alternates),
        headers={k: fill(v.get_secret_value()) for k, v in probe.headers.items()},
        user=fill(probe.user),
        password=fill(probe.password.get_secret_value()),
        expect=probe.expect,
    )


async def ask(asked: Asked, client: httpx.AsyncClient, answer_s: float) -> Answer:
    """Put the question; every way in which it can fail is an answer."""
    try:
        async with asyncio.timeout(answer_s):
            if asked.form == "smtp":
                return await asyncio.to_thread(_smtp, asked, answer_s)
            if asked.form == "tcp":
                return await _tcp(asked)
            return await _http(asked, client)
    except TimeoutError:
        return _bad(None, None, "timeout", f"no answer within {answer_s:g} s")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, smtplib.SMTPException) as error:
        return _bad(None, None, "unreachable", f"cannot be asked: {type(error).__name__}")


async def _http(asked: Asked, client: httpx.AsyncClient) -> Answer:
    code = await _get(asked, asked.url, client)
    if code == asked.expect:
        return Answer(code, True)
    if code in _REFUSED:
        for other in asked.alternates:
            if other != asked.url and await _get(asked, other, client) == asked.expect:
                host = _place(other)
                why = f"answers {code}, and {host} takes the same credential"
                return _bad(code, False, "wrong_cluster", why)
        return _bad(code, False, "auth", f"answers {code}: it does not take the credential")
    if code == 429:
        return Answer(code, None, base.Verdict(level=base.Level.WARN, code="limited", why="429"))
    return _bad(code, None, "error", f"answers {code}, not {asked.expect}")


def _place(url: str) -> str:
    """Host and path of a URL up to what is the account's: which cluster it is."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path.split('/v1/')[0]}"


async def _get(asked: Asked, url: str, client: httpx.AsyncClient) -> int:
    auth = (asked.user, asked.password) if asked.user else None
    async with client.stream("GET", url, headers=dict(asked.headers), auth=auth) as answer:
        return answer.status_code


def _smtp(asked: Asked, answer_s: float) -> Answer:
    """Say what it answers also where that is a refusal: 421 comes before any login, 454 at it."""
    try:
        return _login(asked, answer_s)
    except smtplib.SMTPResponseException as error:
        code = int(error.smtp_code)
        login = isinstance(error, smtplib.SMTPAuthenticationError)
        if login and code >= _FOR_GOOD:
            return _bad(code, False, str(code), f"{code}: it does not take the credential")
        return _bad(code, None, "error", f"answers {code}: it refuses us for now")


def _login(asked: Asked, answer_s: float) -> Answer:
    place = urlsplit(asked.url)
    with smtplib.SMTP(place.hostname or "", place.port or 587, timeout=answer_s) as server:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
        if not asked.user:
            return Answer(250, None)
        code, _ = server.login(asked.user, asked.password)
        return Answer(int(code), True)


async def _tcp(asked: Asked) -> Answer:
    place = urlsplit(asked.url)
    _, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.close()
    return Answer(None, None)


def _bad(status: int | None, auth_ok: bool | None, code: str, why: str) -> Answer:
    return Answer(status, auth_ok, base.Verdict(level=base.Level.BAD, code=code, why=why))
