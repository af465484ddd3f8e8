"""Whom a client over https trusts: as httpx has it, and read once for all clients."""

from __future__ import annotations

import functools
import ssl

import httpx


@functools.cache
def known(*, trust_env: bool = False) -> ssl.SSLContext:
    """The authorities of certifi or, with `trust_env`, those that SSL_CERT_FILE or _DIR names.

    httpx reads the file for each client, which takes 15 ms of CPU, also where nothing is asked over
    https.
    """
    return httpx.create_ssl_context(trust_env=trust_env)
