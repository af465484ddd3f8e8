"""Units of a production and the tools that restart them: one file an adapter, one line here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from mrcore import errors, settings
from mrcore.adapters import base

REGISTRY: dict[str, str] = {
    "docker": "mrcore.adapters.docker",
    "kubectl": "mrcore.adapters.kubectl",
    "pm2": "mrcore.adapters.pm2",
    "script": "mrcore.adapters.script",
    "systemd": "mrcore.adapters.systemd",
}
"""Module of each adapter: it has `Settings` and `open_unit(settings)`."""


def build(table: Mapping[str, Any], *, where: str = "unit") -> base.Unit:
    """Make a unit from its table of the settings; `where` is the table's name in errors.

    Raises SettingsError that names the setting and what is wrong, or the tool that is not there.
    """
    adapter = table.get("adapter", "")
    if adapter not in REGISTRY:
        raise errors.SettingsError(
            f"{where}.adapter is {adapter!r}, which is not an adapter.",
            fix=f"The adapters are {', '.join(REGISTRY)}.",
        )
    module = importlib.import_module(REGISTRY[adapter])
    try:
        parsed = module.Settings.model_validate(dict(table))
    except ValidationError as error:
        raise errors.SettingsError(settings.explain(error, where)) from None
    unit: base.Unit = module.open_unit(parsed)
    return unit
