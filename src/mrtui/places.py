"""Where things are: state folders, config files, contexts. Light: the CLI starts with it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from mrcore import errors

APP = "mr"


class Place(NamedTuple):
    """Where a core is: a state folder with its socket, or a URL with a token file."""

    state: Path | None = None
    url: str = ""
    token_file: Path | None = None

    @property
    def token(self) -> str:
        """The bearer token, read from its file; empty without one.

        Raises SettingsError when the file cannot be read.
        """
        if self.token_file is None:
            return ""
        try:
            return self.token_file.expanduser().read_text().strip()
        except OSError as error:
            raise errors.SettingsError(
                f"The token file {self.token_file} cannot be read: {error.strerror}."
            ) from error

    @property
    def name(self) -> str:
        """How it is called before the core has said its environment."""
        return self.url or (self.state.name if self.state else "")


def state_folder(name: str = "local") -> Path:
    """The state folder of this name; `MR_STATE` replaces the one of the plain `mrtui`."""
    if name == "local" and (chosen := os.environ.get("MR_STATE")):
        return Path(chosen)
    return platformdirs.user_state_path(APP) / name


def config_file(name: str) -> Path:
    """A file of the person's configuration: contexts.toml, keys.toml, settings.toml."""
    return platformdirs.user_config_path(APP) / name


def program() -> str:
    """How this program is called: `mrtui` where the shell finds it, else as it was called now."""
    if shutil.which("mrtui"):
        return "mrtui"
    return f"{sys.executable} -m mrtui" if sys.argv[0].endswith("__main__.py") else sys.argv[0]


def crash_folder() -> Path:
    """Where reports of crashes are left."""
    return platformdirs.user_state_path(APP) / "crashes"


def find(target: str, state: Path | None, token_file: Path | None) -> Place:
    """The place that a person named: a URL, a context, or the core of a state folder.

    Raises SettingsError when the context does not exist.
    """
    if not target:
        return Place(state=(state or state_folder()).expanduser().absolute(), token_file=token_file)
    if "://" in target:
        return Place(url=target, token_file=token_file)
    return _context(target, config_file("contexts.toml"), token_file)


def _context(name: str, path: Path, token_file: Path | None) -> Place:
    try:
        table = tomllib.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise errors.SettingsError(f"The contexts in {path} cannot be read: {error}.") from error
    entry = table.get(name)
    if not isinstance(entry, dict):
        known = ", ".join(sorted(table)) or "none"
        raise errors.SettingsError(
            f"There is no context {name!r} in {path} (known: {known}).",
            fix="A URL needs its scheme, for example http://127.0.0.1:8700.",
        )
    if unknown := set(entry) - {"url", "state", "token_file"}:
        raise errors.SettingsError(
            f"{path}: context {name!r} has {', '.join(sorted(unknown))}; "
            "it takes url, state and token_file."
        )
    return Place(
        state=Path(entry["state"]).expanduser() if "state" in entry else None,
        url=str(entry.get("url", "")),
        token_file=token_file or (Path(entry["token_file"]) if "token_file" in entry else None),
    )


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON file of a state folder; empty where it is absent or half-written."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def locked(path: Path) -> bool:
    """Whether a living process holds a lock file of a state folder."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def core_runs(state: Path) -> bool:
    """Whether a core runs for a state folder; what core.json says may be of one that was killed."""
    return locked(state / "core.lock")


def stack_runs(state: Path) -> bool:
    """Whether a stack is supervised in a state folder."""
    return locked(state / "stack.lock")


def make(state: Path) -> Path:
    """The state folder and its logs, made if need be (0700).

    Raises StackError when that is not possible.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        (state / "logs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise errors.StackError(
            f"The state folder {state} cannot be made: {error.strerror}.",
            fix="Name another one with --state DIR.",
        ) from error
    return state
