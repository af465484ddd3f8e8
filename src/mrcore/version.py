"""Which release this is."""

from __future__ import annotations

import functools


@functools.cache
def version() -> str:
    """The installed release, for example `0.1.0`."""
    from importlib.metadata import version as installed  # 20 ms that `--help` need not pay

    return installed("mr-control-room")


def skew(core_version: str) -> str:
    """A sentence when the core is of another release than this client; patches do not count."""
    own = version()
    if core_version.split(".")[:2] == own.split(".")[:2]:
        return ""
    return f"The core is release {core_version}, this is {own}: what only one knows is missing."
