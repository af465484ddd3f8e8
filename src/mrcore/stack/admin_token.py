"""The JWT by which a stack's core asks its backend as an admin: HS256 (RFC 7519), made at boot."""

from __future__ import annotations

import base64
import hmac
import json
import uuid
from datetime import datetime, timedelta

VALID = timedelta(days=30)
EMAIL = "mrcore@mrmentor.example"

_WHO = uuid.uuid5(uuid.NAMESPACE_DNS, EMAIL)


def mint(secret: str, now: datetime) -> str:
    """A token that is valid for 30 days, signed with what signs the backend's own."""
    until = now + VALID
    said = {
        "sub": str(_WHO),
        "role": "admin",
        "email": EMAIL,
        "jti": uuid.uuid4().hex,
        "exp": int(until.timestamp()),
    }
    body = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(said)}"
    return f"{body}.{_base64(hmac.digest(secret.encode(), body.encode(), 'sha256'))}"


def source(url: str, secret: str, now: datetime) -> dict[str, str]:
    """Settings of the source `slots`; a token of its own is in them."""
    return {"kind": "slots", "url": url, "token": mint(secret, now)}


def _encode(part: dict[str, object]) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
