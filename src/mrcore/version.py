"""Which release this is."""

from __future__ import annotations

import functools


@functools.cache
def version() -> str:
    """The installed release, for example `0.1.0`."""
    from importlib.metadata import version as installed  # 20 ms that `--help` need not pay

    return installed("mr-control-room")
