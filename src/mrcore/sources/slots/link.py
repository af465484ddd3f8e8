"""Mr. Mentor's admin routes over HTTP: what they answer, and what it means when they do not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import pydantic
from pydantic import Field, JsonValue, SecretStr, field_validator

from mrcore import errors, redact
from mrcore import settings as core_settings
from mrcore.sources import base as source_base

T = TypeVar("T", bound=pydantic.BaseModel)

MOST_BYTES = 8 << 20
"""Of one answer: 1,000 rows are about 300 KB."""

AT_ONCE = 4
LIST_MAX = 1_000
"""How many rows a route lists at most."""

_SHOWN = 200


class Settings(core_settings.SourceSettings):
    """Where the backend is, and who we are there."""

    kind: str = "slots"
    interval_s: float = Field(default=15.0, gt=0, description="time between samples")
    deadline_s: float = Field(default=10.0, gt=0, description="a sample that takes longer failed")
    url: str = Field(description="where the backend is, for example https://api.internal")
    token: SecretStr = Field(default=SecretStr(""), description="JWT of an admin of the backend")

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is no http:// or https:// URL")
        if "@" in parts.netloc:
            raise ValueError("it takes a token, no name and password")
        return url.rstrip("/")


class Answer(NamedTuple):
    """Status, headers and JSON of an answer."""

    status: int
    headers: Mapping[str, str]
    body: JsonValue

    @property
    def good(self) -> bool:
        """Whether it is what was asked for."""
        return 200 <= self.status < 300

    @property
    def said(self) -> str:
        """Why it is not, in the backend's words."""
        told = self.body.get("message") if isinstance(self.body, dict) else None
        return redact.text(str(told)[:_SHOWN]).rstrip(".") if told else f"status {self.status}"


class Link:
    """Kept connections to one backend: at most 4 questions at once."""

    def __init__(self, settings: Settings) -> None:
        self.url = settings.url
        self._token = settings.token
        self._client: httpx.AsyncClient | None = None
        self._room = asyncio.Semaphore(AT_ONCE)

    def start(self) -> None:
        """Open the connections as they are needed."""
        # No timeout of the library: deadlines are the caller's. No proxy of the environment.
        self._client = httpx.AsyncClient(
            timeout=None,  # noqa: S113
            trust_env=False,
            headers={"authorization": f"Bearer {self._token.get_secret_value()}"},
        )

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def get(
        self, model: type[T], *path: str, query: Mapping[str, str | int] | None = None
    ) -> T:
        """A good answer as `model`. Raises NotFound, NotPermitted, Unreachable, SourceError."""
        return self.read(model, await self.ask("GET", *path, query=query))

    def read(self, model: type[T], answer: Answer) -> T:
        """An answer as `model`. Raises NotFound, SourceError."""
        if answer.status == 404:
            raise errors.NotFound(f"The backend at {self.url} answers: {answer.said}.")
        if not answer.good:
            raise errors.SourceError(f"The backend at {self.url} answers: {answer.said}.")
        try:
            return model.model_validate(answer.body)
        except pydantic.ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "it"
            raise errors.SourceError(
                f"The backend at {self.url} answers what is not understood: {where}."
            ) from None

    async def ask(
        self,
        method: str,
        *path: str,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        body: JsonValue = None,
    ) -> Answer:
        """One question; parts of the path are encoded here.

        Raises Unreachable, NotPermitted, and SourceError where something else answers.
        """
        if self._client is None:
            raise errors.Unreachable(f"The backend at {self.url} has not been opened.")
        url = f"{self.url}/api/{'/'.join(quote(part, safe='') for part in path)}"
        try:
            async with (
                self._room,
                self._client.stream(
                    method, url, params=query, headers=headers, json=body
                ) as response,
            ):
                raw = await self._read(response)
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise errors.Unreachable(
                redact.text(f"The backend at {self.url} cannot be reached: {why.rstrip('.')}.")
            ) from error
        return await self._understood(response, raw)

    async def _read(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise errors.SourceError(
                    f"The backend at {self.url} answers more than {MOST_BYTES >> 20} MiB."
                )
        return b"".join(parts)

    async def _understood(self, response: httpx.Response, raw: bytes) -> Answer:
        status = response.status_code
        if status == 401:
            raise errors.NotPermitted(
                f"The backend at {self.url} does not take this token (401).",
                fix="Needs token in the settings: the JWT of an admin who is logged in now.",
            )
        if status == 403:
            raise errors.NotPermitted(
                f"The backend at {self.url} refuses: this token is no admin's (403).",
                fix="Needs token in the settings: the JWT of an admin.",
            )
        try:
            body = await asyncio.to_thread(source_base.parse_json, raw)
        except (ValueError, RecursionError):
            raise errors.SourceError(
                f"No Mr. Mentor answers at {self.url}: status {status}, no JSON.",
                fix="Correct url in the settings.",
            ) from None
        return Answer(status, response.headers, body)
