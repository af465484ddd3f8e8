"""The secrets manager: versions of secrets, and the values that a probe needs for its moment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from mrcore import errors
from mrcore.sources.upstreams import settings

_TARGET = "x-amz-target"


@dataclass(frozen=True)
class Current:
    """The version of a secret that is current, since when."""

    version: str
    changed_at: datetime


class Manager:
    """Asks AWS's DescribeSecret and GetSecretValue, as JSON over HTTP."""

    def __init__(self, wanted: settings.Settings, client: httpx.AsyncClient) -> None:
        self._wanted = wanted
        self._client = client

    async def current(self, name: str) -> Current:
        """The current version. Raises Unreachable or NotPermitted."""
        said = await self._ask("DescribeSecret", name)
        version = next(
            (v for v, stages in said["VersionIdsToStages"].items() if "AWSCURRENT" in stages), ""
        )
        return Current(version, datetime.fromtimestamp(said["LastChangedDate"], UTC))

    async def values(self) -> dict[str, str]:
        """What the secret of the probes holds; nothing without a manager.

        Raises Unreachable or NotPermitted.
        """
        if not (self._wanted.secrets_url and self._wanted.secret):
            return {}
        said = await self._ask("GetSecretValue", self._wanted.secret)
        return {str(k): str(v) for k, v in json.loads(said["SecretString"]).items()}

    async def _ask(self, action: str, name: str) -> dict[str, Any]:
        token = self._wanted.secrets_token.get_secret_value()
        headers = {_TARGET: f"secretsmanager.{action}", "authorization": f"Bearer {token}"}
        try:
            answer = await self._client.post(
                self._wanted.secrets_url,
                json={"SecretId": name},
                headers=headers,
                timeout=self._wanted.answer_s,
            )
        except httpx.HTTPError as error:
            said = f"The secrets manager does not answer: {type(error).__name__}."
            raise errors.Unreachable(said) from None
        if answer.status_code != 200:
            raise errors.NotPermitted(f"The secrets manager answered {answer.status_code}.")
        found: dict[str, Any] = answer.json()
        return found
