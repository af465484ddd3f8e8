"""One run of a tool: an argv list, never a shell; a deadline, a cap, and the end of its group."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mrcore import errors, redact

CAP_BYTES = 64 * 1024
_KEPT = ("PATH", "HOME", "USER", "LOGNAME")
_WORDS_LINES = 3
_WORDS_CHARS = 400
_KILLED_S = 5.0


@dataclass(frozen=True)
class Said:
    """How a tool ended and the last `cap_bytes` of what it said; `cut` when there was more."""

    code: int
    out: str
    err: str
    cut: bool = False
    cap_bytes: int = CAP_BYTES

    def last_words(self) -> str:
        """The last lines, of stderr if it has any, with secrets masked; ends with a full stop."""
        lines = (self.err.strip() or self.out.strip()).splitlines()[-_WORDS_LINES:]
        words = redact.text(" / ".join(line.strip() for line in lines))[-_WORDS_CHARS:]
        return f"{words.rstrip('.')}." if words else "it said nothing."


class _Ear:
    """The reading end of a pipe of ours; keeps the newest bytes.

    Not asyncio's pipes: its `wait()` would wait for whatever the tool left running with them.
    """

    def __init__(self, cap_bytes: int) -> None:
        self._heard = bytearray()
        self.cut = False
        self._cap_bytes = cap_bytes
        self._read, self.write = os.pipe()
        os.set_blocking(self._read, False)
        asyncio.get_running_loop().add_reader(self._read, self._hear)

    @property
    def text(self) -> str:
        """What was heard."""
        return self._heard.decode(errors="replace")

    def started(self) -> None:
        """The tool has the other end now; ours would keep the pipe open."""
        os.close(self.write)
        self.write = -1

    def close(self) -> None:
        """Take what is still in the pipe, and close it."""
        for _ in range(4):
            self._hear()
        asyncio.get_running_loop().remove_reader(self._read)
        os.close(self._read)
        if self.write >= 0:
            os.close(self.write)

    def _hear(self) -> None:
        try:
            part = os.read(self._read, CAP_BYTES)
        except BlockingIOError:
            return
        if not part:
            asyncio.get_running_loop().remove_reader(self._read)
        self._heard += part
        if len(self._heard) > self._cap_bytes:
            self.cut = True
            del self._heard[: -self._cap_bytes]


def environment(keep: Sequence[str] = ()) -> dict[str, str]:
    """What a tool is told: where programs are, who we are, and the names in `keep`."""
    mine = {name: os.environ[name] for name in (*_KEPT, *keep) if name in os.environ}
    return {**mine, "LC_ALL": "C", "TZ": "UTC"}


async def run(
    argv: Sequence[str],
    *,
    deadline_s: float,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    fds: Sequence[int] = (),
    cap_bytes: int = CAP_BYTES,
) -> Said:
    """Run a tool to its end; at the deadline, or when the caller gives up, its group is killed.

    What it leaves running in the background goes on. Raises Unreachable when it cannot be started
    or does not end in time; one that is another user's, as under sudo, may go on then.
    """
    out, err = _Ear(cap_bytes), _Ear(cap_bytes)
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out.write,
            stderr=err.write,
            env=dict(environment() if env is None else env),
            cwd=folder,
            pass_fds=tuple(fds),
            start_new_session=True,
        )
        out.started()
        err.started()
        code = await _ended(process, deadline_s, argv[0])
    except OSError as error:
        raise errors.Unreachable(f"{argv[0]} cannot be started: {error.strerror}.") from error
    finally:
        out.close()
        err.close()
    return Said(code, out.text, err.text, cut=out.cut, cap_bytes=cap_bytes)


async def _ended(process: asyncio.subprocess.Process, deadline_s: float, name: str) -> int:
    try:
        async with asyncio.timeout(deadline_s):
            return await process.wait()
    except TimeoutError:
        killed = await _killed(process)
        what = "was killed" if killed else "could not be killed: it is another user's and goes on"
        raise errors.Unreachable(
            f"{name} did not end within {deadline_s:g} s and {what}."
        ) from None
    except asyncio.CancelledError:
        await _killed(process)
        raise


async def _killed(process: asyncio.subprocess.Process) -> bool:
    """End its group and wait for it; False where that is not allowed."""
    if process.returncode is not None:
        return True
    try:
        # Its pid is its group, and stays its own until we have waited for it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        async with asyncio.timeout(_KILLED_S):
            await asyncio.shield(process.wait())
    except (PermissionError, TimeoutError):  # a group may be another user's only in part
        return False
    return True
