"""Upstream HTTP services, as the rows of `sync_configs` describe them."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import httpx

from mrcore import errors
from mrcore.mentor import calls, tools, trusted

LOG = logging.getLogger("integrations")

_TIMEOUT_S = 3.0


async def ask(at_hand: tools.Tools, config_id: str, path: str, **query: str) -> dict[str, Any]:
    """GET a JSON object from the service of this config, with its key.

    Raises SettingsError without such a config or without its address, and httpx's HTTPStatusError
    or TimeoutException by what the service answers.
    """
    async with at_hand.database() as connection:
        row = await connection.fetchrow(
            "SELECT base_url, api_key FROM sync_configs WHERE id = $1 AND enabled", config_id
        )
    if row is None:
        raise errors.SettingsError(f"There is no enabled sync config {config_id!r}.")
    if not row["base_url"]:
        raise errors.SettingsError(
            f"Sync config {config_id!r} has no address.", fix="Set its base_url."
        )
    async with trusted.client(base_url=row["base_url"], timeout=_TIMEOUT_S) as client:
        headers = {"x-api-key": row["api_key"]}
        try:
            async with calls.counted(at_hand.database, config_id, at_hand.now) as call:
                answer = await client.get(path, params=query, headers=headers)
                call.status = answer.status_code
            answer.raise_for_status()
        except httpx.HTTPError as error:
            LOG.error("%s: %s %s", config_id, type(error).__name__, error)
            raise
    body: dict[str, Any] = answer.json()
    return body


async def mark(connection: tools.Connection, config_id: str, now: datetime) -> None:
    """Note that a sync of this config succeeded."""
    await connection.execute(
        "UPDATE sync_configs SET last_synced_at = $2 WHERE id = $1", config_id, now
    )
