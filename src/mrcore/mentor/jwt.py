"""JSON Web Tokens (RFC 7519), HS256 and nothing else: who asks, until when."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr


class Refused(Exception):
    """A token that is none of ours, was changed, or has expired; the sentence says which."""


@dataclass(frozen=True)
class Claims:
    """What a token says. `by` is the superadmin behind a master login, else None."""

    user: uuid.UUID
    role: str
    email: str
    id: str
    expires_at: datetime
    by: uuid.UUID | None = None


def sign(claims: Claims, secret: SecretStr) -> str:
    """The token of these claims."""
    said: dict[str, Any] = {
        "sub": str(claims.user),
        "role": claims.role,
        "email": claims.email,
        "jti": claims.id,
        "exp": int(claims.expires_at.timestamp()),
    }
    if claims.by is not None:
        said["act"] = {"sub": str(claims.by)}  # RFC 8693: who acts for the subject
    body = f"{_HEADER}.{_encode(json.dumps(said, separators=(',', ':')).encode())}"
    return f"{body}.{_signature(body, secret)}"


def read(token: str, secret: SecretStr, now: datetime) -> Claims:
    """The claims of a token. Raises Refused."""
    body, _, signature = token.rpartition(".")
    # The whole header is compared, so that no token chooses how it is checked.
    if not body.startswith(f"{_HEADER}.") or not token.isascii():
        raise Refused("This is no token of ours.")
    if not hmac.compare_digest(signature, _signature(body, secret)):
        raise Refused("The token was not signed here.")
    try:
        padded = body.partition(".")[2]
        said = json.loads(base64.urlsafe_b64decode(padded + "=" * (-len(padded) % 4)))
        by = said.get("act")
        claims = Claims(
            user=uuid.UUID(said["sub"]),
            role=str(said["role"]),
            email=str(said["email"]),
            id=str(said["jti"]),
            expires_at=datetime.fromtimestamp(said["exp"], UTC),
            by=uuid.UUID(by["sub"]) if by else None,
        )
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise Refused("The token does not say who it is for.") from None
    if claims.expires_at <= now:
        raise Refused("The token has expired.")
    return claims


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signature(body: str, secret: SecretStr) -> str:
    return _encode(hmac.digest(secret.get_secret_value().encode(), body.encode(), "sha256"))


_HEADER = _encode(b'{"alg":"HS256","typ":"JWT"}')
