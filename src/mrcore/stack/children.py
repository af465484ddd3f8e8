"""Starting children and learning of their end: SIGCHLD, ready pipes and process groups.

One thread does it all: Linux ties a child's life to the *thread* that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

from mrcore.stack import ready, spawn


class Child:
    """One running child: `exited` has its exit code, `ready` whether it announced itself."""

    def __init__(self, popen: subprocess.Popen[bytes], pipe: int) -> None:
        loop = asyncio.get_running_loop()
        self.popen = popen
        self.pid = popen.pid
        self.exited: asyncio.Future[int] = loop.create_future()
        self.ready: asyncio.Future[bool] = loop.create_future()
        self.started_s = _started_s(popen.pid)
        self._pipe = pipe
        loop.add_reader(pipe, self._announced)

    def stop(self, how: signal.Signals) -> None:
        """Ask it to end; what a SIGSTOP holds would never hear it, so it goes on first."""
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(self.pid)
            for process in (*top.children(recursive=True), top):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()
        self.popen.send_signal(how)

    def kill(self) -> None:
        """SIGKILL it with everything in its process group."""
        # PermissionError: macOS says so of a group of which only zombies are left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def poll(self) -> bool:
        """Whether it has ended; then its exit code is known and its pid is free."""
        code = self.popen.poll()
        if code is None:
            return False
        self._close()
        if not self.exited.done():
            self.exited.set_result(code)
        return True

    def _announced(self) -> None:
        said = os.read(self._pipe, 1)
        if said and not self.ready.done():
            self.ready.set_result(True)
        self._close()

    def _close(self) -> None:
        if self._pipe >= 0:
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = -1


class Children:
    """The children of this process. With `adopt` (Linux) also theirs, once they are orphans.

    Postgres's backends and RQ's work horses make sessions of their own; when their parent is
    killed they would live on, and hold its data. So they become ours, and are killed.
    """

    def __init__(self, *, adopt: bool = False) -> None:
        self._running: dict[int, Child] = {}
        self._adopt = adopt and spawn.adopt_orphans()

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)
        return self

    def __exit__(self, *exc: object) -> None:
        for child in self._running.values():
            child.kill()
            child.popen.wait()
            child.poll()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGCHLD)
        self._running.clear()
        while self._adopt and psutil.Process().children():
            self._kill_orphans(wait=0)

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        folder: Path,
        log: Path,
        before_exec: Callable[[], None],
    ) -> Child:
        """Start a child in a session of its own, its output appended to `log`.

        Raises OSError when it cannot be started.
        """
        read, write = os.pipe()
        try:
            with log.open("ab") as output:
                popen = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={**env, ready.VARIABLE: str(write)},
                    cwd=folder,
                    pass_fds=(write,),
                    start_new_session=True,
                    preexec_fn=before_exec,
                )
        except (OSError, subprocess.SubprocessError) as error:
            os.close(read)
            raise OSError(str(error)) from error
        finally:
            os.close(write)
        child = Child(popen, read)
        self._running[child.pid] = child
        return child

    def _reap(self) -> None:
        for pid, child in list(self._running.items()):
            if child.poll():
                del self._running[pid]
                child.kill()
        if self._adopt:
            self._kill_orphans(wait=os.WNOHANG)

    def _kill_orphans(self, *, wait: int) -> None:
        for orphan in psutil.Process().children():
            if orphan.pid not in self._running:
                with contextlib.suppress(psutil.NoSuchProcess):
                    orphan.kill()
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(orphan.pid, wait)


def _started_s(pid: int) -> float | None:
    """When the system says that `pid` began, in epoch seconds: told apart from a reused pid."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None
