"""Whom a client over https trusts: the authorities of certifi, as httpx has it."""

from __future__ import annotations

import functools
import ssl

import certifi


@functools.cache
def known() -> ssl.SSLContext:
    """Read once for all clients: httpx reads the file for each, also where nothing is asked over
    https, which takes 15 ms of CPU."""
    return ssl.create_default_context(cafile=certifi.where())
