"""HTTP clients that trust the authorities of certifi, which are read once for all of them."""

from __future__ import annotations

import functools
import ssl
from typing import Any

import httpx


def client(*, trust_env: bool = True, **options: Any) -> httpx.AsyncClient:
    """A client with httpx's `options`.

    httpx itself reads the file of authorities for each client, which takes 15 ms of CPU, also
    where nothing is asked over https.
    """
    if "verify" not in options:
        options["verify"] = _authorities(trust_env)
    return httpx.AsyncClient(trust_env=trust_env, **options)


@functools.cache
def _authorities(trust_env: bool) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=trust_env)
