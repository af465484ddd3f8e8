"""HTTP clients of Mr. Mentor's, which share what they know of authorities."""

from __future__ import annotations

from typing import Any

import httpx

from mrcore import authorities


def client(*, trust_env: bool = True, **options: Any) -> httpx.AsyncClient:
    """A client with httpx's `options`."""
    if "verify" not in options:
        options["verify"] = authorities.known()
    return httpx.AsyncClient(trust_env=trust_env, **options)
