"""The machine: itself, the disks that matter, clocks that are compared, certificates."""

from __future__ import annotations

from mrcore.model.base import Entity, Instant, Ref


class Host(Entity):
    """The machine that the core runs on; what it uses of it are points."""

    KIND = "host"

    name: str
    cores: int
    memory_bytes: int
    booted_at: Instant | None = None
    clock_jumped_at: Instant | None = None
    clock_jump_s: float = 0.0


class Disk(Entity):
    """The file system of a path that matters; free space is a point. `same_as`: shown there too."""

    KIND = "disk"

    name: str
    path: str
    total_bytes: int = 0


class Clock(Entity):
    """Another machine's clock beside ours; the difference is a point."""

    KIND = "clock"

    name: str
    of: Ref = ""


class Certificate(Entity):
    """A certificate that is served at `host:port`, or lies in a file."""

    KIND = "certificate"

    name: str
    subject: str = ""
    issuer: str = ""
    expires_at: Instant | None = None
