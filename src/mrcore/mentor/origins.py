"""From which web pages a browser may open a socket: the playbook's allow-list."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from mrcore import errors

LOCAL = tuple(f"http://localhost:{port}" for port in (3000, 3001, 3002, 8088))
NAME = "CORS_ORIGINS"


def read(env: Mapping[str, str]) -> frozenset[str]:
    """The local ones, and those of production in `CORS_ORIGINS`, comma-separated.

    Raises SettingsError for what is no origin (scheme://host, without a path).
    """
    given = [each.strip().rstrip("/") for each in env.get(NAME, "").split(",") if each.strip()]
    for each in given:
        parts = urlsplit(each)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
            raise errors.SettingsError(
                f"{NAME} has {each!r}, which is no origin.", fix="Write it as https://host."
            )
    return frozenset((*LOCAL, *given))
