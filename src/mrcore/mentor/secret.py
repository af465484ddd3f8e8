"""What a process reads from the secrets manager, at its start only.

`MR_SECRETS_URL` and `MR_SECRETS_TOKEN` say where; the secret is that of NODE_ENV. What the
environment says itself wins. Which version was read is told, its values never.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, MutableMapping
from datetime import datetime

import asyncpg
import httpx

from mrcore import errors
from mrcore.mentor import config, tools

LOG = logging.getLogger("secrets")

Now = Callable[[], datetime]

PREFIX = "mr-mentor-backend/"
NAMES = (f"{PREFIX}development", f"{PREFIX}production")
TARGET = "x-amz-target"
VERSION = "MR_SECRET_VERSION"

KEPT = (
    "EMAIL_USER",
    "EMAIL_PASS",
    "RAZORPAY_KEY_ID",
    "RAZORPAY_KEY_SECRET",
    "RAZORPAY_WEBHOOK_SECRET",
    "EXOTEL_SID",
    "EXOTEL_API_KEY",
    "EXOTEL_API_TOKEN",
    "EXOTEL_CALLER_ID",
    "EXOTEL_SUBDOMAIN",
    "EXOTEL_SMS_SENDER_ID",
    "EXOTEL_WEBHOOK_TOKEN",
    "MISS_OZONE_API_KEY",
    "CORS_ORIGINS",
)
"""What a secret holds, of the playbook's names."""

_ANSWER_S, _PATIENCE_S, _AGAIN_S = 5.0, 30.0, 0.1
_NOTE = """
INSERT INTO process_secrets (process, secret, version, read_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (process) DO UPDATE
    SET secret = excluded.secret, version = excluded.version, read_at = excluded.read_at
"""


def name_of(env: MutableMapping[str, str]) -> str:
    """The secret of this environment."""
    return PREFIX + (env.get("NODE_ENV") or "development")


def read(env: MutableMapping[str, str], *, patience_s: float = _PATIENCE_S) -> str:
    """Put what `env` does not say into it from its secret; the version's id, "" without a manager.

    The manager may be starting beside us: it is asked again for `patience_s`.
    Raises StackError when it does not answer until then, or refuses.
    """
    url = env.get("MR_SECRETS_URL", "")
    if not url:
        return ""
    name, until = name_of(env), time.monotonic() + patience_s
    while True:
        try:
            found = _ask(url, env.get("MR_SECRETS_TOKEN", ""), name)
            break
        except httpx.TransportError as error:
            if time.monotonic() >= until:
                raise errors.StackError(
                    f"The secrets manager does not answer: {type(error).__name__}.",
                    fix="Start it, or take MR_SECRETS_URL away and set the names themselves.",
                ) from None
            time.sleep(_AGAIN_S)
    for key, value in json.loads(found["SecretString"]).items():
        if not env.get(key):
            env[key] = str(value)
    env[VERSION] = found["VersionId"]
    LOG.info("read %s version %s", name, found["VersionId"])
    return str(found["VersionId"])


def _ask(url: str, token: str, name: str) -> dict[str, str]:
    headers = {TARGET: "secretsmanager.GetSecretValue", "authorization": f"Bearer {token}"}
    with httpx.Client(timeout=_ANSWER_S, trust_env=False) as client:
        answer = client.post(url, json={"SecretId": name}, headers=headers)
    if answer.status_code != 200:
        raise errors.StackError(
            f"The secrets manager answered {answer.status_code} for {name}.",
            fix="See MR_SECRETS_TOKEN and NODE_ENV.",
        )
    said: dict[str, str] = answer.json()
    return said


async def note(
    connection: tools.Connection | asyncpg.Connection, process: str, of: config.Config, at: datetime
) -> None:
    """Write down which version a process runs with."""
    await connection.execute(_NOTE, process, of.secret, of.secret_version, at)
