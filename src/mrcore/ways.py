"""The ways to a core: a socket of this host, or TCP with TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from mrcore import errors

IDLE_S = 5.0
"""How long an idle connection is kept: shorter than any server keeps it."""

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=4, keepalive_expiry=IDLE_S)


def over(socket: str) -> httpx.AsyncHTTPTransport:
    """The way over a socket of this host: no TLS, so no authorities to read."""
    return httpx.AsyncHTTPTransport(uds=socket, limits=_LIMITS, verify=False)


def to(ca: Path | None) -> httpx.AsyncHTTPTransport:
    """The way over TCP, with the certificates in a file or those that are known everywhere.

    Raises CoreUnreachable where the file cannot be used.
    """
    return httpx.AsyncHTTPTransport(verify=_trust(ca), limits=_LIMITS)


def _trust(ca: Path | None) -> ssl.SSLContext | bool:
    """Whom to believe that it is the core."""
    if ca is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:  # SSLError is one
        raise errors.CoreUnreachable(
            f"The certificates in {ca} cannot be used: {error.strerror or error}."
        ) from None
