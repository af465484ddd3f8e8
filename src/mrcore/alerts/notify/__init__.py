"""Who is told of alerts, and how: one file a channel, one line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from mrcore import alert_settings, errors, settings
from mrcore.alerts.notify import channel

REGISTRY: dict[str, str] = {
    "alertmanager": "mrcore.alerts.notify.alertmanager",
    "apprise": "mrcore.alerts.notify.apprise",
    "command": "mrcore.alerts.notify.command",
    "email": "mrcore.alerts.notify.email",
    "ntfy": "mrcore.alerts.notify.ntfy",
    "slack": "mrcore.alerts.notify.slack",
    "webhook": "mrcore.alerts.notify.webhook",
}
"""Module of each kind: it has `Settings` and `open_channel(settings, now)`."""


class Opened(NamedTuple):
    """A channel, and what it was told."""

    channel: channel.Channel
    settings: channel.Settings


def build(name: str, table: Mapping[str, Any], now: Callable[[], datetime]) -> Opened:
    """Make a channel from its table of the settings; its kind is its name if not said.

    Raises SettingsError that names the setting and what is wrong, never its value.
    """
    own = read(name, table)
    try:
        return Opened(importlib.import_module(REGISTRY[own.kind]).open_channel(own, now), own)
    except ValueError as error:
        raise errors.SettingsError(f"Settings in {_where(name)} are wrong: {error}.") from None


def read(name: str, table: Mapping[str, Any]) -> channel.Settings:
    """The settings of a channel. Raises SettingsError as `build` does; opens nothing."""
    kind = str(table.get("kind", name))
    if kind not in REGISTRY:
        raise errors.SettingsError(
            f"{_where(name)}.kind is {kind!r}, which is no kind of channel.",
            fix=f"The kinds are {', '.join(REGISTRY)}.",
        )
    module = importlib.import_module(REGISTRY[kind])
    try:
        own: channel.Settings = module.Settings.model_validate({**table, "kind": kind})
    except ValidationError as error:
        raise errors.SettingsError(settings.explain(error, _where(name))) from None
    return own


def _where(name: str) -> str:
    return f"alerts.channels.{name}"


def load(own: alert_settings.AlertSettings, now: Callable[[], datetime]) -> dict[str, Opened]:
    """Every channel of the settings. Raises SettingsError, also for escalations to nowhere."""
    found = {name: build(name, table, now) for name, table in own.channels.items()}
    for name in own.escalate_to:
        if name not in found:
            raise errors.SettingsError(
                f"alerts.escalate_to names {name!r}, which is no channel.",
                fix=f"The channels are {', '.join(found) or 'none'}.",
            )
    return found
