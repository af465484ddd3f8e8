"""The services outside, as the stack's core probes them."""

from __future__ import annotations

from typing import Any

from mrcore.stack import addresses, credentials

_SECRETS = ("mr-mentor-backend/development", "mr-mentor-backend/production")
_ACCOUNTS = {
    "graphy-main": ("graphy/v1/account", "mrlearn-sync-graphy-main"),
    "mrtest-main": ("mrtest/v1/account", "mrtest-sync-mrtest-main"),
    "elevenlabs": ("v1/convai/user", "aarya-call-sync"),
}
"""Sync configs whose stored address and key are tried, with the schedule that uses them; that of a
partner is out of date on purpose."""


def source(places: addresses.Addresses, words: credentials.Credentials, dsn: str) -> dict[str, Any]:
    """Settings of the source `upstreams`; secrets are in them."""
    url = f"http://127.0.0.1:{places.upstreams_port}"
    account = "v1/Accounts/{EXOTEL_SID}"
    probes: dict[str, Any] = {
        name: {
            "url": f"{{BASE_URL}}/{path}",
            "headers": {"x-api-key": "{API_KEY}"},
            "config": name,
            "schedule": f"huey/schedule/{schedule}",
        }
        for name, (path, schedule) in _ACCOUNTS.items()
    }
    probes["exotel"] = {
        "url": f"{url}/exotel/{{EXOTEL_SUBDOMAIN}}/{account}",
        "alternates": [
            f"{url}/exotel/{cluster}/{account}"
            for cluster in ("api.exotel.com", "api.in.exotel.com")
        ],
        "user": "{EXOTEL_API_KEY}",
        "password": "{EXOTEL_API_TOKEN}",
    }
    probes["razorpay"] = {
        "url": f"{url}/razorpay/v1/payments?count=1",
        "user": "{RAZORPAY_KEY_ID}",
        "password": "{RAZORPAY_KEY_SECRET}",
    }
    probes["smtp"] = {
        "form": "smtp",
        "url": f"smtp://127.0.0.1:{places.smtp_port}",
        "user": "{EMAIL_USER}",
        "password": "{EMAIL_PASS}",
    }
    return {
        "kind": "upstreams",
        "dsn": dsn,
        "secrets_url": f"{url}/secrets",
        "secrets_token": words.secrets,
        "secret": _SECRETS[0],
        "secrets": list(_SECRETS),
        "probes": probes,
    }
