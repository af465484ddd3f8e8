"""Kind `host`: the machine of the core: disks, memory, load, clock, open files, certificates."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from concurrent import futures
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import psutil
from pydantic import Field

from mrcore import errors, settings
from mrcore.model import base, host, ref, wire
from mrcore.sources import base as sources
from mrcore.sources import certificates

JUMP_S = 2.0
"""A wall clock that moves by so much against the monotonic one between two samples jumped."""

DISK_BAD, DISK_WARN = 95.0, 90.0
MEMORY_WARN = 95.0


class Settings(settings.SourceSettings):
    """What of the machine matters."""

    kind: Literal["host"] = "host"
    interval_s: float = Field(default=5.0, gt=0, description="time between samples")
    paths: dict[str, Path] = Field(
        default={"root": Path("/")},
        description="paths by name, whose file systems must not fill up: state, logs, data; "
        "those on one file system are one disk",
    )
    certificates: tuple[str, ...] = Field(
        default=(), description="host:port that serves TLS, or the path of a PEM file"
    )


class Space(NamedTuple):
    """A file system: bytes for those who are not root, and its files; shares are percentages."""

    total: int
    free: int
    used: float
    inodes: float | None
    holds: tuple[str, ...] = ()


class HostSource(sources.SourceBase):
    """Looks in a thread of its own: a file system that hangs keeps nobody else waiting."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        now: sources.Now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name, now=now)
        self._paths = settings.paths
        self._thread = futures.ThreadPoolExecutor(1, thread_name_prefix=name)
        self._looking: asyncio.Future[Mapping[str, Space | str]] | None = None
        self._certificates = certificates.Certificates(name, settings.certificates, now=now)
        self._monotonic = monotonic
        self._clocks: tuple[datetime, float] | None = None
        self._jump: tuple[datetime | None, float] = (None, 0.0)
        self._booted = datetime.fromtimestamp(psutil.boot_time(), UTC).replace(microsecond=0)

    async def __aexit__(self, *exc: object) -> None:
        await self._certificates.stop()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def describe(self) -> wire.Description:
        asked = {"disk": self._paths, "certificate": self._certificates.places}
        return wire.Description(kinds=("host", *(kind for kind, of in asked.items() if of)))

    async def sample(self) -> wire.Sample:
        at = self.now()
        self._compare(at)
        self._certificates.look()
        disks = await self._spaces()
        memory = psutil.virtual_memory()
        own = ref.make(self.name, "host", "self")
        values = {"host.load": psutil.getloadavg()[0], "host.memory": memory.percent}
        if (taken := _descriptors()) is not None:
            values["host.descriptors"] = taken
        points = [wire.Point(metric=k, ref=own, at=at, value=v) for k, v in values.items()]
        entities: list[base.Entity] = [self._host(own, memory)]
        for name, found in disks.items():
            disk, more = self._disk(name, found, at)
            entities.append(disk)
            points += more
        entities += self._certificates.rows()
        return wire.Sample(at=at, entities=tuple(entities), points=tuple(points))

    async def detail(self, ref: base.Ref) -> wire.Detail:
        sample = await self.sample()
        for entity in sample.entities:
            if entity.ref == ref:
                return wire.Detail(at=sample.at, entity=entity, sections=(_facts(entity),))
        raise errors.NotFound(f"There is no {ref}.")

    async def _spaces(self) -> Mapping[str, Space | str]:
        """One look at every path; one that hangs is waited for, not joined by another."""
        if self._looking is None or self._looking.done():
            loop = asyncio.get_running_loop()
            self._looking = loop.run_in_executor(self._thread, _look, dict(self._paths))
            self._looking.add_done_callback(lambda look: look.cancelled() or look.exception())
        return await asyncio.shield(self._looking)

    def _compare(self, at: datetime) -> None:
        """Whether the wall clock was moved since the sample before."""
        ticks_s = self._monotonic()
        if self._clocks is not None:
            before, then_s = self._clocks
            moved_s = (at - before).total_seconds() - (ticks_s - then_s)
            if abs(moved_s) >= JUMP_S:
                self._jump = (at, round(moved_s, 1))
        self._clocks = (at, ticks_s)

    def _host(self, own: base.Ref, memory: psutil._ntp.svmem) -> host.Host:
        verdict = base.OK
        if memory.percent >= MEMORY_WARN:
            why = f"{memory.percent:.0f} % of the memory is taken"
            verdict = base.Verdict(level=base.Level.WARN, code="memory", why=why)
        return host.Host(
            ref=own,
            verdict=verdict,
            name=socket.gethostname(),
            cores=os.cpu_count() or 1,
            memory_bytes=memory.total,
            booted_at=self._booted,
            clock_jumped_at=self._jump[0],
            clock_jump_s=self._jump[1],
        )

    def _disk(
        self, name: str, found: Space | str, at: datetime
    ) -> tuple[host.Disk, list[wire.Point]]:
        own, path = ref.make(self.name, "disk", name), str(self._paths[name])
        if isinstance(found, str):
            unknown = base.Verdict(level=base.Level.UNKNOWN, code="no_path", why=found)
            return host.Disk(ref=own, verdict=unknown, name=name, path=path), []
        values = {"disk.used": found.used, "disk.free_bytes": float(found.free)}
        if found.inodes is not None:
            values["disk.inodes"] = found.inodes
        points = [wire.Point(metric=k, ref=own, at=at, value=v) for k, v in values.items()]
        disk = host.Disk(
            ref=own,
            verdict=judge(found),
            name=name,
            path=path,
            total_bytes=found.total,
            holds=found.holds,
        )
        return disk, points


def judge(space: Space) -> base.Verdict:
    """The verdict of a file system: its bytes or its files run out."""
    fullest = max(space.used, space.inodes or 0.0)
    if fullest < DISK_WARN:
        return base.OK
    of = "space" if space.used >= (space.inodes or 0.0) else "files that there can be"
    level = base.Level.BAD if fullest >= DISK_BAD else base.Level.WARN
    return base.Verdict(level=level, code="full", why=f"{fullest:.0f} % of the {of} is taken")


def space(path: Path) -> Space:
    """What is left on the file system of a path. Raises OSError."""
    found = os.statvfs(path)
    taken = (found.f_blocks - found.f_bfree) * found.f_frsize
    free = found.f_bavail * found.f_frsize
    used = 100.0 * taken / (taken + free) if taken + free else 0.0
    files = 100.0 * (1 - found.f_ffree / found.f_files) if found.f_files else None
    return Space(found.f_blocks * found.f_frsize, free, used, files)


def _look(paths: Mapping[str, Path]) -> dict[str, Space | str]:
    """What is left on each file system, by the name of its first path; what is not there, too."""
    looked: dict[str, Space | str] = {}
    firsts: dict[int, str] = {}
    for name, path in paths.items():
        try:
            first = firsts.setdefault(path.stat().st_dev, name)
            known = looked.get(first)
            found = known if isinstance(known, Space) else space(path)
            looked[first] = found._replace(holds=(*found.holds, name))
        except OSError as error:
            looked[name] = f"{path} cannot be looked at: {error.strerror}"
    return looked


def _descriptors() -> float | None:
    """Of this process, in percent of its soft limit; None where there is none, or nobody knows."""
    process = psutil.Process()
    if not hasattr(process, "rlimit"):
        return None
    limit, _ = process.rlimit(psutil.RLIMIT_NOFILE)
    return 100.0 * process.num_fds() / limit if limit > 0 else None


def _facts(entity: base.Entity) -> wire.Section:
    fields = []
    for name, value in entity:
        if name in ("ref", "kind", "verdict", "actions") or value in (None, "", 0, ()):
            continue
        words = name.removesuffix("_at").replace("_", " ")
        if isinstance(value, datetime):
            fields.append(wire.Field(name=words, at=value))
        else:
            said = ", ".join(value) if isinstance(value, tuple) else value
            fields.append(wire.Field(name=words, value=said))
    return wire.Section(id="facts", title="Facts", fields=tuple(fields))


def open_source(name: str, settings: Settings, *, now: sources.Now) -> sources.Source:
    """The source of this machine."""
    return HostSource(name, settings, now=now)
