"""One Bull Board over HTTP: what it answers, and what it means when it does not."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import httpx
from pydantic import Field, JsonValue, SecretStr, field_validator

from mrcore import errors, redact
from mrcore import settings as core_settings
from mrcore.sources import base as source_base
from mrcore.sources import web

MOST_BYTES = 64 * 1024 * 1024
"""Of one answer: 300 jobs come with their whole payloads."""

_IN_THREAD_BYTES = 256 * 1024
_SHOWN = 200


class Settings(core_settings.SourceSettings):
    """Where the board is mounted, and how it knows us."""

    kind: str = "bullboard"
    interval_s: float = Field(default=2.0, gt=0, description="time between samples")
    deadline_s: float = Field(default=5.0, gt=0, description="a sample that takes longer failed")
    url: str = Field(
        description="where the board is, for example https://app.internal/admin/queues"
    )
    username: str = Field(default="", description="name for Basic Auth")
    password: SecretStr = Field(default=SecretStr(""), description="password for Basic Auth")
    cookie: SecretStr = Field(
        default=SecretStr(""), description="Cookie header of a session, where it has a login page"
    )
    headers: dict[str, SecretStr] = Field(default={}, description="headers to send with all")
    ca: Path | None = Field(default=None, description="PEM file of who signed its certificate")
    certificate: Path | None = Field(default=None, description="PEM file of our certificate")
    key: Path | None = Field(default=None, description="PEM file of its key")
    age_limits: dict[str, float] = Field(
        default={}, description="seconds by job name after which a job must not run any more"
    )

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        return web.plain(url, "name and password have settings of their own").removesuffix("/api")


class Answer(NamedTuple):
    """Status and JSON of an answer; `etag` makes the next question cheap."""

    status: int
    body: JsonValue = None
    etag: str = ""

    @property
    def good(self) -> bool:
        """Whether it is what was asked for."""
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """The error's key of boards from 8.3 on (`JOB_IS_ACTIVE`), '' of older ones."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        key = error.get("key") if isinstance(error, dict) else None
        return key.removeprefix("ERRORS.") if isinstance(key, str) else ""

    @property
    def said(self) -> str:
        """The error in words: a key up from 8.3, English before, with the message that it has."""
        body = self.body if isinstance(self.body, dict) else {}
        error, message = body.get("error"), body.get("message")
        words = [self.code.replace("_", " ").lower() or error, message]
        told = ": ".join(word for word in words if isinstance(word, str) and word)
        return redact.text(told[:_SHOWN]) or f"status {self.status}"


class Link:
    """Kept connections to one board: at most 12.

    Raises SettingsError for certificates that cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.url = settings.url
        self._settings = settings
        self._tls = _tls(settings)
        self._web = web.Web(
            f"The board at {self.url}", most_bytes=MOST_BYTES, fix="Ask for fewer jobs at once."
        )

    def start(self) -> None:
        """Open the connections as they are needed."""
        own = self._settings
        headers = {name: value.get_secret_value() for name, value in own.headers.items()}
        if cookie := own.cookie.get_secret_value():
            headers["cookie"] = cookie
        auth = None
        if own.username:
            auth = httpx.BasicAuth(own.username, own.password.get_secret_value())
        limits = httpx.Limits(max_connections=12)
        self._web.start(verify=self._tls, auth=auth, headers=headers, limits=limits)

    async def stop(self) -> None:
        await self._web.stop()

    async def get(self, *path: str, query: Mapping[str, str | int] | None = None) -> JsonValue:
        """The body of a good answer. Raises NotFound, NotPermitted, Unreachable, SourceError."""
        answer = await self.ask("GET", *path, query=query)
        if answer.good:
            return answer.body
        if answer.status == 404:
            raise errors.NotFound(f"The board at {self.url} answers: {answer.said}.")
        raise errors.SourceError(f"The board at {self.url} answers: {answer.said}.")

    async def ask(
        self,
        method: str,
        *path: str,
        query: Mapping[str, str | int] | None = None,
        body: JsonValue = None,
        etag: str = "",
    ) -> Answer:
        """One question; parts of the path and values of the query are encoded here.

        Raises Unreachable, NotPermitted, and SourceError where no Bull Board answers.
        """
        url = f"{self.url}/api/{'/'.join(_part(part) for part in path)}"
        if query:
            url += "?" + "&".join(f"{name}={_twice(value)}" for name, value in query.items())
        headers = {"if-none-match": etag} if etag else {}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["content-type"] = "application/json"
        response, raw = await self._web.ask(method, url, headers=headers, content=content)
        return await self._understood(response, raw)

    async def _understood(self, response: httpx.Response, raw: bytes) -> Answer:
        status = response.status_code
        if status == 401:
            raise errors.NotPermitted(
                f"The board at {self.url} does not take this login (401).",
                fix=f"Needs {self._wants(response)} in the settings.",
            )
        if 300 <= status < 400 and status != 304:
            where = response.headers.get("location", "elsewhere").partition("?")[0]
            raise errors.NotPermitted(
                redact.text(f"The board at {self.url} sends us to {where[:_SHOWN]}."),
                fix="Needs cookie or headers in the settings, if that is its login page.",
            )
        if status == 304 or not raw:
            return Answer(status, None, response.headers.get("etag", ""))
        try:
            large = len(raw) > _IN_THREAD_BYTES
            body = await asyncio.to_thread(_parsed, raw) if large else _parsed(raw)
        except (ValueError, RecursionError):
            raise self._stranger(status, response) from None
        if status == 403:
            said = Answer(status, body).said
            raise errors.NotPermitted(f"The board at {self.url} refuses: {said}.")
        return Answer(status, body, response.headers.get("etag", ""))

    def _wants(self, response: httpx.Response) -> str:
        scheme = response.headers.get("www-authenticate", "").partition(" ")[0].lower()
        return "username and password" if scheme == "basic" else "cookie or headers"

    def _stranger(self, status: int, response: httpx.Response) -> errors.SourceError:
        """It answers, and not as a Bull Board; a route that an older one lacks does the same."""
        if status == 403:
            return errors.NotPermitted(f"The board at {self.url} refuses (403).")
        kind = response.headers.get("content-type", "no type").partition(";")[0]
        sentence = f"This is no Bull Board at {self.url}: it answers {status} with {kind}."
        fix = "The URL ends where the board is mounted, for example /admin/queues."
        if status == 404:
            return NoRoute(sentence, fix=fix)
        return errors.SourceError(sentence, fix=fix)


class NoRoute(errors.Unsupported):
    """There is no such route: no board there, or one of a version without it."""


def _part(part: str) -> str:
    """A part of a path; one of dots alone would be taken for a way up."""
    return quote(part, safe="") if part.strip(".") else part.replace(".", "%2E")


def _twice(value: str | int) -> str:
    """Boards decode the values of a query twice."""
    return quote(quote(str(value), safe=""), safe="")


def _parsed(raw: bytes) -> JsonValue:
    return source_base.parse_json(raw)


def _tls(own: Settings) -> ssl.SSLContext | bool:
    if not own.url.startswith("https:"):
        return False
    try:
        made = ssl.create_default_context(cafile=own.ca)
        if own.certificate is not None:
            made.load_cert_chain(own.certificate, own.key, password=_no_password)
    except (OSError, ValueError) as error:
        raise errors.SettingsError(
            f"The certificates for {own.url} cannot be used: {error}.",
            fix="ca, certificate and key are PEM files; the key is not encrypted.",
        ) from error
    return made


def _no_password() -> str:
    raise ValueError("the key is encrypted")
