"""Adapter `script`: a pinned script, run only while its content is what the settings say.

The script that runs is a private copy of the bytes that were compared, so that nobody can change
it between the look and the run; its working folder is the script's own, its `$0` is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import psutil
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mrcore import errors
from mrcore.adapters import base, command

MOST_BYTES = 1 << 20


def _absolute(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not Path(argv[0]).is_absolute():
        raise ValueError(f"its first word {argv[0]!r} is not an absolute path")
    return argv


class Pin(BaseModel):
    """A script and the only content with which it may run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    adapter: Literal["script"] = "script"
    argv: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_absolute)] = Field(
        description="absolute path and arguments; never through a shell"
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the script, as sha256sum prints")
    deadline_s: float = Field(
        default=base.RESTART_S, gt=0, le=50, description="it is killed after this long"
    )


class Settings(base.UnitSettings, Pin):
    """A unit that a script restarts; its pid is in a file."""

    adapter: Literal["script"] = "script"
    unit: str = Field(default="", description="what it is called; the script's name if not said")
    pid_file: Path = Field(description="where the pid of its process is")


class Pinned:
    """A script that is compared with its pin at every call."""

    def __init__(self, pin: Pin) -> None:
        self.path = Path(pin.argv[0])
        self.pin = pin

    async def digest(self) -> str:
        """The sha256 of the script now. Raises NotFound, NotPermitted or Unreachable."""
        return hashlib.sha256(await asyncio.to_thread(self._read)).hexdigest()

    async def allowed(self) -> str:
        """That its content is the pinned one. Raises NotPermitted with both hashes if not."""
        found = await self.digest()
        if found != self.pin.sha256:
            raise errors.NotPermitted(self.differs(found))
        return f"{self.path} has the pinned content."

    async def run(self, values: Mapping[str, str] | None = None) -> command.Said:
        """Run it, with whole arguments like `{colour}` replaced by their value.

        Raises NotPermitted with both hashes when its content is not the pinned one, and what
        `command.run` raises. Its exit code is the caller's to judge.
        """
        content = await asyncio.to_thread(self._read)
        found = hashlib.sha256(content).hexdigest()
        if found != self.pin.sha256:
            raise errors.NotPermitted(self.differs(found))
        put = {f"{{{name}}}": value for name, value in (values or {}).items()}
        words = [put.get(word, word) for word in self.pin.argv[1:]]
        with _private(content) as (program, fds):
            return await command.run(
                [program, *words], deadline_s=self.pin.deadline_s, folder=self.path.parent, fds=fds
            )

    def differs(self, found: str) -> str:
        """Why it is refused, with both hashes."""
        return (
            f"{self.path} is not the script that the settings pin and was not run:"
            f" its sha256 is {found}, pinned is {self.pin.sha256}."
        )

    def _read(self) -> bytes:
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(fd, "rb") as file:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise errors.NotPermitted(f"{self.path} is not a regular file.")
                content = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            raise errors.NotFound(f"There is no script {self.path}.") from None
        except PermissionError:
            raise errors.NotPermitted(
                f"The core may not read the script {self.path}.",
                fix=f"Needs this, or its group: chmod o+r {self.path}",
            ) from None
        except OSError as error:
            raise errors.Unreachable(f"{self.path} cannot be read: {error.strerror}.") from error
        if len(content) > MOST_BYTES:
            raise errors.NotPermitted(f"{self.path} is larger than {MOST_BYTES >> 20} MiB.")
        return content


class ScriptUnit:
    """A process that a script restarts."""

    adapter = "script"

    def __init__(self, settings: Settings) -> None:
        self._script = Pinned(settings)
        self._pid_file = settings.pid_file
        self.name = settings.unit or self._script.path.name

    async def state(self) -> base.UnitState:
        """What the system says of the pid in its file."""
        return await asyncio.to_thread(self._look)

    async def allowed(self) -> str:
        """Whether the script would run; what it may do is its own affair."""
        return await self._script.allowed()

    async def restart(self) -> str:
        """Run the script; exit code 0 means that it is done."""
        said = await self._script.run()
        if said.code:
            raise base.failed(str(self._script.path), said)
        return f"{self._script.path.name} ended with 0."

    def _look(self) -> base.UnitState:
        try:
            pid = int(self._pid_file.read_text()[:32])
        except FileNotFoundError:
            return base.UnitState("stopped", why=f"there is no {self._pid_file}")
        except (OSError, ValueError) as error:
            raise errors.Unreachable(f"{self._pid_file} has no pid: {error}.") from error
        try:
            process = psutil.Process(pid)
            since = datetime.fromtimestamp(process.create_time(), UTC)
            dead = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        except (psutil.NoSuchProcess, ValueError, OverflowError):
            return base.UnitState("failed", why=f"pid {pid} of {self._pid_file} is gone")
        if dead:
            return base.UnitState("failed", why=f"pid {pid} has ended")
        return base.UnitState("ready", pid=pid, since=since)


@contextlib.contextmanager
def _private(content: bytes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A copy that only we can write: its path for exec, and the descriptors that it needs."""
    if hasattr(os, "memfd_create"):
        # In memory: folders for temporary files are often mounted noexec. The interpreter that its
        # first line names opens it by this descriptor too.
        fd = os.memfd_create("pinned")
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{fd}", (fd,)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pinned"
        path.write_bytes(content)
        path.chmod(0o500)
        yield str(path), ()


def open_unit(settings: Settings) -> base.Unit:
    """The unit of a pinned script."""
    return ScriptUnit(settings)
