"""HTTP clients that trust the authorities that this host trusts."""

from __future__ import annotations

from typing import Any

import httpx

from mrcore import authorities


def client(*, trust_env: bool = True, **options: Any) -> httpx.AsyncClient:
    """A client with httpx's `options`."""
    if "verify" not in options:
        options["verify"] = authorities.known(trust_env=trust_env)
    return httpx.AsyncClient(trust_env=trust_env, **options)
