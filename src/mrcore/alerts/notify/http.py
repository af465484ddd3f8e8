"""One POST: whether it was taken, and what is wrong where it was not, without any secret."""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
from collections.abc import Mapping, Sequence

import httpx
from pydantic import SecretStr

from mrcore import errors
from mrcore.alerts.notify import channel

AFTER_MAX_S = 3600.0


def checked(url: SecretStr) -> SecretStr:
    """The same, where it is an address for HTTP. Raises ValueError, which does not name it."""
    try:
        parsed = httpx.URL(url.get_secret_value())
    except httpx.InvalidURL:
        raise ValueError("it is no URL") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError("it has to begin with http:// or https:// and a host")
    return url


async def post(
    url: SecretStr,
    body: bytes,
    *,
    headers: Mapping[str, str],
    timeout_s: float,
    secrets: Sequence[str],
    method: str = "POST",
) -> httpx.Response:
    """Send it and return an answer of 2xx. Redirects are not followed: they would lead elsewhere.

    Raises NotSent.
    """
    where = httpx.URL(url.get_secret_value())
    try:
        async with (
            asyncio.timeout(timeout_s),
            httpx.AsyncClient(
                verify=await asyncio.to_thread(_context), timeout=timeout_s, trust_env=False
            ) as client,
        ):
            answer = await client.request(method, where, content=body, headers=dict(headers))
    except TimeoutError:
        raise errors.NotSent(f"{where.host} did not answer within {timeout_s:g} s.") from None
    except httpx.HTTPError as error:
        said = channel.without(secrets, str(error)) or type(error).__name__
        raise errors.NotSent(f"{where.host} cannot be reached: {said}.") from None
    if answer.is_success:
        return answer
    said = channel.without(secrets, answer.text)
    raise errors.NotSent(
        f"{where.host} answered {answer.status_code}{f': {said}' if said else ''}.",
        after_s=_after(answer.headers.get("retry-after", "")),
    )


def _after(words: str) -> float:
    """How long it asks us to wait; a date, which some send instead, is left to our own pace."""
    return min(float(words), AFTER_MAX_S) if re.fullmatch(r"\d{1,9}", words) else 0.0


@functools.cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
