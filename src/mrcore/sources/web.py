"""Kept HTTP connections to one watched service: what it answers whole, within a size."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx

from mrcore import authorities, errors, redact


def plain(url: str, else_by: str) -> str:
    """An http(s) URL without a login in it, without its last slash. Raises ValueError.

    `else_by` says how one logs in instead.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is no http:// or https:// URL")
    if "@" in parts.netloc:
        raise ValueError(else_by)
    return url.rstrip("/")


class Web:
    """Connections to one service; `what` is it in words, `most_bytes` the largest answer taken."""

    def __init__(self, what: str, *, most_bytes: int, fix: str = "") -> None:
        self._what = what
        self._most_bytes = most_bytes
        self._fix = fix
        self._client: httpx.AsyncClient | None = None

    def start(self, **options: Any) -> None:
        """Open the connections as they are needed; `options` are httpx's."""
        # No timeout of the library: deadlines are the caller's. No proxy of the environment.
        if "verify" not in options:
            options["verify"] = authorities.known()
        self._client = httpx.AsyncClient(timeout=None, trust_env=False, **options)  # noqa: S113

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def ask(self, method: str, url: str, **options: Any) -> tuple[httpx.Response, bytes]:
        """One answer and its body. Raises Unreachable; SourceError for one that is too large."""
        if self._client is None:
            raise errors.Unreachable(f"{self._what} has not been opened.")
        try:
            async with self._client.stream(method, url, **options) as response:
                return response, await self._read(response)
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise errors.Unreachable(
                redact.text(f"{self._what} cannot be reached: {why.rstrip('.')}.")
            ) from error

    async def _read(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if size > self._most_bytes:
                most = f"{self._most_bytes >> 20} MiB"
                raise errors.SourceError(f"{self._what} answers more than {most}.", fix=self._fix)
        return b"".join(parts)
