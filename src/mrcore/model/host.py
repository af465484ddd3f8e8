"""The machine: itself, the disks that matter, the certificates that expire."""

from __future__ import annotations

from mrcore.model.base import Entity, Instant


class Host(Entity):
    """The machine that the core runs on; what is used of it are points.

    `clock_jumped_at` is when its wall clock was last moved, by `clock_jump_s`, against the
    monotonic one.
    """

    KIND = "host"

    name: str
    cores: int
    memory_bytes: int
    booted_at: Instant | None = None
    clock_jumped_at: Instant | None = None
    clock_jump_s: float = 0.0


class Disk(Entity):
    """The file system of a path that matters; free space is a point.

    `holds` are the names of the paths that matter and are on it, `name` and `path` of the first.
    """

    KIND = "disk"

    name: str
    path: str
    total_bytes: int = 0
    holds: tuple[str, ...] = ()


class Certificate(Entity):
    """A certificate that is served at `host:port`, or lies in a file."""

    KIND = "certificate"

    name: str
    subject: str = ""
    issuer: str = ""
    expires_at: Instant | None = None
