"""Mr. Mentor's admin routes over HTTP: what they answer, and what it means when they do not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, TypeVar
from urllib.parse import quote

import httpx
import pydantic
from pydantic import Field, JsonValue, SecretStr, field_validator

from mrcore import errors, redact
from mrcore import settings as core_settings
from mrcore.sources import base as source_base
from mrcore.sources import web

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
        return web.plain(url, "it takes a token, no name and password")


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
        self._web = web.Web(f"The backend at {self.url}", most_bytes=MOST_BYTES)
        self._room = asyncio.Semaphore(AT_ONCE)

    def start(self) -> None:
        """Open the connections as they are needed."""
        self._web.start(headers={"authorization": f"Bearer {self._token.get_secret_value()}"})

    async def stop(self) -> None:
        await self._web.stop()

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
        url = f"{self.url}/api/{'/'.join(quote(part, safe='') for part in path)}"
        async with self._room:
            response, raw = await self._web.ask(
                method, url, params=query, headers=headers, json=body
            )
        return await self._understood(response, raw)

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
