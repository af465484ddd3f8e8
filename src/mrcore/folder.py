"""The state folder: where a core and a stack keep what they know, and how one finds the other.

```
core.lock  core.json      the one core of this folder: {"pid", "socket", "control", "version"}
stack.lock stack.json     the one stack of this folder: the ready line of `mrcore up`, mode 0600
boot.jsonl                the stack's boot, a step a line
processes.json            the stack's processes now
settings.json mentor.json what the stack tells its core and Mr. Mentor's processes, mode 0600
redact.key                the key of what redaction shows as tags, mode 0600
token                     the local bearer token for TCP, mode 0600
vault.key                 what encrypts what undo needs, mode 0600; without it no undo can be read
restart/<process>         a wish of the core to its supervisor: {"name", "pid", "by"}
deploy/                   .current_env names the live colour, switch.sh replaces it
worker.clock              seconds by which the clock of the worker's jobs is wrong, for game days
operators.json operate/   the manual steps of a game day that is played, and who wishes for one
keypresses                a byte for each key pressed at a screen while a game day is played
audit-anchor.json         the end of a stack's audit; any other core keeps it elsewhere
audit-anchor.path         where that is, said by the last core for the commands
ledger.sqlite history.sqlite  logs/  postgres/  valkey/
```
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs

from mrcore import errors

_MARKS = frozenset({"core.lock", "stack.lock", "ledger.sqlite"})
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def default_state() -> Path:
    """The state folder that a command uses when none is named: `MR_STATE` or the platform's."""
    return Path(os.environ.get("MR_STATE") or platformdirs.user_state_path("mr") / "local")


class StateFolder:
    """Paths and small files of one state folder; made on demand, private to its owner."""

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = Path(path or default_state()).expanduser().absolute()

    def make(self) -> StateFolder:
        """Create the folder (0700); one that is there and wider is made as narrow.

        Raises StackError when that is not possible.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _narrow(self.path)
        except OSError as error:
            raise errors.StackError(
                f"The state folder {self.path} cannot be made: {error.strerror}.",
                fix="Name another one with --state DIR.",
            ) from error
        return self

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def runtime(self) -> Path:
        """A short private folder for sockets: a socket's path is limited to 104 bytes.

        Raises StackError when it cannot be made or others could write into it.
        """
        tag = hashlib.sha256(str(self.path).encode()).hexdigest()[:10]
        base = os.environ.get("XDG_RUNTIME_DIR", "")
        try:
            if _is_ours(base):
                root = Path(base) / "mr"
            else:
                root = Path(tempfile.gettempdir()) / f"mr-{os.getuid()}"
            for level in (root, root / tag):
                _make_private(level)
        except OSError as error:
            raise errors.StackError(
                f"The folder for sockets cannot be made: {error}.",
                fix="Set XDG_RUNTIME_DIR to a short folder of your own.",
            ) from error
        return root / tag

    def read_json(self, name: str) -> dict[str, Any] | None:
        """A small JSON file of the folder, or None where it is absent or half-written."""
        try:
            value = json.loads((self.path / name).read_text())
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        """Replace a small JSON file in one step (0600)."""
        self.write_text(name, json.dumps(value))

    def write_text(self, name: str, text: str) -> None:
        """Replace a small file in one step (0600)."""
        temporary = self.path / f".{name}.{os.getpid()}"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(text)
        temporary.replace(self.path / name)

    def key(self, name: str, size: int) -> bytes:
        """The `size` random bytes of a file (0600), made when they are first asked for.

        Raises StackError when they cannot be read or made, or are not so many.
        """
        path = self.path / name
        try:
            if not path.exists():
                self._make_key(path, size)
            found = path.read_bytes()
        except OSError as error:
            raise errors.StackError(f"The key {path} cannot be used: {error.strerror}.") from error
        if len(found) != size:
            raise errors.StackError(f"{path} is not a key of {size} bytes.", fix="Remove it.")
        return found

    def _make_key(self, path: Path, size: int) -> None:
        """Whole or not at all; who comes second takes the first one's."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(secrets.token_bytes(size))
                file.flush()
                os.fsync(fd)
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)
        finally:
            temporary.unlink()

    @contextlib.contextmanager
    def lock(self, name: str, refusal: str) -> Iterator[None]:
        """Hold `name` exclusively.

        Raises StackError with `refusal` when another process holds it.
        """
        fd = os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _flock(fd):
            os.close(fd)
            raise errors.StackError(refusal)
        try:
            yield
        finally:
            os.close(fd)

    def locked(self, name: str) -> bool:
        """Whether a living process holds the lock `name`."""
        try:
            fd = os.open(self.path / name, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(fd)
        return False


def _narrow(state: Path) -> None:
    """Take a state folder and what is in it from everybody else.

    A folder that was never one, with somebody's files in it, is left as it is, and so is one that
    is shared by design (its sticky bit is set).
    """
    found = state.stat()
    names = {entry.name for entry in state.iterdir()}
    if found.st_mode & stat.S_ISVTX or (names and not names & _MARKS):
        return
    for entry in (state, *state.iterdir()):
        with contextlib.suppress(FileNotFoundError):  # a process of ours has just replaced it
            here = entry.lstat()
            kept = stat.S_ISREG(here.st_mode) or stat.S_ISDIR(here.st_mode)  # no socket of a group
            if kept and here.st_mode & _OTHERS and here.st_uid == os.getuid():
                entry.chmod(stat.S_IMODE(here.st_mode) & ~_OTHERS)


def _is_ours(base: str) -> bool:
    """Whether sockets can be under it: `su` and `sudo` keep the name of the other user's."""
    return os.access(base, os.W_OK | os.X_OK) and Path(base).stat().st_uid == os.getuid()


def _make_private(folder: Path) -> None:
    """Make a folder where there is none; what somebody else has put there is refused."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise errors.StackError(f"{folder} is not a folder.", fix="Remove it.")
    if found.st_uid != os.getuid():
        raise errors.StackError(f"{folder} belongs to another user.", fix="Remove it.")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise errors.StackError(f"Others may write into {folder}.", fix=f"chmod 700 {folder}")


def _flock(fd: int) -> bool:
    """Take a lock now; `locked()` of another process may hold it for the blink of an eye."""
    for pause_s in (0.0, 0.01, 0.03, 0.1):
        time.sleep(pause_s)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        return True
    return False
